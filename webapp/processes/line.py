"""A client's connection, which is waited for, but not for ever: whoever sends or reads too slowly is hung up on.

nginx, Apache's mod_reqtimeout and cheroot do so. gunicorn's gevent worker has a deadline for a request's head, and
none for its body and for the answer.
"""

import logging
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from errno import ECONNRESET
from typing import IO, Any

PORTION_BYTES = 65_536  # what has to be through within the patience: at 30 seconds, 2 kB a second
IDLE_SECONDS = 15.0  # between two requests of a connection
FAREWELL_SECONDS = 1.0
UNSENT_BYTES = (
    131_072  # of an answer that the kernel keeps for who does not read it; by itself it would take 4 MB
)
RESET = struct.pack("ii", 1, 0)  # close at once, and let the kernel forget what was not taken
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

log = logging.getLogger(__name__)


class TooSlow(ConnectionResetError):
    """The other side was waited for long enough. To gunicorn it is somebody who has hung up."""

    def __init__(self, doing: str) -> None:
        super().__init__(ECONNRESET, f"it {doing} too slowly")


class Line:
    """A socket of gevent's. Only the time in which it is waited for counts, and not what is done in between.

    A request's head has `patience` seconds as a whole; its body has them anew for each portion, and so has the answer.
    """

    def __init__(self, client: Any, patience: float, gate: Callable[[bool], None] | None = None) -> None:
        self._client = client
        self._patience = patience
        self._gate = gate
        self.was_quick = False  # whether what was asked for last was kept
        self._is_over = False
        self._is_cut_short = False
        self.is_given_away = False
        self._tell("TCP_NOTSENT_LOWAT", UNSENT_BYTES)
        self._tell("TCP_USER_TIMEOUT", round(1000 * patience))  # of who is gone without a word
        self.wait()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def wait(self) -> None:
        """From here on the next request is waited for."""
        self._request: Any = None
        self._is_idle = True
        self._allow(min(IDLE_SECONDS, self._patience))

    def receive(self, request: Any) -> None:
        """The head of a request is there: from here on its body is read, and the answer written."""
        self._request = request
        self._is_idle = False  # even if nothing was read: its head may have come with the request before
        self._allow(self._patience)

    def recv(self, size: int) -> bytes:
        """What has come; nothing where there will be no further request. Raises TooSlow in the middle of a body."""
        if self._is_over:
            return b""
        begun = time.monotonic()
        try:
            self._client.settimeout(max(self._seconds, 0.001))
            data: bytes = self._client.recv(size)
        except TimeoutError:
            return self._give_up()
        self._seconds -= time.monotonic() - begun
        if self._is_idle:
            self.let_others_go_first()
        self._count(len(data))
        return data

    def let_others_go_first(self) -> None:
        """Before anything is done, those who wait longer, or whose page is kept."""
        if self._gate is not None:
            self._gate(self.was_quick)

    def sendall(self, data: bytes) -> None:
        """Raises TooSlow where a portion is not taken."""
        view = memoryview(data)
        for start in range(0, len(view), PORTION_BYTES):
            try:
                self._client.settimeout(self._patience)
                self._client.sendall(view[start : start + PORTION_BYTES])
            except TimeoutError:
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                raise self._too_slow("reads") from None

    def send_at_once(self, data: bytes) -> int:
        """How many of these bytes the kernel takes without a wait. Raises OSError if the other side has gone."""
        try:
            return os.write(self._client.fileno(), data)
        except BlockingIOError:
            return 0

    def give_away(self) -> "Line":
        """The connection for who goes on with the answer once the request is over, and hangs up."""
        self._is_over = self.is_given_away = True
        client = socket.socket(fileno=self._client.detach())  # the old one is closed with the request
        client.settimeout(self._patience)
        return Line(client, self._patience)

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int = 0) -> None:
        file.seek(offset)
        while count > 0 and (data := file.read(min(PORTION_BYTES, count))):
            self.sendall(data)
            count -= len(data)

    def close(self) -> None:
        """Who was answered in the middle of sending gets to read it: to close on unread bytes would take it back."""
        if self.is_given_away:
            return
        if self._is_cut_short:
            from gunicorn import (
                util,
            )  # the application, which knows TooSlow, also runs where there is no gunicorn

            util.close_graceful(self._client, timeout=FAREWELL_SECONDS)
        self._client.close()

    def _tell(self, option: str, value: int) -> None:
        """Have the kernel do its part, where it can: both are Linux's."""
        with suppress(AttributeError, OSError):
            self._client.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def _allow(self, seconds: float) -> None:
        self._seconds = seconds
        self._bytes = 0

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._is_idle:
            self._is_idle = False
            self._allow(self._patience)
        elif self._request is not None and self._bytes >= PORTION_BYTES:
            self._allow(self._patience)

    def _give_up(self) -> bytes:
        if self._is_idle:
            self._is_over = True
        elif self._request is None:
            self._too_slow("sends its request")
            self._client.sendall(TOO_SLOW)
        else:
            self._is_cut_short = True
            self._request.force_close()
            raise self._too_slow("sends") from None
        return b""

    def _too_slow(self, doing: str) -> TooSlow:
        self._is_over = True
        error = TooSlow(doing)
        log.info("A client is hung up on: %s.", error.strerror)
        return error


class NoLine:
    """In its place under another server, which has an order of its own."""

    was_quick = False

    def let_others_go_first(self) -> None: ...


def connection_of(environ: Mapping[str, Any]) -> Line | NoLine:
    """The connection that a request came by."""
    found = environ.get("gunicorn.socket")  # which is a plain socket where gunicorn is not set up as here
    return found if isinstance(found, Line) else NoLine()
