"""Clients that send slowly, or don't read what they asked for."""

import selectors
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self


class Trickle:
    """Connections that each send their beginning and then a byte now and then, until they are hung up on.

    Within a `with`; nothing goes on by itself: `step` lets all of them send a byte.
    """

    def __init__(self, port: int, beginnings: Iterable[bytes]) -> None:
        self.answers: list[bytes] = []
        self._address = ("127.0.0.1", port)
        self._beginnings = list(beginnings)
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        for beginning in self._beginnings:
            client = socket.create_connection(self._address, timeout=10)
            client.sendall(beginning)
            client.setblocking(False)
            self._selector.register(client, selectors.EVENT_READ, bytearray())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key in list(self._selector.get_map().values()):
            self._leave(key)
        self._selector.close()

    @property
    def left(self) -> int:
        """How many are not hung up on."""
        return len(self._selector.get_map())

    def step(self, pause: float = 0.1) -> None:
        """Let each send a byte, and read what has come."""
        for key in list(self._selector.get_map().values()):
            with suppress(OSError):
                key.fileobj.send(b"x")  # type: ignore[union-attr]  # a socket
        time.sleep(pause)
        for key, _ in self._selector.select(0):
            self._read(key)

    def _read(self, key: selectors.SelectorKey) -> None:
        try:
            data = key.fileobj.recv(65_536)  # type: ignore[union-attr]  # a socket
        except OSError:
            data = b""
        key.data.extend(data)
        if not data:
            self._leave(key)

    def _leave(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fileobj)
        key.fileobj.close()  # type: ignore[union-attr]  # a socket
        self.answers.append(bytes(key.data))
