"""In which order requests begin, in one process: one by one, and in between it is seen who else has come.

gevent goes on with all that have come before it looks for others. Of a crowd of a hundred each would be begun, and most of
them only to wait, before somebody had a page that is kept and takes a fraction of a millisecond.
"""

import time
from collections import deque
from contextlib import suppress
from typing import Any

from gevent import get_hub, getcurrent

PATIENCE_SECONDS = 0.1  # after which who came first is let in every other time
HIGHEST = 2  # of libev's priorities: each round of its loop lets somebody in, whatever else there is to do


class Gate:
    """Those who wait to begin. A connection that was given a kept page last goes before the others."""

    def __init__(self) -> None:
        self._hub = get_hub()
        self._round: Any = self._hub.loop.idle(priority=HIGHEST)
        self._quick = deque[tuple[float, Any]]()
        self._others = deque[tuple[float, Any]]()
        self._owes_others = False

    def pass_through(self, is_quick: bool) -> None:
        """Wait for one's turn."""
        waiting = self._quick if is_quick else self._others
        mine = (time.monotonic(), getcurrent())
        waiting.append(mine)
        if not self._round.active:
            self._round.start(self._let_in)
        try:
            self._hub.switch()
        except BaseException:  # told to end while it waits
            with suppress(ValueError):
                waiting.remove(mine)
            raise

    def _let_in(self) -> None:
        waiting = self._next()
        if waiting:
            waiting.popleft()[1].switch()
        else:
            self._round.stop()

    def _next(self) -> deque[tuple[float, Any]]:
        if not (self._quick and self._others):
            return self._quick or self._others
        is_late = time.monotonic() - self._others[0][0] > PATIENCE_SECONDS
        self._owes_others = is_late and not self._owes_others
        return self._others if self._owes_others else self._quick
