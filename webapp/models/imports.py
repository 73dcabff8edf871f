"""Imports: files and links on their way to being documents, each with its own outcome.

Their life is that of a summary, only shorter: a row, a claim under a lease, and an end behind a fence.
"""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Double, ForeignKey, Index, String, Text, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from webapp import hints, originals
from webapp.extensions import Base, changed, current_settings, db, now, transaction
from webapp.importing.extracted import Extracted, ImportFailure
from webapp.models.crashing import MAX_CRASHES
from webapp.models.document import Document
from webapp.models.member import Member
from webapp.models.receipt import Received
from webapp.models.source import Source, drop_originals, hold_originals
from webapp.models.summary import MAX_BACKOFF_SECONDS, Status, Summary

if TYPE_CHECKING:
    from webapp.originals import Incoming

OURS = "internal_error"  # a full disk, a database that is away, or a bug
TRANSIENT = {"unreachable", "server_error", "slow_site"}  # of a link
NAME_CHARACTERS = 500
HINTED = 50  # of many files at once; the sweeper hints at the others as these are done


class Aim(StrEnum):
    NEW = "new"  # a document, unless there is one from the same file or link
    COPY = "copy"  # a document all the same
    RENEWAL = "renewal"  # a new version of a document that came from a link


class Outcome(StrEnum):
    CREATED = "created"
    KNOWN = "known"
    REVISED = "revised"
    UNCHANGED = "unchanged"


CHANGES = (Outcome.CREATED, Outcome.REVISED)


