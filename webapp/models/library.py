"""The library: the documents that a member may see, one by one and listed page by page."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import abort
from sqlalchemy import Select, select

from webapp.extensions import current_settings, db
from webapp.models.chosen import told_id
from webapp.models.document import Document, cleaned, with_its_author
from webapp.models.member import Member
from webapp.models.paging import Paged, within
from webapp.models.receipt import receipt_of
from webapp.models.size import size
from webapp.models.summary import LIVE, Summary

PAGE_SIZE = 30


@dataclass(frozen=True, slots=True)
class Library:
    """The documents that a member may see: in a first team, all of them."""

    member: Member

    def get_or_404(self, document_id: int) -> Document:
        """The document, or the end of the request. Not allowed looks the same as not there."""
        document: Document | None = db.session.scalar(with_its_author(), {"wanted": document_id})
        return document or abort(404)

    def add(self, *, title: str, text: str, format: str = "plain", form: str = "") -> Document:
        """A new document; or the one that is there, if the same `form` brought the very same before."""
        receipt = receipt_of(self.member, form, title, cleaned(text), format)
        return Document.create(self.member, title=title, text=text, format=format, receipt=receipt)

    def those(self, ids: Sequence[int]) -> list["Row"]:
        """The rows of these documents, as far as the member may see them."""
        return [Row(*row) for row in db.session.execute(_rows().where(Document.id.in_(ids)))]

    def page(self, number: int) -> "Page":
        """One page of the library, newest first. `number` counts from 1; beyond the end it is the last page."""
        total = size()
        number, pages = within(number, total, PAGE_SIZE)
        wanted = _rows().where(Document.id.in_(_ids(number, total))).order_by(Document.id.desc())
        return Page([Row(*row) for row in db.session.execute(wanted)], total, number, pages)


@dataclass(frozen=True, slots=True)
class Row:
    """A document as the library lists it, beside the summary that is shown of it."""

    document: Document
    summary: Summary | None

    @property
    def id(self) -> int:
        return self.document.id

    @property
    def title(self) -> str:
        return self.document.title

    @property
    def author_name(self) -> str:
        return self.document.author_name

    @property
    def reading_minutes(self) -> int:
        return self.document.reading_minutes

    @property
    def updated_at(self) -> datetime | None:
        return self.document.updated

    @property
    def is_on(self) -> bool:
        return current_settings().summaries

    @property
    def status(self) -> str | None:
        """The status of its summary; None where there is nothing to tell."""
        return self.document.summary_status if self.is_on else None

    @property
    def is_live(self) -> bool:
        """Whether it will change by itself."""
        return self.status in LIVE

    @property
    def told(self) -> tuple[object, ...]:
        """All that is told of it, but how long ago; and which summary its status is of."""
        return (self.id, self.document.summary_id, self.title, self.author_name, self.updated_at, self.reading_minutes,
                self.status, self.state, self.excerpt)  # fmt: skip

    @property
    def state(self) -> str | None:
        return "short" if self.is_on and self.status is None and self.document.is_short else None

    @property
    def excerpt(self) -> str | None:
        return self.summary.excerpt if self.is_on and self.summary else None


@dataclass(frozen=True, slots=True)
class Page(Paged):
    """One page of the library: its rows, and where it stands among the pages (counted from 1)."""

    rows: list[Row]
    total: int
    page: int
    pages: int

    @property
    def ids(self) -> list[int]:
        return [row.id for row in self.rows]

    @property
    def seen(self) -> str:
        return seen_of(self.rows)


def seen_of(rows: Sequence[Row]) -> str:
    """A short token of what is listed: with the same one there is nothing new."""
    told = [row.told for row in sorted(rows, key=lambda row: row.id)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _ids(page: int, total: int) -> Select[int]:
    """Those of one page, found in the index before any row is read, and from the nearer end: what is passed over costs."""
    newer = (page - 1) * PAGE_SIZE
    if 2 * newer < total:
        return select(Document.id).order_by(Document.id.desc()).limit(PAGE_SIZE).offset(newer)
    count = min(PAGE_SIZE, total - newer)
    return select(Document.id).order_by(Document.id).limit(count).offset(total - newer - count)


def _rows() -> Select[Document, Summary | None]:
    return (
        select(Document, Summary)
        .outerjoin(Summary, Summary.id == told_id())
        .options(db.joinedload(Document.author), db.defer(Summary.error_detail))
        .execution_options(populate_existing=True)
    )
