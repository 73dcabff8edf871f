"""A Precis in one process, for faults that are not of processes: its people, its workers and its sweeper take turns."""

import io
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

from flask import Flask
from redis import RedisError
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from tasks.imports import import_now
from tasks.summaries import generate_now
from tasks.upkeep import sweep_now
from tests.conftest import ARTICLE, PASSWORD, add_member
from tests.support.browser import HTMX, Browser
from tests.support.model_server import ModelServer
from webapp import originals
from webapp.extensions import db, transaction
from webapp.models import Document, Import, Role, Source, Status, Summary
from webapp.models import ModelServer as Pauses
from webapp.models.document import content_hash
from webapp.models.invariants import violations
from webapp.models.source import drop_orphans
from webapp.models.summary import LIVE

DONE, AWAY = {200, 202, 204, 303}, {503, 507}
UNDERSTOOD = (
    OperationalError,
    RedisError,
    OSError,
)  # what a worker or the sweeper logs, and leaves to a later try
LONG_SECONDS = 4_000
ROUNDS = 20
MOMENTS = ("next_attempt_at", "lease_until", "created_at", "finished_at")
Result = TypeVar("Result")


class Room:
    """One editor at a browser. `answers` are the status codes of all that was asked for."""

    def __init__(self, app: Flask, model: ModelServer) -> None:
        self.app, self.model = app, model
        self.answers: list[int] = []
        self._names = count(1)
        add_member("Alice", Role.EDITOR)
        self._browser = Browser(app).sign_in("alice@example.org", PASSWORD)
        self._token = self._browser.token()

    def begin(self) -> None:
        """From here on answers, calls and tries are counted."""
        self.answers.clear()
        self._calls, self._tries = self.model.calls, self._all_tries()
        db.session.remove()

    @property
    def calls(self) -> int:
        """How many the model server got."""
        return self.model.calls - self._calls

    @property
    def tries(self) -> int:
        """How many were counted."""
        return sum(number - self._tries.get(row, 0) for row, number in self._all_tries().items())

    # --- people

    def text(self) -> str:
        """An article that nobody has saved yet."""
        return f"{ARTICLE[:1200]}\n\nThis is copy number {next(self._names)} of it."

    def get(self, path: str) -> TestResponse:
        return self._answered(self._browser.client.get(path, buffered=True))

    def post(self, path: str, *, is_htmx: bool = False, **fields: Any) -> TestResponse:
        form = {"csrf_token": self._token, **fields}
        return self._answered(self._browser.client.post(path, data=form, headers=HTMX if is_htmx else {}))

    def upload(self, text: str) -> TestResponse:
        return self.post(
            "/documents", title="", text="", url="", file=(io.BytesIO(text.encode()), "lamps.txt")
        )

    def watch(self, document_id: int) -> None:
        """Open the page, and its stream, where that has an end."""
        page = self.get(f"/documents/{document_id}")
        if 'data-status="complete"' in page.text:
            self.get(f"/documents/{document_id}/summary/events")

    def _answered(self, answer: TestResponse) -> TestResponse:
        self.answers.append(answer.status_code)
        return answer

    # --- workers and the sweeper

    def work(self) -> None:
        """Sweep, and do all that is due."""
        self._tried(sweep_now)
        for import_id in self._tried(lambda: Import.due_ids(100)) or []:
            self._tried(lambda import_id=import_id: import_now(import_id))
        for summary_id, _ in self._tried(lambda: Summary.due_ids(100)) or []:
            self._tried(lambda summary_id=summary_id: generate_now(summary_id))

    def _tried(self, work: Callable[..., Result]) -> Result | None:
        """Work as a process does it: in a context of its own, and outliving what it knows."""
        with suppress(*UNDERSTOOD), self.app.app_context():
            return work()
        return None

    def abandon(self) -> None:
        """Have a worker take what is due, and be heard of no more."""
        claims = [Summary.claim(summary_id) for summary_id, _ in Summary.due_ids(100)]
        assert all(claims)
        _let_pass(LONG_SECONDS)

    def settle(self) -> None:
        """Nothing fails any more: let time pass, and work until nothing is left to be done."""
        for _ in range(ROUNDS):
            if not self._unfinished():
                return
            _let_pass(LONG_SECONDS)
            self.work()
        raise AssertionError(f"This never ends: {self._unfinished()}")

    # --- what is there

    def written(self) -> int:
        """A document with its summary. Returns its id."""
        location = self.post("/documents", title="Lamps", text=self.text()).location
        self.settle()
        return int(location.rpartition("/")[2])

    def saved(self, text: str) -> int:
        """How many documents have this text."""
        return len(self._all(select(Document.id).where(Document.content_hash == content_hash(text))))

    def kept(self) -> set[str]:
        """The names of all files that are kept or being received, once what nobody needs is gone."""
        for folder in range(originals.FOLDERS):
            drop_orphans(folder)
        originals.drop_stale()
        folder = self.app.config["SETTINGS"].data / "originals"
        return {path.name for path in folder.rglob("*") if path.is_file()}

    def needed(self) -> set[str]:
        """The names of the files that there have to be."""
        awaited = select(Import.sha256).where(Import.status != Status.COMPLETE)
        return set(self._all(select(Source.sha256))) | set(self._all(awaited))

    def broken(self) -> list[str]:
        """The promises that do not hold, and what has not ended well."""
        is_well = (Document.summary_status == Status.COMPLETE) & (
            Document.summary_id == Document.shown_summary_id
        )
        poor = self._all(select(Document.id).where(~is_well))
        failed = self._all(select(Import.error_code).where(Import.status != Status.COMPLETE))
        return [*violations(), *(f"document {each} has no summary" for each in poor), *failed]

    def _all_tries(self) -> dict[int, int]:
        return {row.id: row.attempts for row in self._all(select(Summary))}

    def _unfinished(self) -> list[Any]:
        rows = (select(kind).where(kind.status.in_(LIVE)) for kind in (Summary, Import))
        return [row for wanted in rows for row in self._all(wanted)]

    @staticmethod
    def _all(statement: Any) -> list[Any]:
        db.session.rollback()
        return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def _let_pass(seconds: float) -> None:
    """Move every time back, which is the same to a clock that is only compared."""
    with transaction():
        for kind in (Summary, Import):
            moved = {name: getattr(kind, name) - seconds for name in MOMENTS}
            db.session.execute(update(kind).values(moved))
        db.session.execute(update(Summary).values(claimed_at=Summary.claimed_at - seconds))
        db.session.execute(update(Pauses).values(paused_until=Pauses.paused_until - seconds))
