"""What readers say of summaries: whether one was useful, and why. One vote of a member for each summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Double, ForeignKey, Select, String, case, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, db, insert, now, transaction
from webapp.models.asking import query_of
from webapp.models.by_hand import label_of
from webapp.models.chosen import PERSON
from webapp.models.document import Document
from webapp.models.holding import hold_that_of
from webapp.models.member import Member
from webapp.models.paging import Paged, within
from webapp.models.summary import Status, Summary
from webapp.models.tasks import written
from webapp.models.times import as_datetime
from webapp.summarizing.engine import EXTRACT, Ask
from webapp.summarizing.sanitizing import visible

NOTE_CHARS = 1000
PAGE_SIZE = 30


class TooLong(ValueError):
    """A note that is longer than may be, and a sentence that says what to change."""


class Feedback(Base):
    """A member's vote for one summary, which they may change or withdraw."""

    __tablename__ = "feedback"

    summary_id: Mapped[int] = mapped_column(ForeignKey("summaries.id", ondelete="CASCADE"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), primary_key=True)
    is_useful: Mapped[bool]
    note: Mapped[str] = mapped_column(String(NOTE_CHARS))
    created_at: Mapped[float] = mapped_column(Double, default=now(), index=True)

    @classmethod
    def of(cls, member: Member, document: Document, summary_id: int) -> "Feedback | None":
        """What this member said of a summary of the document."""
        if not document.votes:
            return None
        return db.session.get(cls, (summary_id, member.id), populate_existing=True)

    @classmethod
    def voters(cls, document: Document, summary_id: int) -> frozenset[int]:
        """The members who have voted on this summary of the document."""
        if not document.votes:
            return frozenset()
        return frozenset(db.session.scalars(select(cls.member_id).where(cls.summary_id == summary_id)))

    @classmethod
    def say(cls, member: Member, summary_id: int, *, is_useful: bool, note: str = "") -> None:
        """Take a member's vote, in the place of an earlier one. Raises TooLong."""
        note = " ".join(visible(note).split())
        if len(note) > NOTE_CHARS:
            raise TooLong(f"Shorten the note to {NOTE_CHARS:,} characters; it has {len(note):,}.")
        said = {"is_useful": is_useful, "note": note, "created_at": now()}
        vote = insert(cls).values(summary_id=summary_id, member_id=member.id, **said)
        with transaction():
            hold_that_of(summary_id)
            one = select(Summary.document_id).where(Summary.id == summary_id).with_for_update(read=True)
            document_id = db.session.scalar(one)
            if document_id is not None:
                counted = update(Document).where(Document.id == document_id)
                db.session.execute(counted.values(votes=Document.votes + 1))
                db.session.execute(
                    vote.on_conflict_do_update(index_elements=["summary_id", "member_id"], set_=said)
                )

    @classmethod
    def withdraw(cls, member: Member, summary_id: int) -> None:
        of_it = select(Summary.document_id).where(Summary.id == summary_id).scalar_subquery()
        with transaction():
            db.session.execute(update(Document).where(Document.id == of_it).values(votes=Document.votes + 1))
            db.session.execute(delete(cls).where(cls.summary_id == summary_id, cls.member_id == member.id))

    @classmethod
    def by_recipe(cls) -> Sequence["Tally"]:
        """How many found summaries useful or not, by what made them: the most voted for first."""
        made_by = (Summary.engine, Summary.model, Summary.prompt_version, Summary.style, Summary.task)
        useful = func.sum(case((cls.is_useful, 1), else_=0))
        votes = func.count()
        rows = select(*made_by, useful, votes - useful).join(cls, cls.summary_id == Summary.id)
        found = db.session.execute(rows.group_by(*made_by).order_by(votes.desc(), *made_by))
        return [Tally(*row) for row in found]

    @classmethod
    def page(cls, number: int) -> "Page":
        """One page of what was said, newest first, counted from 1; beyond the end it is the last."""
        total = db.session.scalar(select(func.count()).select_from(cls)) or 0
        number, pages = within(number, total, PAGE_SIZE)
        wanted = _voices().limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)
        return Page([Voice(*row) for row in db.session.execute(wanted)], total, number, pages)


class Tally(NamedTuple):
    """Votes for what one engine, model and prompt wrote in one style. `task` is the team's own prompt, or ""."""

    engine: str
    model: str
    prompt_version: str
    style: str
    task: str
    useful: int
    useless: int

    @property
    def label(self) -> str:
        """Who wrote them, in words."""
        return "People" if self.engine == PERSON else label_of(self.engine, self.model)

    @property
    def prompt(self) -> str:
        """Which prompt they were written by; of the team's own, which edition."""
        if self.engine in (PERSON, EXTRACT):
            return "none"
        own = written(self.style, Ask(task=self.task).prompt_hash) if self.task else None
        return f"the team’s, edition {own.edition}" if own else self.prompt_version


@dataclass(frozen=True, slots=True)
class Voice:
    """One vote as a list shows it."""

    feedback: Feedback
    summary: Summary
    document: Document
    member_name: str

    @property
    def said_at(self) -> datetime | None:
        return as_datetime(self.feedback.created_at)

    @property
    def label(self) -> str:
        """Who wrote the summary."""
        return label_of(self.summary.engine, self.summary.model, self.summary.author_id)

    @property
    def query(self) -> dict[str, str]:
        """What the address of the document's page must say to show it."""
        return query_of(self.summary.asked)


@dataclass(frozen=True, slots=True)
class Page(Paged):
    """One page of all that was said, and where it stands among the pages."""

    voices: list[Voice]
    total: int
    page: int
    pages: int


def may_be_judged(document: Document, summary_id: int) -> bool:
    """Whether this finished summary is of the document, and may be spoken of."""
    is_it = (Summary.id == summary_id, Summary.document_id == document.id)
    one = select(Summary.id).where(*is_it, Summary.status == Status.COMPLETE, Summary.is_everybodys())
    return db.session.scalar(one) is not None


def _voices() -> Select[Feedback, Summary, Document, str]:
    return (
        select(Feedback, Summary, Document, Member.name)
        .join(Summary, Summary.id == Feedback.summary_id)
        .join(Document, Document.id == Summary.document_id)
        .join(Member, Member.id == Feedback.member_id)
        .options(db.defer(Summary.text), db.defer(Summary.grounding))
        .order_by(Feedback.created_at.desc(), Feedback.summary_id.desc(), Feedback.member_id)
    )
