"""An open page that listens, beyond the request that opened it: who has it, and the way there.

Under gunicorn a page takes no more than this: its connection is given away by the request, and whoever tells the
audience writes to it. Another server keeps a thread for each request, which then waits for what is to be sent.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from webapp.models.member import Member
from webapp.processes.line import Line

HELLO = b": hello\n\n"
STILL_HERE = b": still here\n\n"  # shows whether anybody is
END = b"0\r\n\r\n"


class Owed:
    """What could not be sent yet: the last state, and the last words since. What came before is told by these, too."""

    def __init__(self) -> None:
        self._state = self._words = b""

    def add(self, data: bytes, *, is_state: bool) -> None:
        if is_state:
            self._state, self._words = data, b""
        elif data is not STILL_HERE or not (self._state or self._words):
            self._words = data

    def take(self) -> bytes:
        """All of it, which is owed no longer."""
        owed = self._state + self._words
        self._state = self._words = b""
        return owed


class Wire:
    """A connection that was given away. A page that takes less than it is told gets the rest from a thread of its own.

    For gevent, whose threads take turns of their own accord.
    """

    def __init__(self, line: Line, head: bytes, *, is_chunked: bool) -> None:
        self.is_gone = False
        self._line = line
        self._is_chunked = is_chunked
        self._is_behind = False
        self._is_ending = False
        self._owed = Owed()
        self._write(head + self._framed(HELLO))

    def send(self, data: bytes, *, is_state: bool = False) -> None:
        if self._is_behind:
            self._owed.add(data, is_state=is_state)
        elif not self.is_gone:
            self._write(self._framed(data))

    def close(self) -> None:
        """Once all that is owed was sent."""
        self._is_ending = True
        if not self._is_behind:
            self._hang_up()

    def _write(self, data: bytes) -> None:
        try:
            taken = self._line.send_at_once(data)
        except OSError:
            self.is_gone = True
            return
        if taken < len(data):
            self._is_behind = True
            threading.Thread(target=self._catch_up, args=(data[taken:],), daemon=True).start()

    def _catch_up(self, data: bytes) -> None:
        try:
            while data:
                self._line.sendall(data)
                owed = self._owed.take()
                data = self._framed(owed) if owed else b""
        except OSError:  # it has left, or reads too slowly
            self.is_gone = True
        self._is_behind = False
        if self._is_ending:
            self._hang_up()

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data

    def _hang_up(self) -> None:
        if self._is_chunked and not self.is_gone:
            with suppress(OSError):
                self._line.send_at_once(END)
        self._line.close()


class Tube:
    """A request that stays, and sends what it `receives`."""

    def __init__(self) -> None:
        self.is_gone = False
        self._is_ending = False
        self._owed = Owed()
        self._changed = threading.Condition()

    def send(self, data: bytes, *, is_state: bool = False) -> None:
        with self._changed:
            self._owed.add(data, is_state=is_state)
            self._changed.notify()

    def close(self) -> None:
        """Once all that is owed was received."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()

    def receives(self) -> Iterator[bytes]:
        try:
            yield HELLO
            while data := self._next():
                yield data
        finally:
            self.is_gone = True

    def _next(self) -> bytes:
        with self._changed:
            while not (data := self._owed.take()) and not self._is_ending:
                self._changed.wait()
        return data


@dataclass(eq=False, slots=True)
class Seat:
    """One open page: what is its own of what all are told. `sign_in` and `token` are those of its session and forms."""

    member: Member
    sign_in: str
    token: str
    last_event_id: str
    way: Wire | Tube
