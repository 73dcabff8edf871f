"""A whole Precis for a row of the fault matrix: on SQLite or PostgreSQL, with failpoints, and all that it can be asked."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from dramatiq import Message
from flask import Flask
from sqlalchemy import func, select

from tasks.broker import key_of, make_broker
from tests.conftest import ARTICLE
from tests.support.failpoints import Failpoints
from tests.support.model_server import ModelServer
from tests.support.precis import Account, Precis, filled, until
from tests.support.proxy import Proxy, Weather
from tests.support.valkey import Valkey
from tests.support.visitor import Visitor
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Document, Import, Presence, Status, Summary
from webapp.models.invariants import violations

FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON documents EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON summaries EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON model_limits EXECUTE FUNCTION refuse();
"""  # what the server says when its disk is full
LIVE = (Status.PENDING, Status.PROCESSING)


class House:
    """Runs within a `with`. `database` names what it stands on; `url` is the address of a PostgreSQL, if it is that.

    Unless it `is_new`, its database holds a library in which Alice has an account. With `has_line` its Redis is a Valkey of the test's own, behind a proxy that may do to the line what it likes.
    """

    valkey: Valkey
    redis: Proxy

    def __init__(
        self,
        folder: Path,
        model: ModelServer,
        *,
        url: str = "",
        has_line: bool = False,
        is_new: bool = True,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self.database = "PostgreSQL" if url else "SQLite"
        self.failpoints = Failpoints(folder / "shots")
        self.environ = {
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_KEY": "sk-test",
            "PRECIS_MODEL": "scripted",
            "PRECIS_LLM_CONCURRENCY": "4",
            **self.failpoints.environ,
            **({"DATABASE_URL": url} if url else {}),
            **(environ or {}),
        }
        self.precis = Precis(folder, self.environ)
        self._folder, self._url, self._has_line, self._is_new = folder, url, has_line, is_new
        self._names = count(1)
        self._closing = ExitStack()

    def __enter__(self) -> "House":
        with ExitStack() as stack:
            if self._has_line:
                self.valkey = stack.enter_context(Valkey())
                self.redis = stack.enter_context(Proxy(str(self.valkey.folder / "valkey.sock")))
                self.environ["REDIS_URL"] = f"redis://127.0.0.1:{self.redis.port}/0"
                self.precis = Precis(self._folder, self.environ)
            stack.enter_context(self.precis)
            if self._is_new:
                self.precis.add_member("Alice", "admin")
            self._closing = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self.alice.close()
        with self.in_app():
            db.engine.dispose()
        self._closing.__exit__(*error)

    # --- what can be done to it -------------------------------------------------------------------------------

    @contextmanager
    def without_redis(self, *, is_swallowing: bool = False) -> Iterator[None]:
        """Nobody reaches Redis, which refuses, or takes all and never answers."""
        if is_swallowing:
            self.redis.weather = Weather(swallows=True)
        else:
            self.redis.refuse()
        try:
            yield
        finally:
            self.redis.weather = Weather()
            if not is_swallowing:
                self.redis.open()

    @contextmanager
    def without_model(self) -> Iterator[None]:
        """The model server's port refuses."""
        self.model.refuse()
        try:
            yield
        finally:
            self.model.open()

    @contextmanager
    def full(self) -> Iterator[None]:
        """The database has no room for anything more."""
        if not self._url:
            with self.failpoints.lasting("no room"), filled(self.precis.folder):
                yield
            return
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(FULL)
            try:
                yield
            finally:
                connection.execute("DROP FUNCTION refuse CASCADE")

    def send(self, actor: str, *ids: int, lane: str = "warm", times: int = 1) -> None:
        """Send a hint, as often as is said."""
        broker = make_broker(self.valkey.url)
        for _ in range(times):
            broker.enqueue(Message(queue_name=lane, actor_name=actor, args=ids, kwargs={}, options={}))

    def hints(self) -> int:
        """How many wait in Redis."""
        with self.valkey.client() as client:
            return sum(int(client.llen(key_of(lane))) for lane in ("interactive", "warm"))

    def start_again(self) -> None:
        """Start it with what its folder holds, after all of its processes were killed."""
        for command in self.precis.commands:
            command.wait()
        self.precis.commands.clear()
        self.precis.start()

    # --- people -----------------------------------------------------------------------------------------------

    @cached_property
    def alice(self) -> Visitor:
        return Visitor(self.precis.address, Account("Alice", "alice@example.org"))

    def text(self) -> str:
        """An article that nobody has saved yet."""
        return f"{ARTICLE}\n\nThis is copy number {next(self._names)} of it."

    def save(self) -> int:
        """Save a new document. Returns its id."""
        return self.alice.save(f"Copy {next(self._names)}", self.text())

    def upload(self, name: str, data: bytes) -> httpx2.Response:
        """Send a file by the form. Returns the answer."""
        form = {"csrf_token": self.alice.token, "title": "", "text": "", "url": ""}
        return self.alice.client.post("/documents", data=form, files=[("file", (name, data))])

    def bring_in(self, name: str, data: bytes) -> int:
        """Upload a file. Returns the id of its import."""
        answer = self.upload(name, data)
        assert answer.status_code == 303, answer.text
        with self.in_app():
            return db.session.scalars(select(func.max(Import.id))).one()

    # --- what is stored ---------------------------------------------------------------------------------------

    def summaries(self, document_id: int) -> list[Summary]:
        """The rows of its summaries, oldest first."""
        with self.in_app():
            rows = select(Summary).where(Summary.document_id == document_id).order_by(Summary.id)
            return list(db.session.scalars(rows))

    def status(self, document_id: int) -> str | None:
        """The status of its current summary."""
        with self.in_app():
            return db.session.scalar(select(Document.summary_status).where(Document.id == document_id))

    def documents(self) -> list[tuple[int, str]]:
        """(number, title) of each."""
        with self.in_app():
            return [(row.id, row.title) for row in db.session.execute(select(Document.id, Document.title))]

    def import_status(self, import_id: int) -> str | None:
        with self.in_app():
            return db.session.scalar(select(Import.status).where(Import.id == import_id))

    def titles(self) -> list[str]:
        with self.in_app():
            return list(db.session.scalars(select(Document.title)))

    def ids_since(self, number: int) -> list[int]:
        """The ids of all documents but the first so many."""
        with self.in_app():
            return list(db.session.scalars(select(Document.id).order_by(Document.id).offset(number)))

    def is_present(self, pid: int) -> bool:
        """Whether a worker has said that it lives."""
        with self.in_app():
            return db.session.scalar(select(Presence.pid).where(Presence.pid == pid)) is not None

    @property
    def completed(self) -> int:
        """How many summaries are complete."""
        with self.in_app():
            complete = select(func.count(Summary.id)).where(Summary.status == Status.COMPLETE)
            return db.session.scalar(complete) or 0

    @property
    def unfinished(self) -> int:
        with self.in_app():
            live = select(func.count(Summary.id)).where(Summary.status.in_(LIVE))
            return db.session.scalar(live) or 0

    def violations(self) -> list[str]:
        """The broken promises, as `precis doctor` would name them."""
        with self.in_app():
            return violations()

    # --- waiting ----------------------------------------------------------------------------------------------

    def until_complete(self, *document_ids: int, seconds: float = 60.0) -> None:
        for document_id in document_ids:
            self.until_status(document_id, Status.COMPLETE, seconds)

    def until_status(self, document_id: int, status: str, seconds: float = 60.0) -> None:
        try:
            until(lambda: self.status(document_id) == status, f"document {document_id} is {status}", seconds)
        except AssertionError as error:
            rows = [vars(row) for row in self.summaries(document_id)]
            raise AssertionError(f"{error}\n{rows}\n{self.precis.log[-5000:]}") from None

    def until_shot(self) -> float:
        """Wait until every shot has found somebody. Returns when, on the monotonic clock."""
        until(lambda: not self.failpoints.left, "the failpoint is reached")
        return time.monotonic()

    def until_whole(self) -> None:
        """Wait until all processes are there and answer."""
        until(lambda: self.precis.status("/readyz") == 200, "everything is there again")

    @contextmanager
    def in_app(self) -> Iterator[None]:
        """An application context on its database. No Redis is reached from it."""
        with self._app.app_context():
            yield

    @cached_property
    def _app(self) -> Flask:
        """An application of the test's own on the same database, without a Redis that it could reach."""
        given = {
            "PRECIS_DATA": str(self.precis.folder),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SECRET_KEY": "x",
        }
        return create_app(Settings.load({**self.precis.settings, **given}))
