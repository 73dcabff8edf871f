"""Pages of documents that are given again, as long as what they tell of stands.

Most views of a document find it as it was, with its summary finished. The page that was made for the last one is then
the right one, and only one question is asked of the database: who is signed in, whether they may see the document, and
whether it is as it was. A page is kept for one cookie, and so for one sign-in.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask, Response, g, request, session

from webapp.extensions import current_settings, db
from webapp.models.document import Document
from webapp.models.member import Member
from webapp.models.standing import Question, Standing
from webapp.packing import encoding_for
from webapp.processes.line import connection_of
from webapp.security import HEADERS
from webapp.turns import Turns

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_BYTES = 16_000_000
AT_ONCE = 2  # pages that are made beside each other: of a crowd most wait, and all else is answered
PATIENCE_SECONDS = 10.0  # with those who are before it, until a page is made all the same
LONGEST_SECONDS = 3600.0
STANDING, GOOD_UNTIL = "precis.standing", "precis.good_until"
PREFIX = "/documents/"
OF_UNCHANGED = ("ETag", "Cache-Control", "Vary")
RULES = repr(HEADERS).encode()


class Key(NamedTuple):
    """Whoever sends the same of these has the same page."""

    path: str
    cookie: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A page as it went out, and what it rests on. Its words about times are good until a moment."""

    standing: Standing
    good_until: float
    etag: str
    headers: list[tuple[str, str]]
    unchanged: list[tuple[str, str]]  # what a browser is told that has the page, and with it the rest
    body: bytes

    @classmethod
    def of(cls, environ: "WSGIEnvironment", headers: list[tuple[str, str]], body: bytes) -> "Kept":
        """The page that was made for a request."""
        unchanged = [each for each in headers if each[0] in OF_UNCHANGED]
        etag = dict(unchanged)["ETag"]
        return cls(environ[STANDING], environ[GOOD_UNTIL], etag, headers, unchanged, body)

    def answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """The page, or that it is the one which the browser has."""
        if self.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            start_response("304 NOT MODIFIED", self.unchanged)
            return []
        start_response("200 OK", self.headers)
        return [self.body]


class KeptPages:
    """The application behind its kept pages."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._next: WSGIApplication = app.wsgi_app
        self._pages: OrderedDict[Key, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._turns = Turns(AT_ONCE)
        with app.app_context():
            self._question = Question(db.engine, current_settings())

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        key, line = _key(environ), connection_of(environ)
        kept = key and self._standing(key)
        line.was_quick = kept is not None
        if key is None:
            return self._next(environ, start_response)
        if kept is None:
            with self._turns.taken(PATIENCE_SECONDS):
                line.let_others_go_first()
                kept = self._standing(key)  # by now
                if kept is None:
                    return self._made(key, environ, start_response)
        self._app.extensions["reads"].count(kept.standing.document_id)
        return kept.answer(environ, start_response)

    def clear(self) -> None:
        """Keep none of them."""
        with self._lock:
            for key in tuple(self._pages):
                self._forget(key)

    def _standing(self, key: Key) -> Kept | None:
        """The page that was kept, if it stands."""
        kept = self._pages.get(key)
        if kept is None or time.time() > kept.good_until or not self._question.affirms(kept.standing):
            return None
        return kept

    def _made(self, key: Key, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """The page made anew, and kept if it may be."""
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def begin(
            status: str, headers: list[tuple[str, str]], _error: object = None
        ) -> Callable[[bytes], object]:
            said.append((status, headers))
            return len  # nobody writes so

        chunks = self._next(environ, begin)
        ((status, headers),) = said
        if GOOD_UNTIL not in environ or "Set-Cookie" in dict(headers):
            self._drop(key)
            start_response(status, headers)
            return chunks
        kept = Kept.of(environ, headers, _whole(chunks))
        self._keep(key, kept)
        return kept.answer(environ, start_response)

    def _keep(self, key: Key, kept: Kept) -> None:
        """The ones that were made first make room."""
        with self._lock:
            self._forget(key)
            self._pages[key] = kept
            self._bytes += len(kept.body)
            while self._bytes > MOST_BYTES and self._pages:
                self._forget(next(iter(self._pages)))

    def _drop(self, key: Key) -> None:
        with self._lock:
            self._forget(key)

    def _forget(self, key: Key) -> None:
        kept = self._pages.pop(key, None)
        self._bytes -= len(kept.body) if kept else 0


def _whole(chunks: Iterable[bytes]) -> bytes:
    """All of an answer, which is closed as a server would close it."""
    try:
        return b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()


def init_app(app: Flask) -> None:
    app.after_request(_mark)
    app.wsgi_app = KeptPages(app)  # type: ignore[method-assign]


def keep(member: Member, document: Document) -> None:
    """Let the page that is being made be given again: it tells of nothing but these two, and of what never changes."""
    request.environ[STANDING] = Standing.of(session["token"], member, document)


def _mark(response: Response) -> Response:
    """A browser may keep it too, and asks each time whether it still holds."""
    if STANDING in request.environ and response.status_code == 200 and not response.is_streamed:
        request.environ[GOOD_UNTIL] = min(
            g.get("good_until", 0.0) or float("inf"), time.time() + LONGEST_SECONDS
        )
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_etag(_hash(response))
    return response


def _hash(response: Response) -> str:
    """Of what is told, and the rules that browsers keep beside it.

    The CSRF token is another one each time, all of which hold for the session.
    """
    body = response.get_data()
    if "csrf_token" in g and "csrf_token" in session:
        body = body.replace(g.csrf_token.encode(), session["csrf_token"].encode())
    return sha256(RULES + body).hexdigest()[:24]


def _key(environ: "WSGIEnvironment") -> Key | None:
    """None for what is never kept."""
    path: str = environ["PATH_INFO"]
    is_page = path.startswith(PREFIX) and path[len(PREFIX) :].isdecimal()
    is_plain = (
        environ["REQUEST_METHOD"] == "GET"
        and not environ.get("QUERY_STRING")
        and "HTTP_HX_REQUEST" not in environ
    )
    cookie: str | None = environ.get("HTTP_COOKIE")
    return Key(path, cookie, encoding_for(environ)) if is_page and is_plain and cookie else None
