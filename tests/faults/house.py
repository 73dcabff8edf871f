"""A whole Precis for a row of the fault matrix: on SQLite or PostgreSQL, with failpoints, and all that it can be asked."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from tests.conftest import ARTICLE
from tests.support.failpoints import Failpoints
from tests.support.model_server import ModelServer
from tests.support.precis import Account, Precis, until
from tests.support.visitor import Visitor
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Document, Status, Summary
from webapp.models.invariants import violations

LIVE = (Status.PENDING, Status.PROCESSING)


class House:
    """Runs within a `with`. `database` names what it stands on; `url` is the address of a PostgreSQL, if it is that."""

    def __init__(
        self, folder: Path, model: ModelServer, *, url: str = "", environ: Mapping[str, str] | None = None
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
        self._names = count(1)

    def __enter__(self) -> "House":
        self.precis.__enter__()
        self.precis.add_member("Alice", "admin")
        return self

    def __exit__(self, *error: Any) -> None:
        self.alice.close()
        with self._in_app():
            db.engine.dispose()
        self.precis.__exit__(*error)

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

    # --- what is stored ---------------------------------------------------------------------------------------

    def summaries(self, document_id: int) -> list[Summary]:
        """The rows of its summaries, oldest first."""
        with self._in_app():
            rows = select(Summary).where(Summary.document_id == document_id).order_by(Summary.id)
            return list(db.session.scalars(rows))

    def status(self, document_id: int) -> str | None:
        """The status of its current summary."""
        with self._in_app():
            return db.session.scalar(select(Document.summary_status).where(Document.id == document_id))

    def documents(self) -> list[tuple[int, str]]:
        """(number, title) of each."""
        with self._in_app():
            return [(row.id, row.title) for row in db.session.execute(select(Document.id, Document.title))]

    @property
    def completed(self) -> int:
        """How many summaries are complete."""
        with self._in_app():
            complete = select(func.count(Summary.id)).where(Summary.status == Status.COMPLETE)
            return db.session.scalar(complete) or 0

    @property
    def unfinished(self) -> int:
        with self._in_app():
            live = select(func.count(Summary.id)).where(Summary.status.in_(LIVE))
            return db.session.scalar(live) or 0

    def violations(self) -> list[str]:
        """The broken promises, as `precis doctor` would name them."""
        with self._in_app():
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
    def _in_app(self) -> Iterator[None]:
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
