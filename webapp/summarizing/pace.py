"""Reads an engine in a thread of its own, so that words come in time and deadlines hold, whatever it does."""

import queue
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from webapp.summarizing.engine import EngineFailure, FailureKind, Finished, Piece, Reset, Words

BEGUN_SECONDS = 0.02  # in which an engine asks its server, with nothing else going on in this process


@dataclass(frozen=True, slots=True)
class Batch:
    """What is new: forget the words before if `reset`, then add `words`. An empty batch is a tick."""

    words: str = ""
    reset: bool = False
    finished: Finished | None = None

    def __bool__(self) -> bool:
        return bool(self.words or self.reset or self.finished)

    def plus(self, piece: Piece) -> "Batch":
        if isinstance(piece, Words):
            return Batch(self.words + piece.text, self.reset)
        if isinstance(piece, Reset):
            return Batch("", True)
        if isinstance(piece, Finished):
            return Batch(self.words, self.reset, piece)
        return self


def paced(
    pieces: Iterator[Piece],
    *,
    first_word_seconds: float,
    silence_seconds: float,
    attempt_seconds: float,
    tick_seconds: float,
    flush_seconds: float = 0.03,
) -> Generator[Batch, None, None]:
    """Yield the engine's pieces as batches: the first words at once, later ones at most `flush_seconds` after
    they came, and an empty batch at the latest `tick_seconds` after the last one. The first batch comes within
    BEGUN_SECONDS: by then the engine has begun. The last batch has `finished`.

    Raises the engine's EngineFailure, or one of kind TRANSIENT: "silent_start" and "silent" when nothing came
    for `first_word_seconds` before the first piece or `silence_seconds` after it, "too_slow" after
    `attempt_seconds`, and "cut" if the engine ends without Finished. Bytes that are no piece yet (a
    keep-alive comment) break a silence, where the engine tells of them by `heard_at`.

    Close the generator to end the work early. Then and after a failure the engine is told by `cancel`, where
    it has that, and its thread ends as soon as it returns; it is not waited for.
    """
    pump = _Pump(pieces)
    clock = _Clock(pump, first_word_seconds, silence_seconds, attempt_seconds)
    pump.start()
    try:
        yield from _batches(pump, clock, tick_seconds, flush_seconds)
    finally:
        pump.stop()


def _batches(
    pump: "_Pump", clock: "_Clock", tick_seconds: float, flush_seconds: float
) -> Generator[Batch, None, None]:
    pending = Batch()
    flush_at = 0.0
    tick_at = time.monotonic() + min(tick_seconds, BEGUN_SECONDS)
    while not pending.finished:
        wake_at = min(flush_at if pending else tick_at, clock.ends_at)
        piece = pump.next(wake_at - time.monotonic())
        pending = pending.plus(piece) if piece else pending
        if not pending.finished:
            clock.check(is_silent=piece is None)
        now = time.monotonic()
        if pending.finished or now >= (flush_at if pending else tick_at):
            is_tick = not pending
            yield pending
            pending = Batch() if not pending.finished else pending
            tick_at = time.monotonic() + tick_seconds
            flush_at = flush_at if is_tick else time.monotonic() + flush_seconds  # a tick holds no words up


class _Clock:
    """Tells when the engine has had its time."""

    def __init__(
        self, pump: "_Pump", first_word_seconds: float, silence_seconds: float, attempt_seconds: float
    ) -> None:
        self._pump = pump
        self._first_word_seconds = first_word_seconds
        self._silence_seconds = silence_seconds
        self._last_at = time.monotonic() + attempt_seconds

    @property
    def ends_at(self) -> float:
        """The moment from which on no more is waited for, unless something is heard before."""
        return min(self._silent_at, self._last_at)

    @property
    def _silent_at(self) -> float:
        seconds = self._silence_seconds if self._pump.has_spoken else self._first_word_seconds
        return self._pump.heard_at + seconds

    def check(self, *, is_silent: bool) -> None:
        """Raise EngineFailure once a deadline has passed. Pieces that wait for the caller are no silence."""
        now = time.monotonic()
        if now >= self._last_at:
            raise EngineFailure(FailureKind.TRANSIENT, "too_slow")
        if is_silent and now >= self._silent_at:
            raise EngineFailure(FailureKind.TRANSIENT, "silent" if self._pump.has_spoken else "silent_start")


class _Pump:
    """Takes the pieces out of the engine, one after the other, in a thread that may be left behind."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self.has_spoken = False
        self._pieces: Any = pieces
        self._piece_at = time.monotonic()
        self._out: queue.SimpleQueue[Piece | BaseException] = queue.SimpleQueue()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell the engine to end; a thread that is blocked in it wakes up."""
        self._is_stopped = True
        cancel = getattr(self._pieces, "cancel", None)
        if cancel and self._thread.is_alive():
            cancel()

    def next(self, timeout: float) -> Piece | None:
        """The next piece, or None if none comes within `timeout` seconds. Raises what the engine raised."""
        try:
            found = self._out.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            return None
        if isinstance(found, BaseException):
            raise found
        return found

    @property
    def heard_at(self) -> float:
        """When the engine last gave a sign of life, on the monotonic clock."""
        return max(self._piece_at, getattr(self._pieces, "heard_at", 0.0))

    def _run(self) -> None:
        try:
            self._pass_on()
            self._out.put(EngineFailure(FailureKind.TRANSIENT, "cut"))
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread of the caller
            self._out.put(error)
        finally:
            self._close()

    def _pass_on(self) -> None:
        for piece in self._pieces:
            self.has_spoken, self._piece_at = True, time.monotonic()
            self._out.put(piece)
            if self._is_stopped or isinstance(piece, Finished):
                return

    def _close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close:
            close()
