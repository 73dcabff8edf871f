"""Reads a long text for a claim, in parts, and keeps what it learns about the model server on the way."""

import contextlib
import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue

from sqlalchemy.exc import OperationalError

from tasks.calls import Calls, calls
from tasks.lease import Lease, LostLease, insist
from webapp.config import Settings
from webapp.events import tell
from webapp.extensions import current_settings, db
from webapp.models.model_limits import ModelLimits
from webapp.models.node import DocumentGone, Shelf
from webapp.models.summary import Claim, Summary
from webapp.summarizing.crew import TICK_SECONDS, Crew, IsUnwanted
from webapp.summarizing.engine import EngineFailure, Finished, Piece
from webapp.summarizing.pace import Batch, paced
from webapp.summarizing.parts import PartNotes, PartRequest, PartsEngine
from webapp.summarizing.prompt import new_fence
from webapp.summarizing.tokens import context_told, estimated_tokens, fewest_tokens
from webapp.summarizing.tree import TOO_LONG, Notes, run

CROWD_TICK_SECONDS = 1.0
CROWD_FLUSH = {"flush_seconds": 0.25, "first_flush_seconds": 0.25}
PROGRESS_SECONDS = 1.0  # between two steps that are shown
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PatientShelf:
    """A claim's notes, which wait for a database that is busy or away: each was paid for. A `tree.NodeStore`."""

    shelf: Shelf

    def get(self, keys: Sequence[str]) -> Mapping[str, str]:
        return insist(self.shelf.claim, partial(self.shelf.get, keys))

    def put(self, key: str, notes: str, tokens_in: int | None, tokens_out: int | None) -> None:
        insist(self.shelf.claim, partial(self.shelf.put, key, notes, tokens_in, tokens_out))


class Reading:
    """One claim's text on its way into a call that can hold it.

    The deadlines of the settings are those of each call: all of them together may take days.
    """

    def __init__(self, claim: Claim, writer: PartsEngine, lease: Lease) -> None:
        self._claim = claim
        self._writer = writer
        self._lease = lease
        self._calls = calls()
        self._settings = current_settings()
        self._budget = claim.learnt.applied_to(writer.budget(title=claim.title, ask=claim.ask))
        self._known = self._budget
        self._counts: SimpleQueue[tuple[int, int | None]] = SimpleQueue()
        self._show_at = 0.0

    def notes(self) -> Notes:
        """What is to be summarised instead of the text. Raises EngineFailure, Stopped and LostLease."""
        crew = Crew(
            write_part=self._write_part,
            workers=self._calls.most_parts,
            slots=self._calls,
            on_tick=self._lease.keep,
        )
        try:
            notes = run(
                self._claim.text,
                budget=self._budget,
                recipe=self._writer.recipe,
                store=PatientShelf(Shelf(self._claim)),
                crew=crew,
                on_progress=self._show,
            )
        except DocumentGone:
            raise LostLease from None
        self._budget = notes.budget
        if notes.nodes:
            self._progress(notes.nodes, notes.nodes)
        return notes

    def pieces(self, notes: Notes) -> Iterator[Piece]:
        """The call for the summary itself."""
        words = fewest_tokens(self._claim.text) if notes.nodes else None
        claim = self._claim
        return self._writer.write(notes.text, title=claim.title, ask=claim.ask, document_words=words)

    def shrink(self, failure: EngineFailure) -> None:
        """Read in smaller parts, if that was too long for the server and there is a smaller size; else raise it."""
        smaller = self._budget.shrunk(context_told(failure.detail)) if failure.code in TOO_LONG else None
        if smaller is None:
            raise failure
        self._budget = smaller

    def finish(self, notes: Notes, finished: Finished) -> None:
        """Note what has worked, and how the server counts."""
        estimated = self._budget.prompt_tokens + estimated_tokens(notes.text)
        self._counts.put((estimated, finished.tokens_in))
        calibration = self._budget.calibration
        while not self._counts.empty():
            estimated, counted = self._counts.get()
            calibration = calibration.after(estimated=estimated, counted=counted or 0)
        self._budget = replace(self._budget, calibration=calibration)

    def learn(self) -> None:
        """Keep that, too, once the answer is stored. What a busy database does not take is learnt the next time."""
        if self._budget == self._known:
            return
        try:
            ModelLimits.learn(self._budget)
        except OperationalError as error:
            log.warning("What the model server taught is not kept: %s", error.orig)
            db.session.rollback()

    def _write_part(self, request: PartRequest, is_unwanted: IsUnwanted) -> PartNotes:
        """In a thread of the crew: one call, under the deadlines that hold for any."""
        text, finished = "", None
        pieces = self._writer.write_part(request)
        with contextlib.closing(timed(pieces, self._settings, self._calls)) as batches:
            for batch in batches:
                if is_unwanted() and batch.finished is None:
                    raise CancelledError
                text = batch.words if batch.reset else text + batch.words
                finished = batch.finished or finished
        tokens_in, tokens_out = (finished.tokens_in, finished.tokens_out) if finished else (None, None)
        asked = sum(estimated_tokens(turn["content"]) for turn in request.messages(new_fence()))
        self._counts.put((asked, tokens_in))
        return PartNotes(text.strip(), tokens_in, tokens_out)

    def _progress(self, done: int, total: int) -> None:
        self._lease.store(partial(Summary.progress, self._claim, done, total))

    def _show(self, done: int, total: int) -> None:
        """Tell who looks how far it is. That a round is done is not told: it may need another one."""
        if done >= total or time.monotonic() < self._show_at:
            return
        self._progress(done, total)
        tell(self._claim.document_id)
        self._show_at = time.monotonic() + PROGRESS_SECONDS


def timed(pieces: Iterator[Piece], settings: Settings, calls: Calls) -> Generator[Batch, None, None]:
    """The batches of one call, under the deadlines that are set."""
    tick_seconds = CROWD_TICK_SECONDS if calls.is_crowd else TICK_SECONDS
    return paced(
        pieces,
        first_word_seconds=settings.first_word_seconds,
        silence_seconds=settings.silence_seconds,
        attempt_seconds=settings.attempt_seconds,
        tick_seconds=min(tick_seconds, settings.renew_seconds),
        **(CROWD_FLUSH if calls.is_crowd else {}),
    )
