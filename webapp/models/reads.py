"""How often each document is opened, so that the summaries of those that are read are made anew first.

Nothing is kept of who opened it, or when. A page view adds one in memory; SQL learns of it now and then, behind every
page's back. What a process has not told when it ends is lost, which does no harm.
"""

import threading
from collections import Counter

from flask import Flask, current_app
from sqlalchemy import ForeignKey, case, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, db, insert, transaction
from webapp.models.document import Document

KEEP_SECONDS = 60.0
BATCH = 500


class Reads(Base):
    """How often a document was opened. Beside the document, whose row no reader is to lock or to change."""

    __tablename__ = "reads"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int]

    @classmethod
    def add(cls, counts: dict[int, int]) -> None:
        """Add to what is known: one statement for many documents. Those that are gone are passed over."""
        ids = sorted(counts)
        for start in range(0, len(ids), BATCH):
            some = {each: counts[each] for each in ids[start : start + BATCH]}
            found = select(Document.id, case(some, value=Document.id)).where(Document.id.in_(some))
            added = insert(cls).from_select(["document_id", "number"], found.order_by(Document.id))
            more = {"number": cls.number + added.excluded.number}
            with transaction(is_durable=False):
                db.session.execute(added.on_conflict_do_update(index_elements=[cls.document_id], set_=more))


class Tally:
    """The counts of one process that SQL does not know yet."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._counts: Counter[int] = Counter()
        self._timer: threading.Timer | None = None

    def count(self, document_id: int) -> None:
        self._counts[document_id] += 1
        if self._timer is None:
            self._timer = threading.Timer(KEEP_SECONDS, self.keep)
            self._timer.daemon = True
            self._timer.start()

    def keep(self) -> None:
        """Tell SQL. A database that is away learns it never."""
        self.close()
        counts, self._counts = self._counts, Counter()
        with self._app.app_context():
            try:
                Reads.add(counts)
            except SQLAlchemyError as error:
                self._app.logger.warning("How often documents were opened was not kept: %s", error)

    def close(self) -> None:
        """Tell nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def count(document_id: int) -> None:
    """Somebody opened the document."""
    tally().count(document_id)


def tally() -> Tally:
    """That of this process."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    kept: Tally | None = app.extensions.get("reads")
    return kept or app.extensions.setdefault("reads", Tally(app))
