"""Nudges: what a web process tells the workers when somebody has begun to ask for a summary.

While the click is still being written down, a worker reads the text and makes the call ready, up to its first byte. A nudge
asks for nothing and permits nothing: it may be lost, doubled, late or forged without harm. What is written is decided
by the hint that follows, and by the claim.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, request
from redis import RedisError
from redis.connection import ConnectionPool

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CHANNEL = "precis:nudges"
SEND_SECONDS = 0.05  # a nudge that takes longer has missed its moment
AWAY_SECONDS = 5.0  # until another one is tried
LET_IN_SECONDS = 600.0  # how long a cookie that was a member's is taken for one's
MOST_COOKIES = 1_000
LARGEST_ID = 2**31 - 1
_CLICK = re.compile(r"/documents/(\d{1,10})/summary", re.ASCII)
_NUDGE = re.compile(r"(\d{1,10})\?(.{0,4000})", re.ASCII | re.DOTALL)


class Nudges:
    """A connection of its own, whose answers nobody waits for: Redis is told to send none."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(
            url, socket_timeout=SEND_SECONDS, socket_connect_timeout=SEND_SECONDS
        )
        self._connection: Any = None
        self._lock = threading.Lock()
        self._away_until = 0.0

    def send(self, document_id: int, query: str) -> None:
        """Tell that somebody asks for this document's summary, as the `query` of the address says. Never raises."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._send(f"{document_id}?{query}")
        except (RedisError, OSError):
            self._give_up()
        finally:
            self._lock.release()

    def _send(self, nudge: str) -> None:
        if self._connection is None and time.monotonic() > self._away_until:
            self._connection = self._pool.make_connection()
            self._connection.connect()
            self._connection.send_command("CLIENT", "REPLY", "OFF")
        if self._connection is not None:
            self._connection.send_command("PUBLISH", CHANNEL, nudge, check_health=False)

    def _give_up(self) -> None:
        self._away_until = time.monotonic() + AWAY_SECONDS
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(RedisError, OSError):
                connection.disconnect()


class Nudging:
    """In front of the application: tells the workers of a click before anything else is done about it.

    Only of one by a cookie that belonged to a member a moment ago; who that is, and whether the click is valid, is for the
    application to find out.
    """

    def __init__(self, app: Flask, nudges: Nudges) -> None:
        self._next: WSGIApplication = app.wsgi_app
        self._nudges = nudges
        self._let_in: OrderedDict[str, float] = OrderedDict()
        app.extensions["nudging"] = self
        app.wsgi_app = self  # type: ignore[method-assign]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            found = _CLICK.fullmatch(environ["PATH_INFO"])
            if found and self._is_let_in(environ):
                self._nudges.send(int(found[1]), environ.get("QUERY_STRING", ""))
        return self._next(environ, start_response)

    def let_in(self, environ: "WSGIEnvironment") -> None:
        """Note that this request's cookie is a member's."""
        cookie: str = environ.get("HTTP_COOKIE", "")
        self._let_in[cookie] = time.monotonic()
        self._let_in.move_to_end(cookie)
        while len(self._let_in) > MOST_COOKIES:
            self._let_in.popitem(last=False)

    def _is_let_in(self, environ: "WSGIEnvironment") -> bool:
        at = self._let_in.get(environ.get("HTTP_COOKIE", ""))
        return at is not None and time.monotonic() < at + LET_IN_SECONDS


def init_app(app: Flask, url: str) -> None:
    """Before what keeps pages: whoever is given one asks for nothing."""
    Nudging(app, Nudges(url))


def let_in() -> None:
    """Note that whoever has sent this request is a member."""
    nudging: Nudging = current_app.extensions["nudging"]
    nudging.let_in(request.environ)


def read(data: bytes) -> tuple[int, str] | None:
    """What a nudge says: a document's id, and the query of the address. None for anything else."""
    found = _NUDGE.fullmatch(data.decode(errors="replace"))
    return (int(found[1]), found[2]) if found and int(found[1]) <= LARGEST_ID else None
