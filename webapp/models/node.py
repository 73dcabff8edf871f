"""Nodes: the notes on a part of a long document, kept under the hash of what they were made from."""

from sqlalchemy import Double, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, now


class Node(Base):
    """The notes of one leaf or merge. Whoever has the same part by the same recipe uses the same row."""

    __tablename__ = "nodes"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    notes: Mapped[str] = mapped_column(Text)
    tokens_in: Mapped[int | None]
    tokens_out: Mapped[int | None]
    used_at: Mapped[float] = mapped_column(Double, default=now(), index=True)
