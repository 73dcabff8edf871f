"""Hints: Dramatiq messages that carry a summary's id. One may be lost, doubled or late without harm."""

import logging

import dramatiq
from flask import current_app
from redis import RedisError

ACTOR = "generate"
log = logging.getLogger(__name__)


def send(summary_id: int, lane: str) -> None:
    """Put a hint on a lane. What keeps it from being sent is logged, and left to the sweeper.

    Raises SentTooEarly inside a write transaction: a worker could read the hint before the row is there.
    """
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=lane, actor_name=ACTOR, args=(summary_id,), kwargs={}, options={}
    )
    try:
        current_app.extensions["broker"].enqueue(message)
    except RedisError as error:
        log.warning("No hint for summary %s was sent: %s", summary_id, error)


def waiting(lane: str) -> int | None:
    """How many hints wait on a lane, or None if nobody can say."""
    broker = current_app.extensions["broker"]
    try:
        return int(broker.client.llen(f"{broker.namespace}:{lane}"))
    except RedisError:
        return None
