"""All pages that listen to one summary: it is followed, read and drawn once for all of a process's."""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING

from flask import Response, copy_current_request_context, current_app, g, request, session
from flask_wtf.csrf import generate_csrf
from sqlalchemy.exc import OperationalError
from werkzeug.http import http_date

from webapp.events import ARRIVAL, END, Listener, hub
from webapp.extensions import db
from webapp.models.member import SignIn
from webapp.processes.line import Line, connection_of
from webapp.views import streams
from webapp.views.seats import STILL_HERE, Seat, Tube, Wire

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from webapp.views.summaries import Stream

PORTION = 256  # pages that are told something before others in the process have their turn
FEW = 16  # where nobody waits for it
PAUSE_SECONDS = 0.0001

log = logging.getLogger(__name__)


class Attendance(Response):
    """An event stream that goes on in an audience. Under gunicorn the request is over once it has begun."""

    def __init__(self, key: Hashable, follow: "Callable[[], Stream]") -> None:
        self._tube = Tube()
        super().__init__(self._tube.receives(), mimetype="text/event-stream", headers=streams.HEADERS)
        self._key, self._follow = key, follow

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        line = connection_of(environ)
        if environ["REQUEST_METHOD"] != "GET":
            return super().__call__(environ, start_response)
        if not isinstance(line, Line):
            self._join(self._tube)
            return super().__call__(environ, start_response)
        from gunicorn.workers.base_async import ALREADY_HANDLED

        is_chunked = environ["SERVER_PROTOCOL"] != "HTTP/1.0"
        self._join(Wire(line.give_away(), self._head(environ, is_chunked=is_chunked), is_chunked=is_chunked))
        return ALREADY_HANDLED  # type: ignore[return-value]  # a mark for gunicorn

    def _join(self, way: Wire | Tube) -> None:
        last = request.headers.get("Last-Event-ID", "")
        seat = Seat(g.member, session["token"], generate_csrf(), last, way)
        db.session.remove()
        _audiences().join(self._key, seat, self._follow)

    def _head(self, environ: "WSGIEnvironment", *, is_chunked: bool) -> bytes:
        more = [
            ("Date", http_date()),
            ("Connection", "close"),
            *([("Transfer-Encoding", "chunked")] if is_chunked else []),
        ]
        lines = [f"{name}: {value}\r\n" for name, value in [*self.get_wsgi_headers(environ), *more]]
        return f"HTTP/1.1 {self.status}\r\n{''.join(lines)}\r\n".encode("latin-1")


