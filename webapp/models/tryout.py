"""Try-outs: a prompt that is not saved, run on one document, so that somebody sees what it would write."""

from datetime import datetime
from typing import NamedTuple

from flask import abort
from sqlalchemy import Double, ForeignKey, Select, delete, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp import events, hints
from webapp.extensions import Base, current_settings, db, now, transaction
from webapp.models.area import SummaryArea, of_summary
from webapp.models.document import Document
from webapp.models.member import Member
from webapp.models.summary import LIVE, Lane, Status, Summary, cache_key
from webapp.models.times import as_datetime
from webapp.summarizing.engine import EXTRACT, Ask, Style
from webapp.summarizing.prompt import DEFAULT_TASKS

MOST_RUNNING = 3  # of one member
KEPT_SECONDS = 86_400.0
MOST_FORGOTTEN = 500  # in one sweep
MOST_MATCHES = 30


def can_try() -> bool:
    """Whether there is a model that would heed a prompt."""
    settings = current_settings()
    return settings.summaries and settings.engine != EXTRACT


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

    def area(self, document: Document, *, is_polling: bool = False) -> SummaryArea:
        """What it has written so far, ready for the template."""
        if self.is_void:
            return SummaryArea(
                document=document, status=Status.SUPERSEDED, state="void", ask=self.summary.asked
            )
        return of_summary(document, self.summary, is_polling=is_polling)

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
            db.session.execute(
                select(Member.id).where(Member.id == member.id).with_for_update(key_share=True)
            )
            summary = Summary.latest(document.id, document.content_hash, ask)
            if summary is None or summary.status == Status.FAILED:
                if cls._running(member) >= MOST_RUNNING:
                    raise TooManyTryOuts
                summary = Summary.ask(
                    document.id, document.version, document.content_hash, Lane.INTERACTIVE, ask=ask
                )
            elif not summary.is_final:
                Summary.promote(summary.id, at_once=False)
            tried = cls(member_id=member.id, summary_id=summary.id, edition=edition)
            db.session.add(tried)
            db.session.flush()
        if not summary.is_final:
            hints.send(summary.id, Lane.INTERACTIVE)
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


class Choice(NamedTuple):
    """A document that a prompt can be tried on."""

    id: int
    title: str


class TryOuts(NamedTuple):
    """Those of one member, which nobody else sees."""

    member: Member

    def choices(self, chosen: int | None = None) -> list[Choice]:
        """The newest documents, behind the one that is chosen if it is older."""
        newest = [Choice(row.id, row.title) for row in self.member.documents.page(1).rows]
        is_older = chosen is not None and chosen not in [choice.id for choice in newest]
        return [*(self._those([chosen]) if chosen and is_older else []), *newest]

    def matching(self, words: str) -> list[Choice]:
        """The document with this number or title; or else those with these words in their titles, newest first."""
        if words.isdecimal() and len(words) < 10 and (found := self._those([int(words)])):
            return found
        has_words = Document.title.icontains(words, autoescape=True)
        rows = select(Document.id).where(has_words).order_by(Document.id.desc()).limit(MOST_MATCHES)
        found = self._those(list(db.session.scalars(rows)))
        same = [choice for choice in found if choice.title.casefold() == words.casefold()]
        return same if len(same) == 1 else found

    def _those(self, ids: list[int]) -> list[Choice]:
        """As far as the member may see them."""
        found = [Choice(row.id, row.title) for row in self.member.documents.those(ids)]
        return sorted(found, key=lambda choice: ids.index(choice.id))

    def get_or_404(self, tryout_id: int, style: Style) -> TryOut:
        """The try-out, if it is of this style; or the end of the request."""
        wanted = select(TryOut).where(TryOut.id == tryout_id, TryOut.member_id == self.member.id)
        tried = db.session.scalar(wanted, execution_options={"populate_existing": True})
        return tried if tried and tried.style == style else abort(404)
