"""What every event stream needs: the headers, and an end once the sign-in has ended, or the database is away."""

import logging
import time
from collections.abc import Iterator

from flask import Response, stream_with_context
from sqlalchemy.exc import OperationalError

from webapp.extensions import db
from webapp.security import is_still_signed_in

CHECK_SECONDS = 10.0
SILENCE_SECONDS = 10.0  # after which a stream shows whether anybody still listens
HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}

log = logging.getLogger(__name__)


def follow(events: Iterator[str | None]) -> Response:
    """Send events as they come. A None becomes a comment, which shows whether anybody is still there.

    The sign-in is looked at again every few seconds: once it has ended, so does the stream.
    """
    return Response(stream_with_context(_checked(events)), mimetype="text/event-stream", headers=HEADERS)


def _checked(events: Iterator[str | None]) -> Iterator[str]:
    db.session.remove()
    yield ": hello\n\n"
    try:
        yield from _while_signed_in(events)
    except OperationalError as error:  # the page asks for another stream, which begins with the state
        log.warning("A stream has ended, as the database failed: %s", error.orig)


def _while_signed_in(events: Iterator[str | None]) -> Iterator[str]:
    check_at = time.monotonic() + CHECK_SECONDS
    for event in events:
        if time.monotonic() >= check_at:
            if not is_still_signed_in():
                return
            check_at = time.monotonic() + CHECK_SECONDS
        yield ": still here\n\n" if event is None else event
