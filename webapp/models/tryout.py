"""Try-outs: a prompt that is not saved, run on one document, so that somebody sees what it would write."""

from datetime import datetime
from typing import NamedTuple

from flask import abort
from sqlalchemy import Double, ForeignKey, Select, delete, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp import events
from webapp.extensions import Base, current_settings, db, now, transaction
from webapp.models.document import Document
from webapp.models.member import Member
from webapp.models.summary import LIVE, Lane, Status, Summary, cache_key
from webapp.models.times import as_datetime
from webapp.summarizing.engine import Ask, Style
from webapp.summarizing.prompt import DEFAULT_TASKS

MOST_RUNNING = 3  # of one member
KEPT_SECONDS = 86_400.0
MOST_FORGOTTEN = 500  # in one sweep


class TooManyTryOuts(Exception):
    """So many of this member's are still running that another one must wait."""


class TryOut(Base):
    """Somebody's look at a prompt before it is saved. Its summary is a row of its own recipe, and touches nothing else.

    `edition` is that of the newest prompt when the trying began, so that a later save can tell whether it is stale.
    """

    __tablename__ = "tryouts"
    __table_args__ = ({"sqlite_autoincrement": True},)  # its stream outlives the row

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), index=True)
    summary_id: Mapped[int] = mapped_column(ForeignKey("summaries.id", ondelete="CASCADE"), index=True)
    edition: Mapped[int]
    created_at: Mapped[float] = mapped_column(Double, default=now())

    summary: Mapped[Summary] = relationship(lazy="joined", innerjoin=True)

    @property
    def document_id(self) -> int:
        return self.summary.document_id

    @property
    def style(self) -> Style:
        return Style(self.summary.style)

    @property
    def text(self) -> str:
        """What is tried, as it is edited."""
        return self.summary.task or DEFAULT_TASKS[self.style]

    @property
    def begun_at(self) -> datetime | None:
        return as_datetime(self.created_at)

    @property
    def is_void(self) -> bool:
        """Whether no worker takes it any more: the text or the settings have changed since."""
        return self.summary.status == Status.SUPERSEDED or (
            self.summary.status == Status.PENDING and self.summary.base_hash != current_settings().recipe.hash
        )

    @classmethod
    def begin(cls, member: Member, document: Document, style: Style, task: str, *, edition: int) -> "TryOut":
        """Run `task` ("" is the built-in one) on the document's current text. What is there already is not made again.

        Raises TooManyTryOuts.
        """
        ask = Ask(style, task=task)
        with transaction(is_durable=False):
            db.session.execute(select(Member.id).where(Member.id == member.id).with_for_update())
            summary = Summary.latest(document.id, document.content_hash, ask)
            if summary is None or summary.status == Status.FAILED:
                if cls._running(member) >= MOST_RUNNING:
                    raise TooManyTryOuts
                summary = Summary.ask(
                    document.id, document.version, document.content_hash, Lane.INTERACTIVE, ask=ask
                )
            elif not summary.is_final:
                summary.promote(at_once=False)
            tried = cls(member_id=member.id, summary_id=summary.id, edition=edition)
            db.session.add(tried)
            db.session.flush()
        if not summary.is_final:
            summary.hint()
            events.tell(document.id)
        return db.session.get_one(cls, tried.id, populate_existing=True)

    @classmethod
    def _running(cls, member: Member) -> int:
        live = select(func.count()).select_from(cls).join(Summary, Summary.id == cls.summary_id)
        return db.session.scalar(live.where(cls.member_id == member.id, Summary.status.in_(LIVE))) or 0

    @classmethod
    def sweep(cls) -> None:
        """Forget those of yesterday, and what they wrote, unless it became everybody's."""
        if db.session.scalar(cls._old().limit(1)) is None:
            return
        with transaction(is_durable=False):
            old = list(db.session.scalars(cls._old().order_by(cls.id).limit(MOST_FORGOTTEN)))
            db.session.execute(delete(cls).where(cls.id.in_([tried.id for tried in old])))
            summaries = list(db.session.scalars(cls._useless([tried.summary_id for tried in old])))
            db.session.execute(delete(Summary).where(Summary.id.in_([each.id for each in summaries])))
        Summary.forget(cache_key(each.document_id, each.content_hash, each.recipe_hash) for each in summaries)
        events.forget(each.id for each in summaries)

    @classmethod
    def _old(cls) -> "Select[TryOut]":
        return select(cls).where(cls.created_at < now() - KEPT_SECONDS)

    @classmethod
    def _useless(cls, ids: list[int]) -> Select[Summary]:
        """Of these summaries, those of prompts that were never saved, which nothing leads to."""
        leads = or_(Document.summary_id == Summary.id, Document.shown_summary_id == Summary.id)
        return select(Summary).where(
            Summary.id.in_(ids),
            ~Summary.is_everybodys(),
            ~select(cls.id).where(cls.summary_id == Summary.id).exists(),
            ~select(Document.id).where(Document.id == Summary.document_id, leads).exists(),
        )


class TryOuts(NamedTuple):
    """Those of one member, which nobody else sees."""

    member: Member

    def get_or_404(self, tryout_id: int, style: Style) -> TryOut:
        """The try-out, if it is of this style; or the end of the request."""
        wanted = select(TryOut).where(TryOut.id == tryout_id, TryOut.member_id == self.member.id)
        tried = db.session.scalar(wanted, execution_options={"populate_existing": True})
        return tried if tried and tried.style == style else abort(404)
