"""The team's own prompts: what a model is asked for in each style. Each save is a row, the newest counts."""

from datetime import datetime

from sqlalchemy import Double, ForeignKey, String, Text, UniqueConstraint, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base, db, now, transaction
from webapp.models import tasks
from webapp.models.asking import recipe_for, usual
from webapp.models.document import Document
from webapp.models.member import Member
from webapp.models.summary import Status, Summary
from webapp.models.times import as_datetime
from webapp.summarizing.engine import Style
from webapp.summarizing.prompt import DEFAULT_TASKS


class StalePrompt(Exception):
    """Somebody else saved the prompt since the form was opened."""


class Prompt(Base):
    """A task that was saved for a style, `edition` counting from 1; an empty one goes back to the built-in task."""

    __tablename__ = "prompts"
    __table_args__ = (UniqueConstraint("style", "edition"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    style: Mapped[str] = mapped_column(String(12))
    edition: Mapped[int]
    task: Mapped[str] = mapped_column(Text)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[float] = mapped_column(Double, default=now())

    member: Mapped[Member | None] = relationship(lazy="raise")

    @property
    def author_name(self) -> str:
        return self.member.name if self.member else tasks.FORMER

    @property
    def saved_at(self) -> datetime | None:
        return as_datetime(self.created_at)

    @property
    def is_built_in(self) -> bool:
        return not self.task

    @property
    def text(self) -> str:
        """What a model is told, whoever wrote it."""
        return self.task or DEFAULT_TASKS[Style(self.style)]

    @classmethod
    def history(cls, style: Style) -> "list[Prompt]":
        """All that were saved for a style, newest first."""
        rows = select(cls).where(cls.style == style).order_by(cls.edition.desc())
        return list(db.session.scalars(rows.options(db.joinedload(cls.member))))

    @classmethod
    def newest(cls, style: Style) -> "Prompt | None":
        """The one that counts; None while nobody has saved any."""
        rows = select(cls).where(cls.style == style).order_by(cls.edition.desc()).limit(1)
        return db.session.scalar(rows.options(db.joinedload(cls.member)))

    @classmethod
    def save(cls, member: Member, style: Style, task: str, *, edition: int) -> bool:
        """Make `task` what everybody asks for in this style, at once. "" is the built-in one.

        `edition` is that of the newest one that the member saw, 0 for none: raises StalePrompt if it is no longer the
        newest. Returns whether anything changed. No document is written anew by this alone.
        """
        newest = cls.newest(style)
        if edition != (newest.edition if newest else 0):
            raise StalePrompt
        if task == (newest.task if newest else ""):
            return False
        try:
            with transaction():
                db.session.add(cls(style=style, edition=edition + 1, task=task, member_id=member.id))
        except IntegrityError:
            raise StalePrompt from None
        tasks.note(None)
        _show_what_is_there(style)
        return True


def _show_what_is_there(style: Style) -> None:
    """Give documents the summary that the prompt in force wrote of their text before, as when it was tried on them."""
    if style != usual().style:
        return
    there = (
        select(Summary.id)
        .where(
            Summary.document_id == Document.id,
            Summary.content_hash == Document.content_hash,
            Summary.recipe_hash == recipe_for().hash,
            Summary.status == Status.COMPLETE,
        )
        .order_by(Summary.edition.desc())
        .limit(1)
    )
    is_settled = Document.summary_status.in_((Status.COMPLETE, Status.FAILED))
    found = there.scalar_subquery()
    is_concerned = (is_settled, there.exists())
    held = select(Document.id).where(*is_concerned).order_by(Document.id.desc())
    with transaction():
        db.session.execute(held.with_for_update(key_share=True))
        db.session.execute(
            update(Document)
            .where(*is_concerned)
            .values(summary_id=found, shown_summary_id=found, summary_status=Status.COMPLETE)
            .execution_options(synchronize_session=False)
        )
