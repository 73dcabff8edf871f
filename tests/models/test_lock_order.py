"""On PostgreSQL, whatever people do to a document and whatever workers do to it meanwhile never wait for each other.

One of two stops in the middle of its transaction, once behind each of its statements that lock rows; the other one goes
as far as it can; then the first goes on.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, select, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm.attributes import set_committed_value
from werkzeug.exceptions import NotFound

from tests.conftest import ARTICLE, add_member
from tests.models import test_databases
from tests.support.postgresql import Postgresql
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db, is_writing, now, transaction
from webapp.models import Document, Feedback, Member, ModelServer, Role, Status, Summary
from webapp.models.asking import asking, usual
from webapp.models.document import StaleEdit
from webapp.models.invariants import violations
from webapp.models.node import DocumentGone, Shelf
from webapp.models.summary import Claim
from webapp.models.tryout import TryOut
from webapp.models.wishes import Wishes
from webapp.models.words import Words
from webapp.processes.migrating import migrate
from webapp.summarizing.engine import EngineFailure, FailureKind, Finished, Style

LOCKS = ("UPDATE", "INSERT", "DELETE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE")
TEXT = ARTICLE[:1500]
TOLD = (StaleEdit, NotFound, NoResultFound, DocumentGone)  # what somebody is told who came too late
PATIENCE_SECONDS = 10.0

pytestmark = pytest.mark.slow

postgresql = test_databases.postgresql


@pytest.fixture(scope="module")
def url(postgresql: Postgresql) -> str:
    url = postgresql.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET deadlock_timeout TO '20ms'")
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit TO off")
    return url


@pytest.fixture(scope="module")
def app(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    given = {"PRECIS_DATA": str(tmp_path_factory.mktemp("precis")), "DATABASE_URL": url, "SECRET_KEY": "x",
             "REDIS_URL": "redis://127.0.0.1:1/0", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
             "PRECIS_MODEL": "none", "PRECIS_MAX_ATTEMPTS": "100", "PRECIS_WARM_PER_HOUR": "1000000"}  # fmt: skip
    app = create_app(Settings.load(given))
    migrate(app)
    with app.app_context():
        add_member("Alice", Role.ADMIN)
        event.listen(db.engine, "before_cursor_execute", Walk.begun)
        event.listen(db.engine, "after_cursor_execute", Walk.done)
        yield app
        db.session.remove()
        db.engine.dispose()


class Walk(threading.Thread):
    """An act in a thread of its own, which stops behind its n-th statement that locks rows."""

    here = threading.local()

    def __init__(self, app: Flask, act: Callable[[], object], stop_behind: int = 0) -> None:
        super().__init__(daemon=True)
        self._app, self._act, self._left = app, act, stop_behind
        self.has_stopped, self._go_on = threading.Event(), threading.Event()
        self.pid = 0
        self.error: Exception | None = None

    def run(self) -> None:
        self.here.walk = self
        with self._app.app_context():
            try:
                with suppress(*TOLD):
                    self._act()
            except Exception as error:  # noqa: BLE001 - of whatever kind, it is raised in the test's own thread
                self.error = error
        if not self._go_on.is_set():
            self._left = -1
        self.has_stopped.set()

    @property
    def is_over(self) -> bool:
        """Whether it did not stop any more."""
        return self._left == -1

    def end(self) -> None:
        self._go_on.set()
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive()
        if self.error:
            raise self.error

    @classmethod
    def begun(cls, connection: Any, *_: Any) -> None:
        if walk := getattr(cls.here, "walk", None):
            walk.pid = connection.connection.dbapi_connection.info.backend_pid

    @classmethod
    def done(cls, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        walk = getattr(cls.here, "walk", None)
        if walk and is_writing() and any(lock in statement for lock in LOCKS):
            walk._left -= 1
            if walk._left == 0:
                walk.has_stopped.set()
                assert walk._go_on.wait(PATIENCE_SECONDS)


@dataclass
class Scene:
    """A document with a finished summary, and another one that is asked for, or on which a worker works; its server is
    away, so that each answer and each failure is news of it.
    """

    document: Document
    finished: Summary
    claim: Claim | None
    summary_id: int

    @classmethod
    def set(cls, alice: Member, name: str, *, is_running: bool) -> "Scene":
        document = alice.documents.add(title=name, text=f"{TEXT}\n{name}")
        first = document.summary_id or 0
        with transaction():
            ModelServer.well()
            complete = {
                "status": "complete",
                "text": "- Lamps.",
                "format": "markdown",
                "finish_reason": "stop",
            }
            db.session.execute(
                update(Summary).where(Summary.id == first).values(**complete, finished_at=now())
            )
            shown = {"summary_status": "complete", "shown_summary_id": first}
            db.session.execute(update(Document).where(Document.id == document.id).values(shown))
        document = db.session.get_one(Document, document.id, populate_existing=True)
        document.summarize_later(again=True)
        document = db.session.get_one(Document, document.id, populate_existing=True)
        summary_id = document.summary_id or 0
        claim = Summary.claim(summary_id) if is_running else None
        with transaction():
            ModelServer.failed(EngineFailure(FailureKind.UNAVAILABLE, "away"))
            db.session.execute(update(ModelServer).values(paused_until=0.0))
            db.session.execute(update(Summary).where(Summary.id == summary_id).values(next_attempt_at=0.0))
            db.session.execute(
                update(Summary).where(Summary.lease_until.is_not(None)).values(lease_until=now() - 1)
            )
        return cls(document, db.session.get_one(Summary, first, populate_existing=True), claim, summary_id)


def _answered(claim: Claim | None) -> bool:
    assert claim
    finished = Finished(model="none", finish_reason="stop", tokens_in=1, tokens_out=1)
    return Summary.finish(claim, text="- Lamps.", format="markdown", finished=finished)


def mine(scene: Scene) -> Document:
    return db.session.get_one(Document, scene.document.id, populate_existing=True)


def alice() -> Member:
    return db.session.scalars(select(Member)).one()


# --- what people do


def edit(scene: Scene) -> None:
    mine(scene).revise(alice(), title="New", text=f"{scene.document.id} New. {TEXT}")


def delete(scene: Scene) -> None:
    mine(scene).remove()


def retry(scene: Scene) -> None:
    mine(scene).summarize_later(again=True)


def retry_late(scene: Scene) -> None:
    """Of a page that was read before the worker began."""
    document = mine(scene)
    set_committed_value(document, "summary_status", Status.PENDING)
    document.summarize_later(again=True)


def view(scene: Scene) -> None:
    mine(scene).summarize_later()


def write(scene: Scene) -> None:
    words = Words(mine(scene), usual())
    words.write(alice(), "By hand.", seen=words.seen)


def vote(scene: Scene) -> None:
    Feedback.say(alice(), scene.finished.id, is_useful=True)


def wish(scene: Scene) -> None:
    Wishes(mine(scene)).ask(asking(Style.BRIEF, None, "shorter"))


def try_a_prompt(scene: Scene) -> None:
    TryOut.begin(alice(), mine(scene), Style.KEY_POINTS, "Say it in verse.", edition=0)


# --- what workers and the sweeper do


def claim(scene: Scene) -> None:
    Summary.claim(scene.summary_id)


def keep_notes(scene: Scene) -> None:
    shelf = Shelf(running(scene))
    shelf.put(f"key {scene.document.id}", "Notes.", 1, 1)
    shelf.get([f"key {scene.document.id}"])


def finish(scene: Scene) -> None:
    _answered(running(scene))


def fail(scene: Scene) -> None:
    Summary.fail(running(scene), EngineFailure(FailureKind.TRANSIENT, "server_error"))


def hand_back(scene: Scene) -> None:
    Summary.hand_back(running(scene))


def sweep(scene: Scene) -> None:
    Summary.expire_leases()


def ask_anew(scene: Scene) -> None:
    """As after a change of the model."""
    Document.request_missing()


def running(scene: Scene) -> Claim:
    assert scene.claim
    return scene.claim


PEOPLE = (edit, delete, retry, retry_late, view, write, vote, wish, try_a_prompt)
WORKERS = (
    keep_notes,
    finish,
    fail,
    hand_back,
    sweep,
)  # who renews a lease locks one row, and so is in nobody's way
Act = Callable[[Scene], None]


WITH_WORKERS = [
    (first, second) for number, first in enumerate(WORKERS) for second in (*PEOPLE, *WORKERS[number:])
]
CLAIMS = [(claim, second) for second in (*PEOPLE, claim, ask_anew)]
CLAIMS += [(ask_anew, second) for second in (*PEOPLE, ask_anew)]


@pytest.mark.parametrize(("first", "second"), WITH_WORKERS, ids=lambda act: act.__name__)
def test_nobody_waits_for_a_worker_that_waits_for_them(app: Flask, url: str, first: Act, second: Act) -> None:
    for acts in {(first, second), (second, first)}:
        meet(app, url, *acts, is_running=True)


@pytest.mark.parametrize(("first", "second"), CLAIMS, ids=lambda act: act.__name__)
def test_nobody_waits_for_a_claim_that_waits_for_them(app: Flask, url: str, first: Act, second: Act) -> None:
    for acts in {(first, second), (second, first)}:
        meet(app, url, *acts, is_running=False)


def meet(app: Flask, url: str, first: Act, second: Act, *, is_running: bool) -> None:
    """Let the first stop behind its first lock, then behind its second, until there is none any more."""
    with psycopg.connect(url, autocommit=True) as watch:
        for number in count(1):
            scene = Scene.set(alice(), f"{first.__name__} {second.__name__} {number}", is_running=is_running)
            if ask_anew in (first, second):
                with transaction():
                    outdated = update(Summary).where(Summary.id == scene.summary_id)
                    db.session.execute(outdated.values(base_hash="old", recipe_hash="old"))
            db.session.remove()
            one, other = Walk(app, partial(first, scene), number), Walk(app, partial(second, scene))
            one.start()
            assert one.has_stopped.wait(PATIENCE_SECONDS)
            other.start()
            while other.is_alive() and not is_blocked(watch, other.pid):
                time.sleep(0.001)
            one.end()
            other.end()
            if one.is_over:
                assert violations() == []
            with suppress(NoResultFound):
                mine(scene).remove()
            if one.is_over:
                return


def is_blocked(watch: psycopg.Connection[Any], pid: int) -> bool:
    found = watch.execute("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    return bool(found and found[0] == "Lock")
