"""What a member brought in: to add to it, and to see how it goes."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from flask import abort
from sqlalchemy import Select, func, select

from webapp import originals
from webapp.extensions import db, transaction
from webapp.importing.extracted import message
from webapp.models.document import Document
from webapp.models.imports import HINTED, NAME_CHARACTERS, Aim, Import
from webapp.models.library import PAGE_SIZE
from webapp.models.member import Member
from webapp.models.paging import Paged, within
from webapp.models.receipt import receipt_of
from webapp.models.source import VAGUE, Source, hold_originals
from webapp.models.summary import Status
from webapp.models.times import as_datetime
from webapp.summarizing.sanitizing import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webapp.originals import Incoming

OWN_REASONS = {
    "crashed_worker": "Reading it ended the program that reads, several times over. Save it as a PDF and bring that.",
    "internal_error": "Something went wrong on our side. The log has the details.",
    "original_gone": "The file is no longer there. Bring it once more.",
    "document_gone": "The document has been deleted meanwhile.",
}


@dataclass(frozen=True, slots=True)
class Imports:
    """What a member brought in. Nobody else sees it; the documents that come of it are everybody's."""

    member: Member

    @property
    def is_any(self) -> bool:
        mine = select(Import.id).where(Import.member_id == self.member.id).limit(1)
        return db.session.scalar(mine) is not None

    def get_or_404(self, import_id: int) -> Import:
        mine = select(Import).where(Import.id == import_id, Import.member_id == self.member.id)
        item: Import | None = db.session.scalar(mine.execution_options(populate_existing=True))
        return item or abort(404)

    def add_files(self, files: "Sequence[tuple[str, Incoming]]", form: str = "") -> list[Import]:
        """A row for each (name, file) that the same `form` has not brought before, and the files kept: all or none."""
        items = [
            Import(
                member_id=self.member.id,
                name=name,
                sha256=file.sha256,
                size_bytes=file.size,
                media_type=VAGUE,
                receipt=receipt_of(self.member, form, name, file.sha256),
            )
            for name, file in files
        ]
        with transaction():
            new = self._new(items)
            hashes = {item.sha256 for item in new}
            for _, file in files:
                if file.sha256 in hashes:
                    file.keep()
        originals.settle(item.sha256 for item in new if item.sha256)
        for item in new[:HINTED]:
            item.hint()
        return new

    def add_link(self, url: str, form: str = "") -> Import:
        """A row for a link; or the one that is there, if the same `form` brought it before."""
        receipt = receipt_of(self.member, form, url)
        item = Import(member_id=self.member.id, name=_shown(url), url=url, receipt=receipt)
        with transaction():
            new = self._new([item])
            found = new[0] if new else db.session.scalars(_received([receipt])).one()
        found.hint()
        return found

    def renew(self, document: Document) -> Import:
        """Fetch anew what a document came from. Ends the request with 404 where that was no link."""
        source = Source.of(document.id)
        if source is None or source.url is None:
            abort(404)
        return self._add(
            Import(
                member_id=self.member.id,
                name=_shown(source.url),
                url=source.url,
                aim=Aim.RENEWAL,
                document_id=document.id,
            )
        )

    def page(self, number: int) -> "ImportsPage":
        """One page, newest first. `number` counts from 1; beyond the end it is the last page."""
        mine = Import.member_id == self.member.id
        by_status = select(Import.status, func.count()).where(mine).group_by(Import.status)
        counts = {row[0]: row[1] for row in db.session.execute(by_status)}
        number, pages = within(number, sum(counts.values()), PAGE_SIZE)
        found = (
            select(Import, Document.title)
            .outerjoin(Document, Document.id == Import.document_id)
            .where(mine)
            .order_by(Import.id.desc())
            .limit(PAGE_SIZE)
            .offset((number - 1) * PAGE_SIZE)
            .execution_options(populate_existing=True)
        )
        return ImportsPage([ImportRow(*row) for row in db.session.execute(found)], counts, number, pages)

    def _new(self, items: list[Import]) -> list[Import]:
        """In a transaction: add those that were not received before, one of each. Nobody else does so at the moment."""
        hold_originals()
        known = {item.receipt for item in db.session.scalars(_received([item.receipt for item in items]))}
        new = {
            item.receipt or str(place): item for place, item in enumerate(items) if item.receipt not in known
        }
        db.session.add_all(new.values())
        db.session.flush()
        return list(new.values())

    def _add(self, item: Import) -> Import:
        with transaction():
            db.session.add(item)
        item.hint()
        return item


def _received(receipts: "Sequence[str | None]") -> Select[Import]:
    return select(Import).where(Import.receipt.in_(filter(None, receipts)))


def _shown(url: str) -> str:
    return url.partition("://")[2].removeprefix("www.").rstrip("/")[:NAME_CHARACTERS]


@dataclass(frozen=True, slots=True)
class ImportRow:
    """An import as its page lists it. `title` is that of its document, while that is there."""

    item: Import
    title: str | None

    @property
    def state(self) -> str:
        """What is to be told of it: a word that the template knows."""
        item = self.item
        if item.status == Status.PENDING:
            return "retrying" if item.error_code else "waiting"
        if item.status != Status.COMPLETE:
            return str(item.status)
        return item.outcome or "created" if self.title is not None else "gone"

    @property
    def name(self) -> str:
        return visible(self.item.name)

    @property
    def created(self) -> datetime | None:
        return as_datetime(self.item.created_at)

    @property
    def next_attempt(self) -> datetime | None:
        return as_datetime(self.item.next_attempt_at)

    @property
    def reason(self) -> str:
        """What is the matter and what to do."""
        code = self.item.error_code or ""
        return OWN_REASONS.get(code) or message(code)


@dataclass(frozen=True, slots=True)
class ImportsPage(Paged):
    """One page of what a member brought in, with how many there are of each status on all pages together."""

    rows: list[ImportRow]
    counts: dict[str, int]
    page: int
    pages: int

    @property
    def waiting(self) -> int:
        return self.counts.get(Status.PENDING, 0)

    @property
    def running(self) -> int:
        return self.counts.get(Status.PROCESSING, 0)

    @property
    def failed(self) -> int:
        return self.counts.get(Status.FAILED, 0)

    @property
    def done(self) -> int:
        return self.counts.get(Status.COMPLETE, 0)

    @property
    def is_live(self) -> bool:
        return bool(self.waiting or self.running)

    @property
    def seen(self) -> str:
        """What tells this state of the page from any other."""
        states = (f"{row.item.id}{row.state}{row.item.attempts}{row.title}" for row in self.rows)
        return sha256(repr((sorted(self.counts.items()), *states)).encode()).hexdigest()[:12]
