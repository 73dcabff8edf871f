"""A TCP proxy that lets through, delays, slices, swallows or cuts what goes by."""

import asyncio
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Any, Self

CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Weather:
    """What becomes of the bytes of either direction. Times are in seconds."""

    delay: float = 0.0
    slice_bytes: int | None = None
    swallows: bool = False  # takes all, and nothing arrives
    cut_after: int | None = None  # bytes of an answer, by RST


class Proxy:
    """Listens on loopback within a `with`, and passes on to a port of loopback or to a unix socket."""

    def __init__(self, target: int | str) -> None:
        self.port = 0
        self.weather = Weather()
        self.connections = 0  # that were ever made
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._listener: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self) -> None:
        """Listen, again on the same port as before."""
        self._run(self._open())

    def refuse(self) -> None:
        """Cut what there is, and refuse what comes."""
        self._run(self._close())

    def cut(self) -> None:
        """Cut what there is. New connections are let in."""
        self._run(self._cut())

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _open(self) -> None:
        self._listener = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        await self._cut()

    async def _cut(self) -> None:
        for line in list(self._lines):
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        self.connections += 1
        try:
            await self._line(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._lines.discard(task)
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
