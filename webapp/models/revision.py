"""Revisions: the versions of a document's title and text, and their history."""

from datetime import datetime

from sqlalchemy import Double, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base, now
from webapp.models.member import Member
from webapp.models.tasks import FORMER
from webapp.models.times import as_datetime

TITLE_CHARACTERS = 300
FORMATS = ("plain", "markdown")


class Revision(Base):
    """One version of a document, never changed once it is written. `format` is one of FORMATS."""

    __tablename__ = "revisions"
    __table_args__ = (UniqueConstraint("document_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(TITLE_CHARACTERS))
    text: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(String(12), default="plain", server_default="plain")
    content_hash: Mapped[str] = mapped_column(String(64))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("members.id", ondelete="SET NULL"))
    created_at: Mapped[float] = mapped_column(Double, default=now())

    author: Mapped[Member | None] = relationship(lazy="raise")

    @property
    def author_name(self) -> str:
        return self.author.name if self.author else FORMER

    @property
    def saved_at(self) -> datetime | None:
        return as_datetime(self.created_at)