@dataclass(frozen=True, slots=True)
class ImportClaim:
    """The right to bring one thing in, until the lease ends."""

    import_id: int
    fence: int
    name: str
    url: str | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What was read from a file; of a link `original` is what was fetched, and not yet kept."""

    extracted: Extracted
    name: str
    title: str
    sha256: str
    size_bytes: int
    original: "Incoming | None" = None


class Import(Received, Base):
    """One file or link that somebody brought in. What it became, or is a newer version of, is `document_id`."""

    __tablename__ = "imports"
    __table_args__ = (
        Index("ix_imports_due", "status", "next_attempt_at"),
        Index("ix_imports_of_member", "member_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(NAME_CHARACTERS))
    url: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(String(64))
    size_bytes: Mapped[int | None]
    media_type: Mapped[str | None] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(12), default=Status.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[float] = mapped_column(Double, default=now())
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[float | None] = mapped_column(Double)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_detail: Mapped[str | None] = mapped_column(Text)
    document_id: Mapped[int | None]
    aim: Mapped[str] = mapped_column(String(12), default=Aim.NEW)
    outcome: Mapped[str | None] = mapped_column(String(12))
    created_at: Mapped[float] = mapped_column(Double, default=now())
    finished_at: Mapped[float | None] = mapped_column(Double)

    def hint(self) -> None:
        hints.bring_in(self.id)

    # --- the worker -------------------------------------------------------------------------------------------

    @classmethod
    def claim(cls, import_id: int) -> ImportClaim | None:
        """Take a due row under a lease, its attempt counted before any work. None: somebody has it, or it must wait."""
        taken = (
            update(cls)
            .where(cls.id == import_id, cls.status == Status.PENDING, cls.next_attempt_at <= now())
            .values(
                status=Status.PROCESSING,
                attempts=cls.attempts + 1,
                fence=cls.fence + 1,
                lease_until=now() + current_settings().lease_seconds,
            )
            .returning(cls.fence, cls.name, cls.url, cls.sha256)
            .execution_options(synchronize_session=False)
        )
        with transaction(is_durable=False):
            row = db.session.execute(taken).one_or_none()
        return ImportClaim(import_id, row.fence, row.name, row.url, row.sha256 or "") if row else None

    @classmethod
    def renew(cls, claim: ImportClaim) -> bool:
        """Extend the lease. False: it is no longer wanted, or somebody else has it."""
        with transaction(is_durable=False):
            return cls._write(claim, lease_until=now() + current_settings().lease_seconds)

    @classmethod
    def end_if_known(cls, claim: ImportClaim) -> bool:
        """End it where a document from the same file or link is there already, before anything is fetched or read."""
        with transaction():
            item = db.session.get(cls, claim.import_id, populate_existing=True)
            known = item._known(claim.sha256) if item else None
            return known is not None and cls._end(claim, Outcome.KNOWN, known)

    @classmethod
    def finish(cls, claim: ImportClaim, brought: Brought) -> bool:
        """Make the document, or its new version, and complete the row: in one transaction, if the claim still stands."""
        with transaction():
            hold_originals()
            if not cls._write(claim, sha256=brought.sha256, size_bytes=brought.size_bytes):
                return False
            item = db.session.get_one(cls, claim.import_id, populate_existing=True)
            outcome, document_id, summary = item._becomes(brought)
            cls._end(claim, outcome, document_id)
            if brought.original and outcome in CHANGES:
                brought.original.keep()
                originals.settle([brought.sha256])
        if outcome in CHANGES and (document := db.session.get(Document, document_id)):
            document.announce(summary, brought.extracted.text, brought.extracted.format)
        return True

    @classmethod
    def fail(cls, claim: ImportClaim, failure: ImportFailure) -> bool:
        """Put it back for another try if that may help, else fail the row with its reason."""
        with transaction():
            item = db.session.get(cls, claim.import_id, populate_existing=True)
            if item is None:
                return False
            may_pass = failure.code == OURS or (item.url and failure.code in TRANSIENT)
            is_over = not may_pass or item.attempts >= current_settings().max_attempts
            return cls._write(
                claim,
                status=Status.FAILED if is_over else Status.PENDING,
                error_code=failure.code,
                error_detail=failure.detail or None,
                lease_until=None,
                next_attempt_at=now() + item._backoff_seconds(),
                finished_at=now() if is_over else None,
            )

    @classmethod
    def hand_back(cls, claim: ImportClaim) -> bool:
        """Give the row back untouched, as at a shutdown: it is nobody's failure, and due at once."""
        with transaction():
            return cls._write(
                claim,
                status=Status.PENDING,
                attempts=cls.attempts - 1,
                next_attempt_at=now(),
                lease_until=None,
            )

    @classmethod
    def expire_leases(cls) -> list[int]:
        """End the leases of workers that are not heard of. Returns the ids of the imports concerned."""
        expired = select(cls).where(cls.status == Status.PROCESSING, cls.lease_until < now())
        if not db.session.scalars(expired).all():
            return []
        with transaction():
            items = list(db.session.scalars(expired.execution_options(populate_existing=True)))
            for item in items:
                item._crash()
        return [item.id for item in items]

    @classmethod
    def due_ids(cls, limit: int) -> list[int]:
        """Rows that wait for a worker, the longest waiting first."""
        is_due = (cls.status == Status.PENDING, cls.next_attempt_at <= now())
        return list(
            db.session.scalars(
                select(cls.id).where(*is_due).order_by(cls.next_attempt_at, cls.id).limit(limit)
            )
        )

    def _becomes(self, brought: Brought) -> tuple[Outcome, int, Summary | None]:
        """What comes of it: the document that is there, is made, or gets a new version."""
        known = self._known(brought.sha256)
        if known is not None:
            return Outcome.KNOWN, known, None
        member = db.session.get_one(Member, self.member_id)
        source, found = self._source(brought), brought.extracted
        if self.aim != Aim.RENEWAL:
            document, summary = Document.build(
                member, title=brought.title, text=found.text, format=found.format, source=source
            )
            return Outcome.CREATED, document.id, summary
        renewed = db.session.get(
            Document, self.document_id, populate_existing=True, with_for_update={"key_share": True}
        )
        if renewed is None:
            raise ImportFailure("document_gone")
        is_new, summary = renewed.renew(member, text=found.text, format=found.format, source=source)
        return Outcome.REVISED if is_new else Outcome.UNCHANGED, renewed.id, summary

    def _known(self, sha256: str | None) -> int | None:
        return Source.holder(sha256=sha256, url=self.url) if self.aim == Aim.NEW else None

    def _source(self, brought: Brought) -> Source:
        return Source.from_extracted(
            brought.extracted,
            name=brought.name,
            url=self.url,
            sha256=brought.sha256,
            size_bytes=brought.size_bytes,
        )

    @classmethod
    def _end(cls, claim: ImportClaim, outcome: Outcome, document_id: int) -> bool:
        return cls._write(
            claim,
            status=Status.COMPLETE,
            outcome=outcome,
            document_id=document_id,
            finished_at=now(),
            lease_until=None,
            error_code=None,
            error_detail=None,
        )

    def _crash(self) -> None:
        is_over = self.crashes + 1 >= MAX_CRASHES
        db.session.execute(
            update(Import)
            .where(Import.id == self.id, Import.fence == self.fence, Import.status == Status.PROCESSING)
            .values(
                status=Status.FAILED if is_over else Status.PENDING,
                crashes=Import.crashes + 1,
                lease_until=None,
                next_attempt_at=now(),
                error_code="crashed_worker",
                finished_at=now() if is_over else None,
            )
        )

    def _backoff_seconds(self) -> float:
        ceiling = min(current_settings().retry_seconds * 2 ** (self.attempts - 1), MAX_BACKOFF_SECONDS)
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret

    @classmethod
    def _write(cls, claim: ImportClaim, **values: Any) -> bool:
        """One fenced UPDATE: it changes the row only while the claim stands."""
        is_mine = (cls.id == claim.import_id, cls.fence == claim.fence, cls.status == Status.PROCESSING)
        return changed(update(cls).where(*is_mine).values(**values)) == 1

    # --- the member -------------------------------------------------------------------------------------------

    def again(self, aim: Aim | None = None) -> None:
        """Try it again; or go on though it is known: as a copy, or by fetching the known document anew."""
        is_waiting = (Import.status == Status.PENDING) & Import.error_code.is_not(None)
        may_move = or_(Import.status == Status.FAILED, is_waiting, Import.outcome == Outcome.KNOWN)
        values = {
            "aim": aim or self.aim,
            "status": Status.PENDING,
            "attempts": 0,
            "crashes": 0,
            "outcome": None,
        }
        with transaction():
            db.session.execute(
                update(Import)
                .where(Import.id == self.id, may_move)
                .values(**values, next_attempt_at=now(), error_code=None, error_detail=None, finished_at=None)
            )
        self.hint()

    def remove(self) -> None:
        """Forget the row, unless somebody works on it; and its file, unless a document needs it."""
        with transaction():
            db.session.execute(delete(Import).where(Import.id == self.id, Import.status != Status.PROCESSING))
        drop_originals([self.sha256] if self.sha256 else [])
