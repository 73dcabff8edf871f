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
    Boolean,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from webapp import hints
from webapp.extensions import Base, Prepared, cache, changed, current_settings, db, now, transaction
from webapp.models.asking import query_of, recipe_for, usual
from webapp.models.chosen import CHOSEN, PERSON, Chosen
from webapp.models.crashing import Crashing, is_apart
from webapp.models.finishing import Finishing, Source, plus
from webapp.models.holding import hold_that_of, holding
from webapp.models.model_limits import Learnt, ModelLimits, fingerprint
from webapp.models.model_server import PAUSES_AT_ONCE, ModelServer, server
from webapp.models.passages import Passages
from webapp.models.renewing import Renewing
from webapp.models.tasks import is_saved
from webapp.models.times import as_datetime
from webapp.summarizing.engine import (
    EXTRACT,
    OWN_LANGUAGE,
    Ask,
    EngineFailure,
    FailureKind,
    Finished,
    Style,
)
from webapp.summarizing.linked import linked_html
from webapp.summarizing.rendering import summary_html
from webapp.summarizing.sanitizing import visible
from webapp.summarizing.tree import Coverage

MAX_BACKOFF_SECONDS = 900
EXCERPT_CHARACTERS = 280
CACHE_VERSION = 2  # of the shape of what is cached
HOUR_SECONDS = 3600
LONG_TO_SEARCH_CHARS = 200_000
PROVENANCE = (
    "engine", "model", "prompt_version", "style", "language", "version", "claimed_at", "finished_at", "tokens_in",
    "tokens_out", "coverage", "author_id", "content_hash")  # fmt: skip
MUCH = 1_000_000_000
REFUNDED = PAUSES_AT_ONCE  # what stops everybody is nobody's try
SERVERS_OWN = (*REFUNDED, FailureKind.TRANSIENT)

_OF_DOCUMENT = ("id", "title", "content_hash", "summary_id", "summary_status", "shown_summary_id")
_documents = table("documents", *map(column, _OF_DOCUMENT))
_revisions = table("revisions", column("document_id"), column("version"), column("text"), column("format"))


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
    text_format: str
    ask: Ask
    learnt: Learnt


