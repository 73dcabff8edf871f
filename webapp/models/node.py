"""Nodes: the notes on a part of a long document, kept under the hash of what they were made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Double,
    ForeignKey,
    String,
    Text,
    and_,
    column,
    delete,
    func,
    literal,
    select,
    table,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from webapp.extensions import Base, db, insert, now, transaction
from webapp.models.model_server import ModelServer
from webapp.models.summary import Claim, Summary

BATCH = 500  # keys in one statement
DAY_SECONDS = 86_400.0
UNUSED_SECONDS = 30 * DAY_SECONDS

_documents = table("documents", column("id"))


class DocumentGone(Exception):
    """The document was deleted: nothing of it may be kept any more."""


class Node(Base):
    """The notes of one leaf or merge. Whoever has the same part by the same recipe uses the same row."""

    __tablename__ = "nodes"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    notes: Mapped[str] = mapped_column(Text)
    tokens_in: Mapped[int | None]
    tokens_out: Mapped[int | None]

    @classmethod
    def forget(cls, document_id: int) -> None:
        """Delete the notes on this document that no other one uses, inside the caller's transaction."""
        other = aliased(NodeUse)
        own = select(NodeUse.key).where(NodeUse.document_id == document_id)
        is_shared = select(other.key).where(other.key == cls.key, other.document_id != document_id).exists()
        _delete(cls, cls.key.in_(own), ~is_shared)

    @classmethod
    def sweep(cls) -> None:
        """Delete what later readings of a document have done without for long.

        What nobody edits is not read again, and keeps all of its notes: an edit of it stays cheap.
        """
        if db.session.scalar(select(NodeUse.key).where(_is_left_behind()).limit(1)) is None:
            return
        with transaction():
            _delete(NodeUse, _is_left_behind())
            _delete(cls, ~select(NodeUse.key).where(NodeUse.key == cls.key).exists())


class NodeUse(Base):
    """That a document's tree has a node, or had it in an earlier version."""

    __tablename__ = "node_uses"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(
        ForeignKey("nodes.key", ondelete="CASCADE"), primary_key=True, index=True
    )
    used_at: Mapped[float] = mapped_column(Double, default=now(), index=True)


@dataclass(slots=True)
class Shelf:
    """The nodes as one claim uses them: a `tree.NodeStore`. No transaction outlives a call of it."""

    claim: Claim
    has_answered: bool = False

    def get(self, keys: Sequence[str]) -> Mapping[str, str]:
        """The notes that are there. This document uses them, too, from now on: raises DocumentGone."""
        found: dict[str, str] = {}
        for start in range(0, len(keys), BATCH):
            some = keys[start : start + BATCH]
            with transaction(is_durable=False):
                self._hold_document()
                self._use(some)
                kept = select(Node.key, Node.notes).where(Node.key.in_(some))
                found |= {row.key: row.notes for row in db.session.execute(kept)}
        return found

    def put(self, key: str, notes: str, tokens_in: int | None, tokens_out: int | None) -> None:
        """Keep notes, be it of a text that was edited meanwhile; not of a deleted one: that raises DocumentGone."""
        with transaction():
            self._hold_document()
            node = insert(Node).values(key=key, notes=notes, tokens_in=tokens_in, tokens_out=tokens_out)
            db.session.execute(node.on_conflict_do_nothing())
            self._use([key])
            Summary.advance(self.claim, tokens_in=tokens_in, tokens_out=tokens_out)
            if not self.has_answered:
                ModelServer.well()  # others need not wait for the end of a long document that was let in as a probe
        self.has_answered = True

    def _hold_document(self) -> None:
        """Raise DocumentGone, or keep the document from being deleted while the transaction lasts."""
        held = select(_documents.c.id).where(_documents.c.id == self.claim.document_id)
        if db.session.scalar(held.with_for_update(read=True, key_share=True)) is None:
            raise DocumentGone

    def _use(self, keys: Sequence[str]) -> None:
        """Note that the document uses those of these nodes that are there. Once a day is often enough."""
        used = select(literal(self.claim.document_id), Node.key, now()).where(Node.key.in_(keys))
        used = used.order_by(Node.key)  # in which order rows are locked
        noted = insert(NodeUse).from_select(["document_id", "key", "used_at"], used)
        db.session.execute(
            noted.on_conflict_do_update(
                index_elements=[NodeUse.document_id, NodeUse.key],
                set_={"used_at": now()},
                where=NodeUse.used_at < now() - DAY_SECONDS,
            )
        )


def _is_left_behind() -> ColumnElement[bool]:
    """Whether the document has been read again, long after it last used the node."""
    later = aliased(NodeUse)
    last = select(func.max(later.used_at)).where(later.document_id == NodeUse.document_id)
    return and_(
        NodeUse.used_at < now() - UNUSED_SECONDS,  # by the index: few are that old
        NodeUse.used_at < last.correlate(NodeUse).scalar_subquery() - UNUSED_SECONDS,
    )


def _delete(model: type[Base], *conditions: ColumnElement[bool]) -> None:
    db.session.execute(delete(model).where(*conditions), execution_options={"synchronize_session": False})
