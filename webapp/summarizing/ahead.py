"""A call that is made ready while it is still being decided whether it is made.

All that it needs before its first byte is done: the prompt is written, the request built. There it waits at a door, behind
which its server is. Only `write` with the very same opens it; until then nothing is sent, and nobody connected to. A call that
nobody asks for within HELD_SECONDS ends where it is, and one that is asked for while it is made ready goes straight through.
"""

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, runtime_checkable

from webapp.summarizing.engine import USUAL, Ask, Piece

HELD_SECONDS = 0.25  # a click is decided in milliseconds


@runtime_checkable
class ReadyEngine(Protocol):
    """An engine that can make a call ready."""

    def get_ready(self, text: str, *, title: str, ask: Ask = USUAL) -> None:
        """Make ready what `write` with the same does, and wait whether it comes. Returns when the server has begun to
        answer, or nobody has asked for it.
        """
        ...


class Door:
    """It is opened or shut, once and for all, by whoever is first."""

    def __init__(self) -> None:
        self._is_open: bool | None = None
        self._decided = threading.Condition()

    def open(self) -> bool:
        """Let the call go. False if its time was over."""
        return self._decide(is_open=True)

    def shut(self) -> None:
        self._decide(is_open=False)

    def lets_through(self) -> bool:
        """Wait here. False if it was shut, or not opened in time."""
        with self._decided:
            self._decided.wait_for(lambda: self._is_open is not None, HELD_SECONDS)
        return self._decide(is_open=False)

    def _decide(self, *, is_open: bool) -> bool:
        with self._decided:
            if self._is_open is None:
                self._is_open = is_open
                self._decided.notify_all()
            return self._is_open


class _Held(NamedTuple):
    asked: tuple[Any, ...]
    door: Door
    answer: Any


class Ahead:
    """The one call of an engine that is ready, if there is one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: _Held | None = None

    @contextmanager
    def held(self, asked: tuple[Any, ...], door: Door, answer: Any) -> Iterator[None]:
        """Keep what is made ready for whoever asks the same."""
        mine = _Held(asked, door, answer)
        with self._guard:
            self._held = mine
        try:
            yield
        finally:
            with self._guard:
                self._held = None if self._held is mine else self._held

    def taken(self, asked: tuple[Any, ...]) -> Any:
        """The answer that was made ready for this very thing, its call let go; None if there is none."""
        with self._guard:
            found = self._held
            if found is None or found.asked != asked:
                return None
            self._held = None
        return found.answer if found.door.open() else None


def pieces_of(begun: Future[Iterator[Piece]]) -> Generator[Piece, None, None]:
    """Those of an answer that another thread begins."""
    yield from begun.result()
