"""Hints: Dramatiq messages that carry ids. One may be lost, doubled or late without harm."""

import logging

import dramatiq
from flask import current_app
from redis import RedisError

ACTOR = "generate"
LAYING_OUT = "lay_out"
IMPORTER = "bring_in"
IMPORTS = "imports"  # the queue of what is brought in: to read files never waits behind summaries
log = logging.getLogger(__name__)


def send(summary_id: int, lane: str) -> None:
    """Put a hint of a summary on a lane. What keeps it from being sent is logged, and left to the sweeper.

    Raises SentTooEarly inside a write transaction: a worker could read the hint before the row is there.
    """
    _send(ACTOR, (summary_id,), lane)


def bring_in(import_id: int) -> None:
    """Put a hint of a file or link on the queue of imports, as above."""
    _send(IMPORTER, (import_id,), IMPORTS)


def lay_out(document_id: int, version: int, lane: str) -> None:
    """Put a hint of a long text on a lane, as above; if it is lost, whoever opens the page sends another."""
    _send(LAYING_OUT, (document_id, version), lane)


def _send(actor: str, ids: tuple[int, ...], lane: str) -> None:
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=lane, actor_name=actor, args=ids, kwargs={}, options={}
    )
    try:
        current_app.extensions["broker"].enqueue(message)
    except RedisError as error:
        log.warning("No hint to %s %s was sent: %s", actor, ids, error)


def waiting(lane: str) -> int | None:
    """How many hints wait on a lane, or None if nobody can say."""
    try:
        return int(current_app.extensions["broker"].waiting(lane))
    except RedisError:
        return None
