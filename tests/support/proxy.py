"""A TCP proxy that lets through, delays, slices, swallows or cuts what goes by."""

import asyncio
import socket
import struct
from dataclasses import dataclass

from tests.support.listening import Listening

CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Weather:
    """What becomes of the bytes of either direction. Times are in seconds."""

    delay: float = 0.0
    slice_bytes: int | None = None
    swallows: bool = False  # takes all, and nothing arrives
    cut_after: int | None = None  # bytes of an answer, by RST


class Proxy(Listening):
    """Passes on to a port of loopback or to a unix socket."""

    def __init__(self, target: int | str) -> None:
        super().__init__()
        self.weather = Weather()
        self._target = target

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._line(reader, writer)
        except OSError:
            pass
        finally:
            _reset(writer)

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(self._target, int):
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        else:
            there, back = await asyncio.open_unix_connection(self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, back, is_answer=False))
                both.create_task(self._pass(there, writer, is_answer=True))
        except* (OSError, ConnectionError):
            pass
        finally:
            back.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        passed = 0
        while data := await reader.read(CHUNK_BYTES):
            weather = self.weather
            if weather.swallows:
                continue
            if is_answer and weather.cut_after is not None and passed + len(data) >= weather.cut_after:
                writer.write(data[: max(0, weather.cut_after - passed)])
                raise ConnectionResetError
            for start in range(0, len(data), weather.slice_bytes or len(data)):
                if weather.delay:
                    await asyncio.sleep(weather.delay)
                writer.write(data[start : start + (weather.slice_bytes or len(data))])
                await writer.drain()
            passed += len(data)
        raise ConnectionResetError  # one end is enough: there is no half of a connection here


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
