"""Calls a model for several parts side by side, and ends all of it at once when one fails or nobody wants it any more."""

import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from webapp.summarizing.engine import EngineFailure, FailureKind
from webapp.summarizing.parts import PartNotes, PartRequest

TICK_SECONDS = 0.2
CANCEL_SECONDS = 5.0  # how long calls that are being cancelled may still bring their notes


class Slots(Protocol):
    """What a call needs one of, while it lasts. A `threading.Semaphore` is such a thing."""

    def acquire(self, *, timeout: float) -> bool: ...
    def release(self) -> None: ...


IsUnwanted = Callable[[], bool]
WritePart = Callable[[PartRequest, IsUnwanted], PartNotes]
Written = tuple[PartRequest, PartNotes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Writes what is missing: at most `workers` side by side, and no more than `slots` of all crews that share them.

    `write_part` is called in threads, with a question to be asked now and then: whether its notes are still not
    unwanted. `on_tick` is called in the caller's thread several times a second, and ends everything if it raises.
    """

    write_part: WritePart
    workers: int
    slots: Slots | None = None
    on_tick: Callable[[], object] = lambda: None

    def written(self, requests: Sequence[PartRequest]) -> Generator[Written, None, None]:
        """Yield the notes as they come. The first failure cancels the others, and is raised once those have ended."""
        done: queue.SimpleQueue[Future[Written]] = queue.SimpleQueue()
        unwanted = threading.Event()
        failure, ends_at = None, math.inf
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="part")
        try:
            for request in requests:
                pool.submit(self._write, request, unwanted).add_done_callback(done.put)
            for _ in requests:
                future = self._next(done, ends_at)
                if future is None:
                    break
                error = None if future.cancelled() else future.exception()
                if error is None and not future.cancelled():
                    yield future.result()
                elif error and failure is None:
                    failure, ends_at = error, time.monotonic() + CANCEL_SECONDS
                    _cancel(pool, unwanted)
        finally:
            _cancel(pool, unwanted)
        if failure:
            raise failure

    def _next(self, done: "queue.SimpleQueue[Future[Written]]", ends_at: float) -> Future[Written] | None:
        while time.monotonic() < ends_at:
            self.on_tick()
            with contextlib.suppress(queue.Empty):
                return done.get(timeout=TICK_SECONDS)
        return None

    def _write(self, request: PartRequest, unwanted: threading.Event) -> Written:
        while self.slots and not self.slots.acquire(timeout=TICK_SECONDS):
            if unwanted.is_set():
                raise CancelledError
        try:
            if unwanted.is_set():
                raise CancelledError
            notes = self.write_part(request, unwanted.is_set)
        finally:
            if self.slots:
                self.slots.release()
        if not notes.text.strip():
            raise EngineFailure(FailureKind.UNUSABLE, "empty")
        return request, notes


def _cancel(pool: ThreadPoolExecutor, unwanted: threading.Event) -> None:
    unwanted.set()
    pool.shutdown(wait=False, cancel_futures=True)
