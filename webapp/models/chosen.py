"""Which summary people decided to have shown: an engine's, or words of their own.

Each decision has a number, `summaries.choice`, which counts up within a document; `documents.choices` is the last
one. Only a click of a person writes either, so nothing that is generated can take a person's words off a page. Of the
text at hand the last decision counts; of a text about which nobody decided, the last one of all.
"""

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    Select,
    SQLColumnExpression,
    and_,
    case,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from webapp.extensions import current_settings, db
from webapp.summarizing.engine import OWN_LANGUAGE, Ask, Recipe

if TYPE_CHECKING:
    from webapp.models.summary import Summary

PERSON = "person"  # the engine of a row that somebody wrote
CACHE_VERSION = 1  # of the shape of what is cached
CHOSEN = text("choice IS NOT NULL")
_documents = table("documents", Column("id", Integer))


class Chosen:
    """Columns of a summary: who wrote it, if it was a person, and the number of the last decision for it."""

    author_id: Mapped[int | None] = mapped_column(ForeignKey("members.id", ondelete="SET NULL"))
    choice: Mapped[int | None]

    @classmethod
    def newest(cls, document_id: int, content_hash: str) -> "Summary | None":
        """The newest finished summary of this text by whatever recipe, or the one that people decided for; of the
        usual kind, if there is one.
        """
        from webapp.models.summary import Status, Summary

        is_of_it = (Summary.document_id == document_id, Summary.content_hash == content_hash)
        found = select(Summary).where(*is_of_it, Summary.status == Status.COMPLETE, Summary.is_everybodys())
        return db.session.scalar(found.order_by(*(each.desc() for each in cls.precedence())).limit(1))

    @classmethod
    def precedence(cls) -> "tuple[SQLColumnExpression[Any], ...]":
        """What puts the finished summaries of one text in order: the last one stands for the text."""
        from webapp.models.summary import Summary

        is_usual = is_for(Summary, Ask(current_settings().style))
        return is_usual, func.coalesce(Summary.choice, 0), Summary.id


def is_for(model: Any, ask: Ask) -> ColumnElement[bool]:
    """That a row answers what is asked, whoever wrote it. A team's new prompt does not make it another question."""
    language = ask.language or OWN_LANGUAGE
    return and_(model.style == ask.style, model.language == language, model.instruction == ask.instruction)


def by_person(ask: Ask) -> Recipe:
    """What stands in the place of a recipe where a person wrote."""
    return Recipe(PERSON, "", "").asking(Ask(ask.style, ask.language, ask.instruction))


def words_key(document_id: int, ask: Ask) -> str:
    """The key of what the cache has of people's words for what is asked. The value says of which decision it is."""
    return f"words/{CACHE_VERSION}/{document_id}/{by_person(ask).hash}"


def in_use(document_id: Any, content_hash: Any, ask: Ask) -> ColumnElement[int | None]:
    """The id of the person's words that are shown; NULL where it is what an engine wrote."""
    from webapp.models.summary import Summary

    row = aliased(Summary)
    is_decided = (row.document_id == document_id, row.choice.is_not(None), is_for(row, ask))
    last = select(case((row.engine == PERSON, row.id), else_=0)).where(*is_decided)
    last = last.order_by(row.choice.desc()).limit(1)
    of_this_text = last.where(row.content_hash == content_hash)
    return func.nullif(func.coalesce(of_this_text.scalar_subquery(), last.scalar_subquery()), 0)


def told_id() -> ColumnElement[int | None]:
    """The id of the summary that the library tells of a row of `documents`."""
    words = in_use(_column("id"), _column("content_hash"), Ask(current_settings().style))
    return func.coalesce(case((_column("choices") > 0, words)), _column("shown_summary_id"))


def _column(name: str) -> ColumnElement[Any]:
    return literal_column(f"documents.{name}")


def told(document_id: int) -> Select[Any]:
    """The summary that files tell of a document."""
    from webapp.models.summary import Summary

    found = select(Summary).select_from(_documents).join(Summary, Summary.id == told_id())
    return found.where(_documents.c.id == document_id)
