"""How many calls of the model server a worker process makes at once, whatever its threads are at."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import current_app

from webapp.extensions import current_settings

TICK_SECONDS = 0.2


class Calls:
    """At most `most` calls at once. Those for parts of long documents leave one free where they can, and go behind
    whoever is about to write: else a short text would wait for a long one to be read.

    It is what a `Crew` takes its slots from.
    """

    def __init__(self, most: int, *, is_crowd: bool = False) -> None:
        self._most = most
        self.is_crowd = is_crowd  # of so many, for whom nobody waits, each is looked at the more seldom
        self.most_parts = max(1, most - 1)
        self._parts = self._summaries = self._waiting = 0
        guard = threading.Lock()
        self._for_parts, self._for_summaries = threading.Condition(guard), threading.Condition(guard)

    def acquire(self, *, timeout: float) -> bool:
        """Begin a part. False if there is no room for it within `timeout` seconds."""
        with self._for_parts:
            has_room = self._for_parts.wait_for(self._has_room_for_a_part, timeout)
            self._parts += has_room
        return has_room

    def release(self) -> None:
        """A part's call has ended."""
        with self._for_parts:
            self._parts -= 1
            self._pass_on()

    @contextmanager
    def summary(self, on_tick: Callable[[], object]) -> Iterator[None]:
        """Room for the call that writes a summary. `on_tick` is called while it is waited for, and may raise."""
        while not self._begin_summary():
            on_tick()
        try:
            yield
        finally:
            with self._for_summaries:
                self._summaries -= 1
                self._pass_on()

    def _pass_on(self) -> None:
        """One call has ended: one that waits begins."""
        self._for_summaries.notify() if self._waiting else self._for_parts.notify()

    def _begin_summary(self) -> bool:
        with self._for_summaries:
            self._waiting += 1
            has_room = self._for_summaries.wait_for(self._has_room, TICK_SECONDS)
            self._waiting -= 1
            self._summaries += has_room
            if not self._waiting:
                self._for_parts.notify_all()  # who waits of them stood behind this one
        return has_room

    def _has_room(self) -> bool:
        return self._parts + self._summaries < self._most

    def _has_room_for_a_part(self) -> bool:
        return not self._waiting and self._parts < self.most_parts and self._has_room()


def calls() -> Calls:
    """Those of this process: as many as a lane for people who wait has, unless the worker says otherwise."""
    kept: Calls = current_app.extensions.setdefault("calls", Calls(current_settings().interactive_threads))
    return kept
