"""Reads an engine in a thread of its own, so that words come in time and deadlines hold, whatever it does."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from webapp.summarizing.engine import EngineFailure, FailureKind, Finished, Piece, Reset, Words

BEGUN_SECONDS = 0.02  # in which an engine asks its server, with nothing else going on in this process
IDLE_SECONDS = 5.0  # how long a thread is kept for the next engine


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
    first_flush_seconds: float = 0.0,
) -> Generator[Batch, None, None]:
    """Yield the engine's pieces as batches: the first words `first_flush_seconds` after they came, later ones at most
    `flush_seconds`, and an empty batch at the latest `tick_seconds` after the last one. The first batch comes within
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
        yield from _batches(pump, clock, tick_seconds, flush_seconds, first_flush_seconds)
    finally:
        pump.stop()


def _batches(
    pump: "_Pump", clock: "_Clock", tick_seconds: float, flush_seconds: float, first_flush_seconds: float
) -> Generator[Batch, None, None]:
    pending = Batch()
    flush_at = 0.0  # or, of the first words, that of their coming and a while
    tick_at = time.monotonic() + min(tick_seconds, BEGUN_SECONDS)
    while not pending.finished:
        wake_at = min(flush_at if pending else tick_at, clock.ends_at)
        pieces = pump.taken(wake_at - time.monotonic(), is_held_up=bool(pending))
        for piece in pieces:
            pending = pending.plus(piece)
        if pending and not flush_at:
            flush_at = time.monotonic() + first_flush_seconds
        if not pending.finished:
            clock.check(is_silent=not pieces)
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
        self._out: deque[Piece | BaseException] = deque()
        self._bell = threading.Lock()  # released when the caller is to look
        self._bell.acquire()
        self._is_awaited = True  # whether any piece rings, or the last one alone
        self._has_ended = self._is_stopped = self._is_over = False

    def start(self) -> None:
        _in_a_thread(self._run)

    def stop(self) -> None:
        """Tell the engine to end; a thread that is blocked in it wakes up."""
        self._is_stopped = True
        cancel = getattr(self._pieces, "cancel", None)
        if cancel and not self._is_over:
            cancel()

    def taken(self, timeout: float, *, is_held_up: bool) -> list[Piece]:
        """The next piece, or none if none comes within `timeout` seconds. Raises what the engine raised.

        Who is held up waits for all of that time, unless the last piece comes, and takes all that have come: to be
        woken for each takes longer than to read it.
        """
        self._is_awaited = not is_held_up
        if not (self._has_ended if is_held_up else self._out):
            self._bell.acquire(timeout=max(timeout, 0.0))
        pieces: list[Piece] = []
        for found in self._left(is_held_up):
            if isinstance(found, BaseException):
                raise found
            pieces.append(found)
        return pieces

    def _left(self, is_all: bool) -> Iterator[Piece | BaseException]:
        """What came, up to the end, or the first of it alone."""
        is_more = True
        while is_more and self._out:
            found = self._out.popleft()
            is_more = is_all and not isinstance(found, Finished)
            yield found

    @property
    def heard_at(self) -> float:
        """When the engine last gave a sign of life, on the monotonic clock."""
        return max(self._piece_at, getattr(self._pieces, "heard_at", 0.0))

    def _run(self) -> None:
        try:
            self._pass_on()
            self._put(
                EngineFailure(FailureKind.TRANSIENT, "cut"), is_last=True
            )  # heard by who waits for more
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread of the caller
            self._put(error, is_last=True)
        finally:
            self._close()
            self._is_over = True

    def _pass_on(self) -> None:
        for piece in self._pieces:
            self.has_spoken, self._piece_at = True, time.monotonic()
            is_last = isinstance(piece, Finished)
            self._put(piece, is_last=is_last)
            if self._is_stopped or is_last:
                return

    def _put(self, piece: Piece | BaseException, *, is_last: bool) -> None:
        self._out.append(piece)
        self._has_ended = self._has_ended or is_last
        if is_last or self._is_awaited:
            with suppress(RuntimeError):  # it rings already
                self._bell.release()

    def _close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close:
            close()


Task = Callable[[], object]
_idle: "list[SimpleQueue[Task]]" = []  # of the threads that wait for one: to begin a thread takes a while


def _in_a_thread(task: Task) -> None:
    try:
        mine = _idle.pop()
    except IndexError:
        mine = SimpleQueue()
        threading.Thread(target=_serve, args=(mine,), daemon=True).start()
    mine.put(task)


def _serve(mine: "SimpleQueue[Task]") -> None:
    """Do what comes, until nothing has come for a while. The thread is called a pump while it is one."""
    while task := _next(mine):
        threading.current_thread().name = "pump"
        task()
        _idle.append(mine)
        threading.current_thread().name = "idle pump"


def _next(mine: "SimpleQueue[Task]") -> Task | None:
    try:
        return mine.get(timeout=IDLE_SECONDS)
    except Empty:
        return None if _is_left(mine) else mine.get()


def _is_left(mine: "SimpleQueue[Task]") -> bool:
    """Whether nobody has just now taken the thread, which from here on nobody can."""
    with suppress(ValueError):
        _idle.remove(mine)
        return True
    return False
