"""Makes calls ready for those who have just begun to ask: a thread that listens for nudges."""

import logging
import threading
import time
from urllib.parse import parse_qsl

from flask import Flask
from redis import Redis, RedisError
from redis.client import PubSub

from webapp import nudges
from webapp.extensions import current_settings, db
from webapp.models.asking import ask_in
from webapp.models.upcoming import Upcoming
from webapp.summarizing.ahead import ReadyEngine
from webapp.summarizing.parts import PartsEngine
from webapp.summarizing.tokens import token_weight

RECONNECT_SECONDS = 0.5
PATIENCE_SECONDS = 5.0
CHECK_SECONDS = 60  # of silence, before the line is looked at
log = logging.getLogger(__name__)


def listen(app: Flask, url: str) -> None:
    """Follow nudges from now on, in a thread of its own, where the engine has something to make ready."""
    with app.app_context():
        is_of_use = isinstance(_engine(), ReadyEngine)
    if is_of_use:
        threading.Thread(target=_run, args=(app, url), name="nudges", daemon=True).start()


def get_ready(document_id: int, query: str) -> None:
    """Make ready the call for what an address asks for, if it is one call."""
    upcoming, writer = Upcoming.of(document_id), _engine()
    ask = ask_in(dict(parse_qsl(query))) if upcoming else None
    if upcoming is None or ask is None or not isinstance(writer, ReadyEngine):
        return
    if isinstance(writer, PartsEngine):
        budget = upcoming.learnt.applied_to(writer.budget(title=upcoming.title, ask=ask))
        if token_weight(upcoming.text) > budget.whole_tokens:
            return
    db.session.remove()  # what waits at a door, and for a server, holds no connection
    writer.get_ready(upcoming.text, title=upcoming.title, ask=ask)


def _engine() -> object:
    from tasks.summaries import engine

    return engine(current_settings())


def _run(app: Flask, url: str) -> None:
    client = Redis.from_url(url, socket_timeout=PATIENCE_SECONDS, health_check_interval=CHECK_SECONDS)
    while True:
        try:
            with client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]  # redis has not typed it
                channel.subscribe(nudges.CHANNEL)
                _follow(app, channel)
        except RedisError:
            log.debug("Nudges wait for Redis.")  # which those say who need it
        time.sleep(RECONNECT_SECONDS)


def _follow(app: Flask, channel: PubSub) -> None:
    """One after the other; for those that have come meanwhile it is too late."""
    while True:
        message = channel.get_message(timeout=CHECK_SECONDS)
        found = nudges.read(message["data"]) if message else None
        if found:
            _heed(app, *found)
            while channel.get_message(timeout=0):
                pass


def _heed(app: Flask, document_id: int, query: str) -> None:
    """Nobody has asked for anything yet: whatever goes wrong is for those who do."""
    try:
        with app.app_context():
            get_ready(document_id, query)
    except Exception as error:  # noqa: BLE001 - as above
        log.info("Nothing was made ready for document %s: %s", document_id, error)
