"""The life of a summary: asked for, claimed under a lease, written, finished behind a fence, or brought back.

SQL is the truth. Every change of status is one guarded UPDATE, and what another process holds is never touched.
"""

import functools
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import current_app
from redis import RedisError
from sqlalchemy import (
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Select,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    column,
    func,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningUpdate

from webapp import hints
from webapp.extensions import Base, cache, current_settings, db, now, transaction
from webapp.models.model_server import PAUSES_AT_ONCE, ModelServer
from webapp.models.times import as_datetime
from webapp.summarizing.engine import EngineFailure, FailureKind, Finished
from webapp.summarizing.rendering import summary_html
from webapp.summarizing.sanitizing import visible

MAX_CRASHES = 3  # deaths of a worker before its summary is held to be the cause
MAX_BACKOFF_SECONDS = 900
EXCERPT_CHARACTERS = 280
CACHE_VERSION = 1  # of the shape of what is cached
HOUR_SECONDS = 3600
REFUNDED = PAUSES_AT_ONCE  # what stops everybody is nobody's try
SERVERS_OWN = (*REFUNDED, FailureKind.TRANSIENT)

_documents = table(
    "documents",
    column("id"),
    column("title"),
    column("content_hash"),
    column("summary_id"),
    column("summary_status"),
    column("shown_summary_id"),
)
_revisions = table("revisions", column("document_id"), column("version"), column("text"))


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETE = "complete"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class Lane(StrEnum):
    INTERACTIVE = "interactive"
    WARM = "warm"


LIVE = (Status.PENDING, Status.PROCESSING)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one summary, until the lease ends. `fence` grows with each claim and is named by each write."""

    summary_id: int
    document_id: int
    fence: int
    title: str
    text: str


class Summary(Base):
    """The result of one recipe on one content. A new `edition` of it is made when somebody asks for another."""

    __tablename__ = "summaries"
    __table_args__ = (
        UniqueConstraint("document_id", "content_hash", "recipe_hash", "edition"),
        Index("ix_summaries_due", "status", "next_attempt_at"),
        Index("ix_summaries_warmed", "lane", "claimed_at"),
        {"sqlite_autoincrement": True},  # a live stream outlives its row: an id is never given twice
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    version: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    recipe_hash: Mapped[str] = mapped_column(String(64))
    edition: Mapped[int]
    status: Mapped[str] = mapped_column(String(12), default=Status.PENDING)
    lane: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[float] = mapped_column(Double)
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[float | None] = mapped_column(Double)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[float] = mapped_column(Double, default=now())
    claimed_at: Mapped[float | None] = mapped_column(Double)
    finished_at: Mapped[float | None] = mapped_column(Double)
    engine: Mapped[str] = mapped_column(String(20))
    model: Mapped[str] = mapped_column(String(200))
    prompt_version: Mapped[str] = mapped_column(String(40))
    format: Mapped[str | None] = mapped_column(String(12))
    text: Mapped[str | None] = mapped_column(Text)
    finish_reason: Mapped[str | None] = mapped_column(String(40))
    tokens_in: Mapped[int | None]
    tokens_out: Mapped[int | None]

    # --- asking -----------------------------------------------------------------------------------------------

    @classmethod
    def ask(
        cls, document_id: int, version: int, content_hash: str, lane: Lane, wait_seconds: float = 0.0
    ) -> "Summary":
        """Add a pending row for the current recipe inside the caller's transaction."""
        recipe = current_settings().recipe
        last = select(func.coalesce(func.max(cls.edition), 0)).where(
            cls.document_id == document_id,
            cls.content_hash == content_hash,
            cls.recipe_hash == recipe.hash,
        )
        summary = cls(
            document_id=document_id,
            version=version,
            content_hash=content_hash,
            recipe_hash=recipe.hash,
            edition=last.scalar_subquery() + 1,
            lane=lane,
            next_attempt_at=now() + wait_seconds,
            engine=recipe.engine,
            model=recipe.model,
            prompt_version=recipe.prompt_version,
        )
        db.session.add(summary)
        db.session.flush()
        return summary

    @classmethod
    def supersede(cls, document_id: int) -> None:
        """Void what is still asked for or being written, inside the caller's transaction. A running one is fenced off."""
        db.session.execute(
            update(cls)
            .where(cls.document_id == document_id, cls.status.in_(LIVE))
            .values(status=Status.SUPERSEDED, lease_until=None, finished_at=now())
        )

    @classmethod
    def finished(cls, document_id: int, content_hash: str) -> "Summary | None":
        """The newest finished summary of this text by the current recipe."""
        return db.session.scalar(
            select(cls)
            .where(
                cls.document_id == document_id,
                cls.content_hash == content_hash,
                cls.recipe_hash == current_settings().recipe.hash,
                cls.status == Status.COMPLETE,
            )
            .order_by(cls.edition.desc())
            .limit(1)
        )

    def promote(self, *, at_once: bool, keeps_wait: bool = False) -> bool:
        """Somebody waits: move a pending row to the interactive lane, inside the caller's transaction.

        Cuts the wait after an edit short, unless `keeps_wait`; the wait after a failure only `at_once`.
        Returns whether it moved.
        """
        is_settling = self.attempts == 0 and self.crashes == 0
        may_move = [Summary.lane == Lane.WARM]
        values: dict[str, Any] = {"lane": Lane.INTERACTIVE}
        if at_once or (is_settling and not keeps_wait):
            may_move.append(Summary.next_attempt_at > now())
            values["next_attempt_at"] = now()
        if at_once:
            ModelServer.probe_at_once()
            may_move.append(Summary.status == Status.PENDING)
        moved = (
            update(Summary)
            .where(Summary.id == self.id, Summary.status == Status.PENDING, or_(*may_move))
            .values(values)
        )
        is_moved = _rowcount(moved) == 1
        if is_moved:
            set_committed_value(self, "lane", Lane.INTERACTIVE)  # all that is asked of it after this
        return is_moved

    def hint(self) -> None:
        """Tell the lane that there is work. It may be lost: the sweeper looks for what is due."""
        hints.send(self.id, self.lane)

    # --- the worker -------------------------------------------------------------------------------------------

    @classmethod
    def claim(cls, summary_id: int) -> Claim | None:
        """Take a due row under a lease, its attempt counted before any work. None: somebody has it, or it must wait."""
        settings = current_settings()
        with transaction():
            wanted = {"claimed_id": summary_id, "recipe": settings.recipe.hash}
            read = db.session.execute(cls._with_its_text(), wanted).one_or_none()
            if read is None or not cls._is_admitted(read.lane):
                return None
            limits = {"most": settings.max_attempts, "lease": settings.lease_seconds}
            fence = db.session.scalar(cls._taken(), {**wanted, **limits})
            if fence is None:
                return None
            cls._show_status(summary_id, Status.PROCESSING)
        return Claim(summary_id, read.document_id, fence, read.title, read.text)

    # To build a statement takes longer than to run it, and somebody waits: those of a claim are built once.

    @classmethod
    @functools.cache
    def _taken(cls) -> ReturningUpdate[int]:
        """The one guarded UPDATE of a claim, which returns the new fence."""
        return (
            update(cls)
            .where(cls.id == bindparam("claimed_id"), *cls._is_due(), cls.attempts < bindparam("most"))
            .values(
                status=Status.PROCESSING,
                attempts=cls.attempts + 1,
                fence=cls.fence + 1,
                claimed_at=now(),
                lease_until=now() + bindparam("lease", type_=Double()),
            )
            .returning(cls.fence)
            .execution_options(synchronize_session=False)
        )

    @classmethod
    @functools.cache
    def _with_its_text(cls) -> Select[Any]:
        """A due row's lane and document, with the title and the text that it is of."""
        return (
            select(cls.lane, cls.document_id, _documents.c.title, _revisions.c.text)
            .join(_documents, _documents.c.id == cls.document_id)
            .join(
                _revisions,
                (_revisions.c.document_id == cls.document_id) & (_revisions.c.version == cls.version),
            )
            .where(cls.id == bindparam("claimed_id"), *cls._is_due())
        )

    @classmethod
    def _is_admitted(cls, lane: str) -> bool:
        """Whether neither the hour's share of warming nor a pause of the model server stands in the way."""
        return (lane != Lane.WARM or cls._may_warm()) and ModelServer.admits()

    @classmethod
    def _is_due(cls) -> tuple[ColumnElement[bool], ...]:
        """What holds of rows that a worker set to the parameter `recipe` may take now, but for a pause.

        A row of another recipe is left to whoever is set to that one, as during an upgrade; or else the sweeper
        asks anew.
        """
        is_ours = cls.recipe_hash == bindparam("recipe")
        return (cls.status == Status.PENDING, cls.next_attempt_at <= now(), is_ours)

    @classmethod
    def _may_warm(cls) -> bool:
        """Whether the hour's share of summaries that nobody asked for is not used up."""
        settings = current_settings()
        if settings.engine == "extract":
            return True
        warmed = select(func.count()).where(
            cls.lane == Lane.WARM, cls.claimed_at > now() - HOUR_SECONDS, cls.engine == settings.engine
        )
        return (db.session.scalar(warmed) or 0) < settings.warm_per_hour

    @classmethod
    def renew(cls, claim: Claim) -> bool:
        """Extend the lease. False: the text has changed or somebody else has the row, so stop."""
        with transaction():
            return cls._write(claim, lease_until=now() + current_settings().lease_seconds)

    @classmethod
    def finish(cls, claim: Claim, *, text: str, format: str, finished: Finished) -> bool:
        """Store the whole text as complete, if the claim still stands. After the commit, fill the cache."""
        with transaction():
            is_mine = cls._write(
                claim,
                status=Status.COMPLETE,
                text=text,
                format=format,
                model=finished.model[:200],
                finish_reason=finished.finish_reason,
                tokens_in=finished.tokens_in,
                tokens_out=finished.tokens_out,
                finished_at=now(),
                lease_until=None,
                error_code=None,
                error_detail=None,
            )
            if is_mine:
                cls._show_status(claim.summary_id, Status.COMPLETE, shown_summary_id=claim.summary_id)
                ModelServer.well()
        summary = db.session.get(cls, claim.summary_id, populate_existing=True) if is_mine else None
        if summary is not None:
            summary.fill_cache()
        return is_mine

    @classmethod
    def fail(cls, claim: Claim, failure: EngineFailure) -> bool:
        """Put the row back for another try, or fail it with a reason; count what is the server's own trouble."""
        with transaction():
            summary = db.session.get(cls, claim.summary_id, populate_existing=True)
            if summary is None:
                return False
            values = summary._after(failure)
            is_mine = cls._write(
                claim, error_code=failure.code, error_detail=failure.detail or None, **values
            )
            if is_mine:
                cls._show_status(claim.summary_id, values["status"])
            if failure.kind in SERVERS_OWN and failure.code != "internal_error":
                ModelServer.failed(failure)
            elif failure.kind is FailureKind.UNUSABLE:
                ModelServer.well()  # it answered, though not well
        return is_mine

    @classmethod
    def hand_back(cls, claim: Claim) -> bool:
        """Give the row back untouched, as at a shutdown: it is nobody's failure, and due at once."""
        with transaction():
            is_mine = cls._write(
                claim,
                status=Status.PENDING,
                attempts=cls.attempts - 1,
                next_attempt_at=now(),
                lease_until=None,
            )
            if is_mine:
                cls._show_status(claim.summary_id, Status.PENDING)
        return is_mine

    @classmethod
    def expire_leases(cls) -> list[int]:
        """End the leases of workers that are not heard of. Returns the ids of the documents concerned."""
        expired = select(cls).where(cls.status == Status.PROCESSING, cls.lease_until < now())
        if not db.session.scalars(expired).all():
            return []
        with transaction():
            summaries = list(db.session.scalars(expired.execution_options(populate_existing=True)))
            for summary in summaries:
                summary._crash()
        return [summary.document_id for summary in summaries]

    def _crash(self) -> None:
        is_over = self.crashes + 1 >= MAX_CRASHES or self.attempts >= current_settings().max_attempts
        status = Status.FAILED if is_over else Status.PENDING
        moved = _rowcount(
            update(Summary)
            .where(Summary.id == self.id, Summary.fence == self.fence, Summary.status == Status.PROCESSING)
            .values(
                status=status,
                crashes=Summary.crashes + 1,
                lease_until=None,
                next_attempt_at=now(),
                error_code="crashed_worker",
                finished_at=now() if is_over else None,
            )
        )
        if moved:
            self._show_status(self.id, status)

    def _after(self, failure: EngineFailure) -> dict[str, Any]:
        """What a failure makes of the row: the values of the UPDATE."""
        settings = current_settings()
        if failure.kind in REFUNDED:
            return {
                "status": Status.PENDING,
                "attempts": Summary.attempts - 1,
                "next_attempt_at": now(),
                "lease_until": None,
            }
        is_over = (
            failure.kind is FailureKind.PERMANENT
            or self.attempts >= settings.max_attempts
            or (failure.kind is FailureKind.UNUSABLE and self.error_code == failure.code)
        )
        if is_over:
            return {"status": Status.FAILED, "finished_at": now(), "lease_until": None}
        wait = 0.0 if failure.kind is FailureKind.UNUSABLE else self._backoff_seconds(failure.retry_after)
        return {"status": Status.PENDING, "next_attempt_at": now() + wait, "lease_until": None}

    def _backoff_seconds(self, asked: float | None) -> float:
        """The wait before the next try: doubling, with jitter so that many do not come back at once."""
        ceiling = min(current_settings().retry_seconds * 2 ** (self.attempts - 1), MAX_BACKOFF_SECONDS)
        return max(asked or 0.0, random.uniform(ceiling / 2, ceiling))  # noqa: S311 - jitter, not a secret

    @classmethod
    def _write(cls, claim: Claim, **values: Any) -> bool:
        """One fenced UPDATE: it changes the row only while the claim stands."""
        return (
            _rowcount(
                update(cls)
                .where(cls.id == claim.summary_id, cls.fence == claim.fence, cls.status == Status.PROCESSING)
                .values(**values)
            )
            == 1
        )

    @classmethod
    def _show_status(cls, summary_id: int, status: str, **values: Any) -> None:
        """Flip the document's status, where this is still its current summary."""
        db.session.execute(
            update(_documents)
            .where(_documents.c.summary_id == summary_id)
            .values(summary_status=status, **values)
        )

    # --- reading ----------------------------------------------------------------------------------------------

    @property
    def is_final(self) -> bool:
        return self.status not in LIVE

    @property
    def is_running(self) -> bool:
        return self.status == Status.PROCESSING

    @property
    def live_format(self) -> str:
        """The format of its words while they come."""
        return "sentences" if self.engine == "extract" else "markdown"

    @property
    def is_of_today(self) -> bool:
        """Whether it was asked of the engine, model and prompt that are set now."""
        return self.recipe_hash == current_settings().recipe.hash

    @property
    def next_attempt(self) -> datetime | None:
        return as_datetime(self.next_attempt_at)

    @property
    def excerpt(self) -> str:
        """Its first lines, without marks."""
        words = re.sub(
            r"^\s*(?:[-*+•]|#+|\d+[.)])\s+|[*_`]{2,}|`", "", visible(self.text or ""), flags=re.MULTILINE
        )
        words = " ".join(words.split())
        return (
            words if len(words) <= EXCERPT_CHARACTERS else words[:EXCERPT_CHARACTERS].rsplit(" ", 1)[0] + " …"
        )

    @classmethod
    def cached(cls, document_id: int, content_hash: str) -> dict[str, Any] | None:
        """The ready-to-serve summary of this text by the current recipe, or None. Redis away is a miss."""
        try:
            found = cache.get(cache_key(document_id, content_hash, current_settings().recipe.hash))
        except RedisError:
            return None
        return found if isinstance(found, dict) and found.get("v") == CACHE_VERSION else None

    def fill_cache(self) -> dict[str, Any]:
        """Put the finished summary into the cache, its text already safe HTML. Returns what was put.

        A document that is deleted meanwhile leaves nothing in the cache.
        """
        ready = {
            "v": CACHE_VERSION,
            "id": self.id,
            "html": summary_html(self.text or "", self.format or "markdown"),
            "engine": self.engine,
            "model": self.model,
            "version": self.version,
            "finished_at": self.finished_at,
        }
        key = cache_key(self.document_id, self.content_hash, self.recipe_hash)
        try:
            cache.set(key, ready)
        except RedisError as error:
            current_app.logger.warning("The cache was not filled: %s", error)
        db.session.commit()  # what is looked at next is the present, not this transaction's past
        if db.session.scalar(select(Summary.id).where(Summary.id == self.id)) is None:
            Summary.forget([key])
        return ready

    @classmethod
    def all_of(cls, document_id: int) -> "list[Summary]":
        return list(db.session.scalars(select(cls).where(cls.document_id == document_id)))

    @staticmethod
    def forget(keys: Iterable[str]) -> None:
        """Delete what the cache holds under these keys."""
        try:
            cache.delete_many(*keys)
        except RedisError as error:
            current_app.logger.warning("The cache was not cleared: %s", error)

    @classmethod
    def is_any_pending(cls) -> bool:
        return db.session.scalar(select(cls.id).where(cls.status == Status.PENDING).limit(1)) is not None

    @classmethod
    def due_ids(cls, limit: int) -> list[tuple[int, str]]:
        """(id, lane) of rows that wait for a worker, those somebody waits for first. During a pause, one probe."""
        pause = ModelServer.pause()
        if pause and pause.paused_until is not None:
            is_probe_due = db.session.scalar(select(pause.paused_until <= now()))
            limit = 1 if is_probe_due else 0
        lanes = tuple(Lane) if cls._may_warm() else (Lane.INTERACTIVE,)
        due = select(cls.id, cls.lane).where(*cls._is_due(), cls.lane.in_(lanes))
        rows = due.order_by(cls.lane, cls.next_attempt_at, cls.id).limit(limit)
        recipe = {"recipe": current_settings().recipe.hash}
        return [(row.id, row.lane) for row in db.session.execute(rows, recipe)] if limit else []


def cache_key(document_id: int, content_hash: str, recipe_hash: str) -> str:
    """The key of a summary: nothing in it changes when a status is saved, and all that decides its words is in it."""
    return f"summary/{CACHE_VERSION}/{document_id}/{content_hash}/{recipe_hash}"


def _rowcount(statement: Any) -> int:
    result: Any = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)
