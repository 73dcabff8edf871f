"""Whose turn it is, among the threads of one process: first come, first served, and decided in memory.

SQLite has one writer and no line: each who waits looks again and again whether the lock is free. Of many threads that do
so, most of a core's time is spent on looking, and on who holds the lock waiting for those who look.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Of those who ask, `number` at a time have the turn. It is a courtesy, and no lock: the database has that."""

    def __init__(self, number: int = 1) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._free = number

    @contextmanager
    def taken(self, seconds: float) -> Iterator[bool]:
        """Have the turn within. False if it did not come within `seconds`."""
        has_turn = self._take(seconds)
        try:
            yield has_turn
        finally:
            if has_turn:
                self._pass_on()

    def _take(self, seconds: float) -> bool:
        with self._guard:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            return mine.acquire(timeout=seconds) or not self._has_left(mine)
        except BaseException:
            if not self._has_left(mine):
                self._pass_on()
            raise

    def _has_left(self, mine: threading.Lock) -> bool:
        """Wait no longer. False if the turn was given to us at this very moment."""
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return True
            return False

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