class Audience:
    """Those who listen to one summary. One thread tells them all what comes, as long as something does."""

    def __init__(self, stream: "Stream", first: Seat) -> None:
        self._stream = stream
        self._newcomers = [first]
        self._seats: list[Seat] = []
        self._listener: Listener | None = None
        self._lock = threading.Lock()
        self._check_at = time.monotonic() + streams.CHECK_SECONDS
        self._sign_at = time.monotonic() + streams.SILENCE_SECONDS

    @property
    def has_newcomers(self) -> bool:
        return bool(self._newcomers)

    def add(self, seat: Seat) -> None:
        with self._lock:
            self._newcomers.append(seat)
        if self._listener is not None:
            self._listener.put(ARRIVAL)

    def follow(self, is_over: Callable[[], bool]) -> None:
        """Until the state is final, or nobody listens, and `is_over` says that nobody has come meanwhile."""
        with hub().listen([self._stream.document_id], pages=0) as listener:
            self._listener = listener
            while True:
                self._welcome()
                if not self._stream.is_live:
                    self.dismiss()
                if self._seats:
                    if not self._hear(listener):
                        return
                elif is_over():
                    return

    def dismiss(self, *, newcomers: bool = False) -> None:
        """End the streams of those who have been told all."""
        seats, self._seats = self._seats, []
        self._let_go([*seats, *self._take_newcomers()] if newcomers else seats)

    def _take_newcomers(self) -> list[Seat]:
        with self._lock:
            newcomers, self._newcomers = self._newcomers, []
        return newcomers

    def _welcome(self) -> None:
        """Tell who has come how things are, and the others, if that is news to them."""
        newcomers = self._take_newcomers()
        if not newcomers:
            return
        others = self._seats
        self._seats = [*others, *newcomers]
        is_news = self._stream.read(time.monotonic())
        seen = self._stream.seen
        told = [each for each in newcomers if each.last_event_id != seen]
        self._tell(self._state(), to=[*others, *told] if is_news else told)

    def _hear(self, listener: Listener) -> bool:
        """Tell what comes next. False if they are to come again."""
        fact = self._stream.next(listener)
        if fact is END:
            return False
        self._check_sign_ins()
        if fact is None and time.monotonic() >= self._sign_at:
            self._tell(lambda seat: seat.way.send(STILL_HERE), unless=lambda: listener.has_more, portion=FEW)
            self._sign_at = time.monotonic() + streams.SILENCE_SECONDS
        if self._stream.hear(fact):
            self._tell(self._state())
        words = self._stream.words(may_wait=listener.has_more)
        if words and not self._tell(
            lambda seat: seat.way.send(words), unless=lambda: listener.has_more_than_words
        ):
            self._stream.owes_words = True
        return True

    def _state(self) -> Callable[[Seat], None]:
        reading = self._stream.reading
        return lambda seat: seat.way.send(reading.event(seat.member, seat.token), is_state=True)

    def _tell(
        self,
        send: Callable[[Seat], None],
        to: list[Seat] | None = None,
        unless: Callable[[], bool] = lambda: False,
        portion: int = PORTION,
    ) -> bool:
        """Send it to all, or to these. False if what has come meanwhile makes it old: then the rest is spared it."""
        is_told = True
        for some in _portions(self._seats if to is None else to, portion):
            if unless():
                is_told = False
                break
            for seat in some:
                send(seat)
        self._let_go([each for each in self._seats if each.way.is_gone])
        return is_told

    def _check_sign_ins(self) -> None:
        """Whose sign-in has ended is told nothing more."""
        if time.monotonic() < self._check_at:
            return
        try:
            standing = SignIn.standing({each.sign_in for each in self._seats})
        finally:
            db.session.remove()
        self._let_go([each for each in self._seats if each.sign_in not in standing])
        self._check_at = time.monotonic() + streams.CHECK_SECONDS

    def _let_go(self, seats: list[Seat]) -> None:
        if gone := set(seats):
            self._seats = [each for each in self._seats if each not in gone]
        for some in _portions(seats):
            for seat in some:
                seat.way.close()
        hub().add_pages(-len(seats))


def _portions(seats: list[Seat], size: int = PORTION) -> Iterator[list[Seat]]:
    """All of them, so many at a time. In between, others in the process have their turn."""
    for start in range(0, len(seats), size):
        if start:
            time.sleep(PAUSE_SECONDS)
        yield seats[start : start + size]


class Audiences:
    """Those of a process, by what they listen to."""

    def __init__(self) -> None:
        self._all: dict[Hashable, Audience] = {}
        self._lock = threading.Lock()

    def join(self, key: Hashable, seat: Seat, follow: "Callable[[], Stream]") -> None:
        """Take a seat. The first one brings the thread, which sees templates and addresses as its request does."""
        hub().add_pages(1)
        with self._lock:
            audience = self._all.get(key)
            if audience is not None:
                audience.add(seat)
                return
            audience = self._all[key] = Audience(follow(), seat)
        run = copy_current_request_context(self._run)
        threading.Thread(target=run, args=(key, audience), name="audience", daemon=True).start()

    def _run(self, key: Hashable, audience: Audience) -> None:
        try:
            audience.follow(lambda: self._is_over(key, audience))
        except OperationalError as error:  # the pages ask for other streams, which begin with the state
            log.warning("Streams have ended, as the database failed: %s", error.orig)
        except Exception:
            log.exception("Streams have ended.")
        finally:
            with self._lock:
                if self._all.get(key) is audience:
                    del self._all[key]
            audience.dismiss(newcomers=True)

    def _is_over(self, key: Hashable, audience: Audience) -> bool:
        with self._lock:
            if audience.has_newcomers:
                return False
            del self._all[key]
            return True


def _audiences() -> Audiences:
    """This application's."""
    found: Audiences = current_app.extensions["audiences"]
    return found