class Summary(Chosen, Crashing, Finishing, Renewing, Base):
    """The result of one recipe on one content. A new `edition` of it is made when somebody asks for another."""

    __tablename__ = "summaries"
    __table_args__ = (
        UniqueConstraint("document_id", "content_hash", "recipe_hash", "edition"),
        Index("ix_summaries_due", "status", "next_attempt_at"),
        Index("ix_summaries_warmed", "lane", "claimed_at"),
        Index("ix_summaries_chosen", "document_id", sqlite_where=CHOSEN, postgresql_where=CHOSEN),
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
    style: Mapped[str] = mapped_column(String(12), default=Style.KEY_POINTS, server_default=Style.KEY_POINTS)
    language: Mapped[str] = mapped_column(String(40), default=OWN_LANGUAGE, server_default=OWN_LANGUAGE)
    instruction: Mapped[str] = mapped_column(Text, default="", server_default="")
    task: Mapped[str] = mapped_column(Text, default="", server_default="")
    base_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    parts_done: Mapped[int] = mapped_column(default=0, server_default="0")
    parts_total: Mapped[int] = mapped_column(default=0, server_default="0")
    coverage: Mapped[str | None] = mapped_column(Text)
    grounding: Mapped[str | None] = mapped_column(Text)
    rewarming_id: Mapped[int | None]  # of whoever asked for it together with many others

    # --- asking -----------------------------------------------------------------------------------------------

    @classmethod
    def ask(
        cls,
        document_id: int,
        version: int,
        content_hash: str,
        lane: Lane,
        wait_seconds: float = 0.0,
        ask: Ask | None = None,
    ) -> "Summary":
        """Add a pending row for what is asked by today's recipe, inside the caller's transaction."""
        ask = ask or usual()
        recipe = recipe_for(ask)
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
            base_hash=current_settings().recipe.hash,
            **_columns(ask),
        )
        db.session.add(summary)
        db.session.flush()
        return summary

    @classmethod
    def supersede(cls, document_id: int, *only: ColumnElement[bool]) -> None:
        """Void what is still asked for or being written, inside the caller's transaction. A running one is fenced off."""
        db.session.execute(
            update(cls)
            .where(cls.document_id == document_id, cls.status.in_(LIVE), *only)
            .values(status=Status.SUPERSEDED, lease_until=None, finished_at=now())
        )

    @classmethod
    def is_asking(cls, ask: Ask) -> ColumnElement[bool]:
        """That a row asks for this, of whichever engine, model and prompt of the team's. One that is tried is its own."""
        asked = {name: value for name, value in _columns(ask).items() if name != "task"}
        return and_(cls.is_everybodys(), *(getattr(cls, name) == value for name, value in asked.items()))

    @classmethod
    def is_everybodys(cls) -> ColumnElement[bool]:
        """That a row is no try-out of a prompt that was never saved."""
        return is_saved(cls.style, cls.task)

    @classmethod
    def latest(cls, document_id: int, content_hash: str, ask: Ask) -> "Summary | None":
        """The newest summary of this text for what is asked, by today's recipe, that is not void."""
        return cls._of_text(document_id, content_hash, ask, cls.status != Status.SUPERSEDED)

    @classmethod
    def finished(cls, document_id: int, content_hash: str, ask: Ask | None = None) -> "Summary | None":
        """The newest finished summary of this text for what is asked, by today's recipe."""
        return cls._of_text(document_id, content_hash, ask, cls.status == Status.COMPLETE)

    @classmethod
    def _of_text(
        cls, document_id: int, content_hash: str, ask: Ask | None, wanted: ColumnElement[bool]
    ) -> "Summary | None":
        return db.session.scalar(
            select(cls)
            .where(
                cls.document_id == document_id,
                cls.content_hash == content_hash,
                cls.recipe_hash == recipe_for(ask).hash,
                wanted,
            )
            .order_by(cls.edition.desc())
            .limit(1),
            execution_options={"populate_existing": True},
        )

    @classmethod
    def last_finished(cls, document_id: int, ask: Ask) -> "Summary | None":
        """The last one that an engine finished of whichever text for what is asked: shown until the current one is."""
        is_finished = (cls.status == Status.COMPLETE, cls.engine != PERSON)
        rows = select(cls).where(cls.document_id == document_id, *is_finished, cls.is_asking(ask))
        return db.session.scalar(rows.order_by(cls.id.desc()).limit(1))

    @classmethod
    def is_outdated(cls) -> ColumnElement[bool]:
        """That a row waits for an engine, model or prompt which is set no longer."""
        return and_(cls.status == Status.PENDING, cls.base_hash != current_settings().recipe.hash)

    @classmethod
    def promote(
        cls, summary_id: int, *, at_once: bool, keeps_wait: bool = False, recipe: str | None = None
    ) -> bool:
        """Somebody waits: move a pending row to the interactive lane, inside the caller's transaction; with a `recipe`,
        only one that it is the hash of.

        Cuts the wait after an edit short, unless `keeps_wait`; the wait after a failure only `at_once`.
        Returns whether it moved.
        """
        wanted = {"promoted_id": summary_id, "at_once": at_once, "keeps_wait": keeps_wait, "recipe": recipe}
        is_moved = cls._promoted().run(**wanted).rowcount == 1
        if is_moved and at_once:
            ModelServer.probe_at_once()
        return is_moved

    @classmethod
    @functools.cache
    def _promoted(cls) -> Prepared:
        at_once, recipe = bindparam("at_once", type_=Boolean()), bindparam("recipe", type_=String())
        is_cut = cls._is_cut()
        moved = update(cls).where(
            cls.id == bindparam("promoted_id"),
            cls.status == Status.PENDING,
            or_(recipe.is_(None), cls.recipe_hash == recipe),
            or_(cls.lane == Lane.WARM, is_cut, at_once),
        )
        is_last = and_(cls.lane == Lane.WARM, cls.next_attempt_at < now())  # of those who wait already
        due_at = case((or_(is_cut, is_last), now()), else_=cls.next_attempt_at)
        return Prepared(moved.values(lane=Lane.INTERACTIVE, next_attempt_at=due_at))

    @classmethod
    def _is_cut(cls) -> ColumnElement[bool]:
        """Whether who waits `at_once`, or does not `keeps_wait`, cuts a wait short that is not over: its parameters."""
        at_once, keeps_wait = (bindparam(name, type_=Boolean()) for name in ("at_once", "keeps_wait"))
        is_settling = and_(cls.attempts == 0, cls.crashes == 0)
        return and_(cls.next_attempt_at > now(), or_(at_once, and_(is_settling, ~keeps_wait)))

    @classmethod
    def is_seen_to(cls, summary_id: int, *, keeps_wait: bool, recipe: str) -> bool:
        """Whether it is on its way by this recipe, and nobody who waits could make it come sooner."""
        wanted = {"seen_id": summary_id, "at_once": False, "keeps_wait": keeps_wait, "recipe": recipe}
        return cls._seen_to().run(**wanted).first() is not None

    @classmethod
    @functools.cache
    def _seen_to(cls) -> Prepared:
        is_waiting = and_(cls.status == Status.PENDING, cls.lane == Lane.INTERACTIVE, ~cls._is_cut())
        is_ours = (cls.id == bindparam("seen_id"), cls.recipe_hash == bindparam("recipe", type_=String()))
        return Prepared(select(cls.id).where(*is_ours, or_(cls.status == Status.PROCESSING, is_waiting)))

    def hint(self) -> None:
        """Tell the lane that there is work. It may be lost: the sweeper looks for what is due."""
        hints.send(self.id, self.lane)

    # --- the worker -------------------------------------------------------------------------------------------

    @classmethod
    def claim(cls, summary_id: int) -> Claim | None:
        """Take a due row under a lease, its attempt counted before any work. None: somebody has it, or it must wait."""
        with transaction(is_durable=False):
            hold_that_of(summary_id)
            taken = cls._take(summary_id)
            if taken is None and cls._is_held_up(summary_id) and ModelServer.lets_probe():
                taken = cls._take(summary_id, as_probe=True)
            if taken is None:
                return None
            cls._show_status(taken.document_id, summary_id, Status.PROCESSING)
        learnt = Learnt(taken.context_tokens, taken.calibration)
        content = (taken.title, taken.text, taken.text_format)
        return Claim(summary_id, taken.document_id, taken.fence, *content, _ask_of(taken), learnt)

    @classmethod
    def _take(cls, summary_id: int, *, as_probe: bool = False) -> Any:
        """The row, if it is due and no pause of the model server, or only this probe during one, is in the way."""
        settings = current_settings()
        bounds = {"most": settings.max_attempts, "lease": settings.lease_seconds, "as_probe": as_probe}
        names = {"claimed_id": summary_id, "server": server(), "limits": fingerprint()}
        return cls._taken().run(**names, **bounds, **cls._due_now()).one_or_none()

    @classmethod
    def _is_held_up(cls, summary_id: int) -> bool:
        """Whether the row is due and a pause of the model server alone keeps it from being taken."""
        due = select(cls.id).where(cls.id == summary_id, *cls._is_due()).with_for_update(of=cls)
        return ModelServer.pause() is not None and db.session.scalar(due, cls._due_now()) is not None

    @classmethod
    @functools.cache
    def _taken(cls) -> Prepared:
        """The one guarded UPDATE of a claim: it returns the new fence, and what there is to be read."""
        # The columns are named by hand: for SQLite the compiler would leave out whose they are.
        document_id: ColumnElement[int] = literal_column("summaries.document_id")
        version: ColumnElement[int] = literal_column("summaries.version")
        title = select(_documents.c.title).where(_documents.c.id == document_id)
        its = (_revisions.c.document_id == document_id, _revisions.c.version == version)
        text, text_format = (select(each).where(*its) for each in (_revisions.c.text, _revisions.c.format))
        is_admitted = or_(bindparam("as_probe", type_=Boolean()), ~ModelServer.is_paused())
        taken = (
            update(cls)
            .where(
                cls.id == bindparam("claimed_id"),
                *cls._is_due(),
                cls.attempts < bindparam("most"),
                is_admitted,
            )
            .values(
                status=Status.PROCESSING,
                attempts=cls.attempts + 1,
                fence=cls.fence + 1,
                claimed_at=now(),
                lease_until=now() + bindparam("lease", type_=Double()),
            )
            .returning(
                cls.fence,
                cls.document_id,
                title.scalar_subquery().label("title"),
                text.scalar_subquery().label("text"),
                text_format.scalar_subquery().label("text_format"),
                cls.style,
                cls.language,
                cls.instruction,
                cls.task,
                *ModelLimits.learnt(),
            )
        )
        return Prepared(taken)

    @classmethod
    def _is_due(cls) -> tuple[ColumnElement[bool], ...]:
        """What holds of rows that a worker may take now, but for a pause. Its parameters are in `_due_now`.

        A row of another recipe is left to whoever is set to that one, as during an upgrade; or else the sweeper
        asks anew. What nobody asked for waits once the hour's share of it is used up; a rewarming was asked for.
        """
        other = aliased(cls)
        warmed = select(func.count()).where(
            other.lane == Lane.WARM,
            other.rewarming_id.is_(None),
            other.claimed_at > now() - HOUR_SECONDS,
            other.engine == bindparam("due_engine"),
        )
        is_ours = cls.base_hash == bindparam("due_recipe")
        has_share = warmed.scalar_subquery() < bindparam("share", type_=Integer())
        may_warm = or_(cls.lane == Lane.INTERACTIVE, cls.rewarming_id.is_not(None), has_share)
        return (cls.status == Status.PENDING, cls.next_attempt_at <= now(), is_ours, is_apart(cls), may_warm)

    @classmethod
    def _due_now(cls) -> dict[str, Any]:
        """The parameters of `_is_due`. The embedded engine costs nothing, and warms as much as there is."""
        settings = current_settings()
        share = MUCH if settings.engine == "extract" else settings.warm_per_hour
        return {"due_recipe": settings.recipe.hash, "due_engine": settings.engine, "share": share}

    @classmethod
    def advance(cls, claim: Claim, *, tokens_in: int | None, tokens_out: int | None) -> None:
        """A part was read and is kept, inside the caller's transaction: count its tokens, and begin a new count of
        tries. There are only so many parts, so that this has an end.
        """
        cls._write(
            claim,
            attempts=1,
            crashes=0,
            error_code=None,
            error_detail=None,
            tokens_in=plus(cls.tokens_in, literal(tokens_in, Integer())),
            tokens_out=plus(cls.tokens_out, literal(tokens_out, Integer())),
        )

    @classmethod
    def progress(cls, claim: Claim, done: int, total: int) -> bool:
        """Note how many parts are read, for whoever looks. False: the row is no longer ours."""
        with transaction(is_durable=False):
            return cls._write(claim, parts_done=done, parts_total=total)

    @classmethod
    def finish(
        cls, claim: Claim, *, text: str, format: str, finished: Finished, coverage: Coverage | None = None
    ) -> bool:
        """Store the whole text as complete, if the claim still stands. After the commit, fill the cache."""
        grounding = cls._passages_of(claim, text, format)
        with holding(claim.document_id):
            summary = cls.finish_row(
                claim, text=text, format=format, grounding=grounding, finished=finished, coverage=coverage
            )
            if summary is not None:
                cls._show_status(claim.document_id, claim.summary_id, Status.COMPLETE)
                ModelServer.well()
        if summary is not None:
            summary.fill_cache()
        return summary is not None

    @classmethod
    def _passages_of(cls, claim: Claim, text: str, format: str) -> str | None:
        """What of the document each sentence rests on. To search a very long text takes seconds of the lease."""
        if len(claim.text) > LONG_TO_SEARCH_CHARS and not cls.renew(claim):
            return None
        is_selected = current_settings().engine == EXTRACT
        source = {"text": claim.text, "text_format": claim.text_format}
        return Passages.find(text, format, **source, is_selected=is_selected)

    @classmethod
    def _revision(cls, summary_id: int) -> Any:
        """The text that a summary is of, and its format: the very version that the worker read."""
        is_its = and_(_revisions.c.document_id == cls.document_id, _revisions.c.version == cls.version)
        wanted = select(_revisions.c.text, _revisions.c.format).join(cls, is_its)
        found = db.session.execute(wanted.where(cls.id == summary_id)).one_or_none()
        return found or Source("", "plain")

    @classmethod
    def fail(cls, claim: Claim, failure: EngineFailure) -> bool:
        """Put the row back for another try, or fail it with a reason; count what is the server's own trouble."""
        with holding(claim.document_id):
            summary = db.session.get(cls, claim.summary_id, populate_existing=True)
            if summary is None:
                return False
            values = summary._after(failure)
            is_mine = cls._write(
                claim, error_code=failure.code, error_detail=failure.detail or None, **values
            )
            if is_mine:
                cls._show_status(claim.document_id, claim.summary_id, values["status"])
            if failure.kind in SERVERS_OWN and failure.code != "internal_error":
                ModelServer.failed(failure)
            elif failure.kind is FailureKind.UNUSABLE:
                ModelServer.well()  # it answered, though not well
        return is_mine

    @classmethod
    def hand_back(cls, claim: Claim) -> bool:
        """Give the row back untouched, as at a shutdown: it is nobody's failure, and due at once."""
        with holding(claim.document_id):
            is_mine = cls._write(
                claim,
                status=Status.PENDING,
                attempts=cls.attempts - 1,
                next_attempt_at=now(),
                lease_until=None,
            )
            if is_mine:
                cls._show_status(claim.document_id, claim.summary_id, Status.PENDING)
        return is_mine

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
            changed(
                update(cls)
                .where(cls.id == claim.summary_id, cls.fence == claim.fence, cls.status == Status.PROCESSING)
                .values(**values)
            )
            == 1
        )

    @classmethod
    def _show_status(cls, document_id: int, summary_id: int, status: str) -> None:
        """Flip the document's status, where this is still its current summary. A finished one is shown from now on."""
        is_finished = status == Status.COMPLETE
        _flip(is_finished=is_finished).run(document=document_id, summary=summary_id, status=status)

    # --- reading ----------------------------------------------------------------------------------------------

    @property
    def is_final(self) -> bool:
        return self.status not in LIVE

    @property
    def is_running(self) -> bool:
        return self.status == Status.PROCESSING

    @property
    def is_reading(self) -> bool:
        """Whether parts of its text are still to be read, before its first word."""
        return self.is_running and self.parts_done < self.parts_total

    @property
    def live_format(self) -> str:
        """The format of its words while they come."""
        return recipe_for(self.asked).format

    @property
    def asked(self) -> Ask:
        return _ask_of(self)

    def answers(self, ask: Ask) -> bool:
        """Whether it is for what is asked, by the engine, model and prompt that are set now."""
        return self.recipe_hash == recipe_for(ask).hash

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
    def cached(cls, document_id: int, content_hash: str, ask: Ask | None = None) -> dict[str, Any] | None:
        """The ready-to-serve summary of this text by today's recipe, or None. Redis away is a miss."""
        try:
            found = cache.get(cache_key(document_id, content_hash, recipe_for(ask).hash))
        except RedisError:
            return None
        return found if isinstance(found, dict) and found.get("v") == CACHE_VERSION else None

    def fill_cache(self) -> dict[str, Any]:
        """Put the finished summary into the cache, its text already safe HTML. Returns what was put.

        A document that is deleted meanwhile leaves nothing in the cache.
        """
        ready = self.ready(is_linked=True)
        key = cache_key(self.document_id, self.content_hash, self.recipe_hash)
        try:
            cache.set(key, ready)
        except RedisError as error:
            current_app.logger.warning("The cache was not filled: %s", error)
        db.session.commit()  # what is looked at next is the present, not this transaction's past
        if _there().run(looked_for=self.id).first() is None:
            Summary.forget([key])
        return ready

    def ready(self, *, is_linked: bool = False) -> dict[str, Any]:
        """What a page needs of it, as JSON can hold it. Links are for the text that it was made from, and no other."""
        passages = Passages.read(self.grounding) if is_linked else None
        return {
            "v": CACHE_VERSION,
            "id": self.id,
            "html": self._linked(passages) if passages else self._html(),
            "is_linked": passages is not None,
            "prompt_hash": self.asked.prompt_hash,
            **{name: getattr(self, name) for name in PROVENANCE},
        }

    def _html(self) -> str:
        return summary_html(self.text or "", self.format or "markdown")

    def _linked(self, passages: Passages) -> str:
        revision = self.source or self._revision(self.id)
        way = functools.partial(
            passages.way,
            page=f"/documents/{self.document_id}",
            query=query_of(self.asked),
            text=revision.text,
            text_format=revision.format,
        )
        return linked_html(self.text or "", self.format or "markdown", passages.found, way, summary_html)

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
    def due_ids(cls, limit: int, lanes: Iterable[str] = Lane) -> list[tuple[int, str]]:
        """(id, lane) of rows that wait for a worker, those somebody waits for first. During a pause, one probe."""
        pause = ModelServer.pause()
        if pause and pause.paused_until is not None:
            limit = 1 if db.session.scalar(select(pause.paused_until <= now())) else 0
        rows = select(cls.id, cls.lane).where(*cls._is_due(), cls.lane.in_(lanes)).limit(limit)
        found = db.session.execute(rows.order_by(cls.lane, cls.next_attempt_at, cls.id), cls._due_now())
        return [(row.id, row.lane) for row in found] if limit else []


def _columns(ask: Ask) -> dict[str, str]:
    """What is asked, as a row has it."""
    return {
        "style": ask.style,
        "language": ask.language or OWN_LANGUAGE,
        "instruction": ask.instruction,
        "task": ask.task,
    }


def _ask_of(row: Any) -> Ask:
    language = None if row.language == OWN_LANGUAGE else row.language
    return Ask(Style(row.style), language, row.instruction, row.task)


@functools.cache
def _flip(*, is_finished: bool) -> Prepared:
    flip = update(_documents).where(
        _documents.c.id == bindparam("document"), _documents.c.summary_id == bindparam("summary")
    )
    flip = flip.values(summary_status=bindparam("status"))
    return Prepared(flip.values(shown_summary_id=bindparam("summary")) if is_finished else flip)


@functools.cache
def _there() -> Prepared:
    return Prepared(select(Summary.id).where(Summary.id == bindparam("looked_for")))


def cache_key(document_id: int, content_hash: str, recipe_hash: str) -> str:
    """The key of a summary: nothing in it changes when a status is saved, and all that decides its words is in it."""
    return f"summary/{CACHE_VERSION}/{document_id}/{content_hash}/{recipe_hash}"
