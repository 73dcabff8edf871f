"""The actor that writes summaries, and what the worker process around it must be able to stop."""

import contextlib
import logging
from collections.abc import Iterator
from functools import cache, partial

import dramatiq
from flask import Flask

from tasks import renditions
from tasks.calls import calls
from tasks.lease import Lease, LostLease, Stopped, insist, stopping
from tasks.reading import Reading, timed
from webapp import create_app, hints
from webapp.config import Settings
from webapp.events import Pen, tell
from webapp.extensions import current_settings
from webapp.models.summary import Claim, Lane, Summary
from webapp.summarizing.engine import Engine, EngineFailure, FailureKind, Finished, Piece
from webapp.summarizing.extract import ExtractEngine
from webapp.summarizing.pace import Batch
from webapp.summarizing.parts import PartsEngine
from webapp.summarizing.tree import Coverage

log = logging.getLogger(__name__)


def declare(app: Flask) -> None:
    """Declare the actor on the application's broker, and the lanes that carry its hints."""
    broker: dramatiq.Broker = app.extensions["broker"]

    @dramatiq.actor(actor_name=hints.ACTOR, queue_name=Lane.INTERACTIVE, broker=broker)
    def generate(summary_id: int) -> None:
        with app.app_context():
            generate_now(int(summary_id))

    for lane in Lane:
        broker.declare_queue(lane)


def stop_all() -> None:
    """Make running summaries give their rows back, so that they start again at once elsewhere."""
    stopping.set()


def generate_now(summary_id: int) -> None:
    """Write one summary, if it is due and nobody else has it."""
    claim = None if stopping.is_set() else Summary.claim(summary_id)
    if claim is None:
        return
    pen = Pen(claim.document_id, claim.summary_id, claim.fence)
    try:
        _write(claim, pen)
    except EngineFailure as failure:
        log.info("Summary %s: %s", summary_id, failure)
        insist(claim, partial(Summary.fail, claim, failure))
    except Stopped:
        Summary.hand_back(claim)
    except LostLease:
        log.info("Summary %s is no longer wanted.", summary_id)
    except Exception as error:
        ours = EngineFailure(FailureKind.TRANSIENT, "internal_error", detail=type(error).__name__)
        insist(claim, partial(Summary.fail, claim, ours))
        raise
    finally:
        tell(claim.document_id, ended=pen)


def _write(claim: Claim, pen: Pen) -> None:
    writer, lease = engine(current_settings()), Lease(claim)
    reading = Reading(claim, writer, lease) if isinstance(writer, PartsEngine) else None
    if reading:
        text, finished, coverage = _read_and_written(reading, claim, lease, pen)
    else:
        text, finished = _written(
            writer.write(claim.text, title=claim.title, ask=claim.ask), claim, lease, pen
        )
        coverage = None
    with lease.turn():
        lease.store(
            lambda: Summary.finish(
                claim, text=text, format=_format(claim), finished=finished, coverage=coverage
            )
        )
    if reading:
        reading.learn()


def _read_and_written(
    reading: Reading, claim: Claim, lease: Lease, pen: Pen
) -> tuple[str, Finished, Coverage]:
    """Of a long text the notes are summarised; and in smaller parts, if it shows that even those are too long."""
    while True:
        notes = reading.notes()
        try:
            with calls().summary(lease.keep):
                text, finished = _written(reading.pieces(notes), claim, lease, pen)
        except EngineFailure as failure:
            reading.shrink(failure)
            pen.write("", is_reset=True)
        else:
            reading.finish(notes, finished)
            return text, finished, notes.coverage


def _written(pieces: Iterator[Piece], claim: Claim, lease: Lease, pen: Pen) -> tuple[str, Finished]:
    text, finished = "", None
    for batch in _kept(pieces, claim, lease):
        if batch.reset:
            text = ""
            pen.write("", is_reset=True)
        if batch.words:
            text += batch.words
            pen.write(batch.words)
        finished = batch.finished or finished
    if finished is None:
        raise EngineFailure(FailureKind.TRANSIENT, "cut")
    return text.strip(), finished


def _format(claim: Claim) -> str:
    return current_settings().recipe.asking(claim.ask).format


def _kept(pieces: Iterator[Piece], claim: Claim, lease: Lease) -> Iterator[Batch]:
    """The engine's batches, while the lease is kept alive and nobody tells us to stop."""
    with contextlib.closing(timed(pieces, current_settings(), calls())) as batches:
        for number, batch in enumerate(batches):
            if number == 0:  # the engine has begun, and need not wait until everybody is told
                tell(claim.document_id)
            if batch.finished is None:
                lease.keep()
            yield batch


@cache
def engine(settings: Settings) -> Engine:
    """The engine that the settings name: one for the process, so that connections are kept."""
    if settings.engine == "extract":
        return ExtractEngine()
    from webapp.summarizing.openai_engine import OpenAIEngine  # a second's work, which most boxes are spared

    return OpenAIEngine(settings)


@cache
def make_app(settings: Settings) -> Flask:
    """The application of a worker process, its actors declared: one for the process, and for what is forked from it."""
    app = create_app(settings)
    declare(app)
    renditions.declare(app)
    return app
