"""What the library's summaries were made with, and which of them are not of today's recipe."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from webapp.extensions import current_settings, db
from webapp.models.asking import recipe_for, today
from webapp.models.chosen import PERSON, in_use
from webapp.models.document import Document
from webapp.models.summary import LIVE, Summary
from webapp.summarizing.engine import EXTRACT, Ask

OTHER_PROMPT = "by another prompt"


class UnknownMaking(ValueError):
    """Nothing was made with that. The message names what there is."""


class Making(NamedTuple):
    """What some of the shown summaries were made with. `model` is what the server called it in its answers."""

    engine: str
    model: str
    prompt_version: str
    is_todays: bool
    documents: int

    @property
    def name(self) -> str:
        """As commands and addresses have it."""
        return ":".join(filter(None, (self.engine, self.model, self.prompt_version)))

    @property
    def label(self) -> str:
        """As people read it."""
        if self.engine == PERSON:
            return "A person"
        return "Selected sentences" if self.engine == EXTRACT else self.model

    @property
    def may_be_chosen(self) -> bool:
        return not self.is_todays and self.engine != PERSON

    def is_meant_by(self, name: str) -> bool:
        """Whether `name` is its whole name, or its engine's, or its engine's and model's."""
        return name in (self.engine, f"{self.engine}:{self.model}", self.name)


def makings() -> list[Making]:
    """All that there are, with how many documents show one: what is made anew at the moment is left out."""
    made_with = (Summary.engine, Summary.model, Summary.prompt_version)
    is_todays = Summary.recipe_hash == recipe_for().hash
    found = (
        select(*made_with, is_todays, func.count())
        .join(Document, Document.shown_summary_id == Summary.id)
        .where(~_is_by_person(), or_(is_todays, _is_at_rest()))
        .group_by(*made_with, is_todays)
        .order_by(is_todays.desc(), func.count().desc(), *made_with)
    )
    made = [Making(row[0], row[1], row[2], bool(row[3]), row[4]) for row in db.session.execute(found)]
    by_hand = db.session.scalar(select(func.count(Document.id)).where(_is_by_person())) or 0
    return [*made, Making(PERSON, "", "", False, by_hand)] if by_hand else made


@dataclass(frozen=True, slots=True)
class Choice:
    """Which summaries are to be made anew: of these makings, or all that are not of today's recipe."""

    makings: tuple[Making, ...] = ()
    is_everything: bool = True

    @classmethod
    def of(cls, names: Sequence[str], known: Sequence[Making] | None = None) -> "Choice":
        """What these names mean; none of them means everything. Who has read the makings gives them as `known`.

        Raises UnknownMaking.
        """
        there = _choosable(known)
        for name in names:
            if not any(making.is_meant_by(name) for making in there):
                raise UnknownMaking(_unknown(name, there))
        return cls._among(there, names)

    @classmethod
    def as_far_as_known(cls, names: Sequence[str], known: Sequence[Making] | None = None) -> "Choice":
        """The same, of names that may have been overtaken: nothing, if there is none of them any more."""
        return cls._among(_choosable(known), names)

    @classmethod
    def _among(cls, there: Iterable[Making], names: Sequence[str]) -> "Choice":
        meant = tuple(making for making in there if any(map(making.is_meant_by, names)))
        return cls(meant, is_everything=not names)

    @property
    def names(self) -> list[str]:
        return [making.name for making in self.makings]

    def documents(self) -> Select[int]:
        """The ids of those that show such a summary. Never of today's recipe, never what is on its way already."""
        return (
            select(Document.id)
            .join(Summary, Summary.id == Document.shown_summary_id)
            .where(
                Summary.recipe_hash != recipe_for().hash,
                ~_is_by_person(),
                _is_at_rest(),
                self._is_of_it(),
            )
        )

    def _is_of_it(self) -> ColumnElement[bool]:
        columns = (Summary.engine, Summary.model, Summary.prompt_version)
        each = [
            and_(*(column == value for column, value in zip(columns, making, strict=False)))
            for making in self.makings
        ]
        return or_(self.is_everything, *each)  # type: ignore[arg-type]  # a plain bool is a condition, too


def _choosable(known: Sequence[Making] | None) -> list[Making]:
    return [making for making in (makings() if known is None else known) if making.may_be_chosen]


def origin(summary: Summary) -> str | None:
    """What a summary was made with, where that is not today's recipe: as a page puts it behind "made"."""
    if summary.answers(today(summary.asked)):
        return None
    if summary.engine == EXTRACT:
        return "by the embedded engine"
    if summary.base_hash == current_settings().recipe.hash:
        return OTHER_PROMPT
    before = replace(current_settings().recipe, prompt_version=summary.prompt_version)
    return "by an earlier prompt" if summary.base_hash == before.hash else f"with {summary.model}"


def is_by_person(document: Document) -> bool:
    """Whether a person's words are shown: nobody makes those anew."""
    is_it = select(Document.id).where(Document.id == document.id, _is_by_person())
    return db.session.scalar(is_it) is not None


def _is_by_person() -> ColumnElement[bool]:
    words = in_use(Document.id, Document.content_hash, Ask(current_settings().style))
    return and_(Document.choices > 0, words.is_not(None))


def _is_at_rest() -> ColumnElement[bool]:
    """That no summary of the document is on its way."""
    return or_(Document.summary_status.is_(None), Document.summary_status.not_in(LIVE))


def _unknown(name: str, there: Sequence[Making]) -> str:
    if not there:
        return f"Nothing was made with {name}: all summaries are of today's recipe."
    known = ", ".join(f"{making.name} ({making.documents:,})" for making in there)
    return f"Nothing was made with {name}. There is: {known}."
