"""Which documents lack a summary that nobody asks for any more, or never did.

The sweeper looks for them all day, and a library may be large: what comes into question is found by an index first.
"""

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, func, or_, select, text, union_all
from sqlalchemy.orm import aliased

from webapp.extensions import current_settings
from webapp.models.asking import recipe_for
from webapp.models.summary import Status, Summary

if TYPE_CHECKING:
    from webapp.models.document import Document

UNASKED = text("summary_id IS NULL")  # where the index of what comes into question holds a document


def lacking() -> "Select[Document]":
    """Documents whose current summary nobody asked for, or waits for an engine, model or prompt that is set no longer."""
    from webapp.models.document import Document

    is_lacking = _is_outdated(Summary)
    if current_settings().warm == "on-save":
        is_lacking = or_(is_lacking, _is_unasked(Document))
    found = select(Document).join(Summary, Summary.id == Document.summary_id, isouter=True)
    return found.where(is_lacking, Document.id.in_(_in_question())).order_by(Document.id.desc())


def outdated() -> "Select[Document, Summary]":
    """Documents beside what else waits for an engine, model or prompt that is set no longer."""
    from webapp.models.document import Document

    is_other = Summary.id != func.coalesce(Document.summary_id, 0)
    found = select(Document, Summary).join(Summary, Summary.document_id == Document.id)
    found = found.where(is_other, Summary.is_outdated(), Summary.is_everybodys())
    return found.order_by(Document.id.desc())


def _in_question() -> CompoundSelect[int]:
    from webapp.models.document import Document

    document, summary = aliased(Document), aliased(Summary)
    waiting = select(summary.document_id).where(_is_outdated(summary))
    return union_all(waiting, select(document.id).where(_is_unasked(document)))


def _is_outdated(summary: Any) -> ColumnElement[bool]:
    return and_(summary.status == Status.PENDING, summary.recipe_hash != recipe_for().hash)


def _is_unasked(document: Any) -> ColumnElement[bool]:
    shortest = current_settings().short_text_characters
    return and_(document.summary_id.is_(None), document.characters >= shortest)
