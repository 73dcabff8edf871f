"""Summaries that were asked for in a reader's own words: "shorter", "for a lawyer". Each is a summary of its own."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import delete, func, select, update

from webapp import events
from webapp.extensions import db, transaction
from webapp.models.asking import asking, query_of
from webapp.models.document import Document
from webapp.models.summary import LIVE, Status, Summary, cache_key
from webapp.summarizing.engine import OWN_LANGUAGE, Ask, Style
from webapp.summarizing.prompt import checked_instruction

MOST_LIVE = 5  # at once of one document: each is a call that somebody pays for
MOST_KEPT = 30  # of one document
SHOWN_OR_COMING = (*LIVE, Status.COMPLETE)


class UnusableWish(ValueError):
    """What can't be asked for, and a sentence that says what to do."""


class Wish(NamedTuple):
    """One that was asked for, and what an address says to have it."""

    words: str
    query: dict[str, str]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for of a document in people's own words."""

    document: Document

    def ask(self, ask: Ask, *, again: bool = False) -> None:
        """Ask for it, or with `again` once more. Raises UnusableWish where too many are being written."""
        self._admit(ask)
        self._prune()
        self.document.summarize_later(ask, again=again, admit=self._admit)

    def _admit(self, ask: Ask) -> None:
        """Raise UnusableWish where too many are being written: for sure, once the document is held."""
        is_live = (
            Summary.document_id == self.document.id,
            Summary.status.in_(LIVE),
            Summary.instruction != "",
        )
        wishes = set(db.session.scalars(select(Summary.instruction).where(*is_live)))
        if ask.instruction not in wishes and len(wishes) >= MOST_LIVE:
            raise UnusableWish(f"Wait a little: {MOST_LIVE} others are being written for this document.")

    def asked(self) -> list[Wish]:
        """Those of the current text, newest first."""
        if not self.document.wishes:
            return []
        is_it = (
            Summary.document_id == self.document.id,
            Summary.content_hash == self.document.content_hash,
            Summary.instruction != "",
            Summary.status.in_(SHOWN_OR_COMING),
        )
        what = (Summary.style, Summary.language, Summary.instruction)
        rows = select(*what).where(*is_it).group_by(*what).order_by(func.max(Summary.id).desc())
        return [_wish(*row) for row in db.session.execute(rows.limit(MOST_KEPT))]

    def _prune(self) -> None:
        """Count one more, and delete the oldest that nobody decided for."""
        of_it = (Summary.document_id == self.document.id, Summary.instruction != "")
        kept = select(Summary.id).where(*of_it).order_by(Summary.id.desc()).limit(MOST_KEPT - 1)
        is_old = (*of_it, Summary.choice.is_(None), Summary.status.not_in(LIVE), Summary.id.not_in(kept))
        with transaction():
            db.session.execute(
                update(Document).where(Document.id == self.document.id).values(wishes=Document.wishes + 1)
            )
            old = db.session.scalars(select(Summary).where(*is_old)).all()
            db.session.execute(delete(Summary).where(Summary.id.in_([each.id for each in old])))
        Summary.forget(cache_key(each.document_id, each.content_hash, each.recipe_hash) for each in old)
        events.forget(each.id for each in old)


def wished(ask: Ask, words: str) -> Ask:
    """The same, written as these words want it. Raises UnusableWish."""
    try:
        wish = checked_instruction(words)
    except ValueError as error:
        raise UnusableWish(str(error)) from None
    if not wish:
        raise UnusableWish("Say how it should be written, such as “shorter” or “for a lawyer”.")
    return asking(ask.style, ask.language, wish)


def _wish(style: str, language: str, instruction: str) -> Wish:
    ask = Ask(Style(style), None if language == OWN_LANGUAGE else language, instruction)
    return Wish(instruction, query_of(ask))
