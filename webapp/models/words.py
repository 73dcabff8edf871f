"""Words of a person in the place of a summary: written, shown, put aside and taken again."""

from dataclasses import dataclass
from typing import Any

from flask import abort, current_app
from redis import RedisError
from sqlalchemy import func, select, update

from webapp import events
from webapp.extensions import cache, changed, db, now, transaction
from webapp.importing.escaping import escaped_line
from webapp.models.chosen import CACHE_VERSION, PERSON, by_person, in_use, is_for, words_key
from webapp.models.document import Document, StaleEdit, cleaned
from webapp.models.member import Member
from webapp.models.passages import Passages
from webapp.models.revision import Revision
from webapp.models.summary import LONG_TO_SEARCH_CHARS, Lane, Status, Summary
from webapp.summarizing.engine import OWN_LANGUAGE, Ask
from webapp.summarizing.rendering import LONGEST_MARKDOWN_CHARS

LONGEST_CHARS = LONGEST_MARKDOWN_CHARS
MOST_EARLIER = 20  # are told of on the page
NOTHING: dict[str, Any] = {"words": None, "earlier": []}


class UnusableWords(ValueError):
    """What was typed can't be a summary, and a sentence that says what to change."""


@dataclass(frozen=True, slots=True)
class Words:
    """People's words about a document, for what is asked."""

    document: Document
    ask: Ask

    # --- deciding

    def write(self, member: Member, text: str, *, seen: str) -> bool:
        """Take the words of a member for the summary from now on. Returns whether they differ from what is shown.

        `seen` is the token of what the member began with. Raises StaleEdit if something else is shown by now, and
        UnusableWords.
        """
        text = checked(text)
        revision = self.document.revision
        passages = self._passages(revision, text)
        with transaction():
            document = self._held()
            if Words(document, self.ask).seen != seen:
                raise StaleEdit
            shown = Words(document, self.ask).shown()
            if shown is not None and as_markdown(shown).strip() == text:
                return False
            document.choices += 1
            db.session.add(self._row(document, member, text, passages))
        events.tell(self.document.id)
        return True

    def choose(self, summary_id: int, *, choices: int) -> None:
        """Show this finished summary from now on: an engine's, or earlier words of a person. `choices` counts the
        decisions that the member knew of: raises StaleEdit if there are more by now.
        """
        with transaction():
            document = self._held()
            if document.choices != choices:
                raise StaleEdit
            is_it = (Summary.id == summary_id, Summary.document_id == document.id, is_for(Summary, self.ask))
            document.choices += 1
            chosen = update(Summary).where(*is_it, Summary.status == Status.COMPLETE, Summary.is_everybodys())
            if changed(chosen.values(choice=document.choices)) != 1:
                abort(404)
        events.tell(self.document.id)

    def _held(self) -> Document:
        document = db.session.get(
            Document, self.document.id, populate_existing=True, with_for_update={"key_share": True}
        )
        return document or abort(404)

    def _row(self, document: Document, member: Member, text: str, passages: str | None) -> Summary:
        recipe_hash = by_person(self.ask).hash
        last = select(func.coalesce(func.max(Summary.edition), 0)).where(
            Summary.document_id == document.id,
            Summary.content_hash == document.content_hash,
            Summary.recipe_hash == recipe_hash,
        )
        return Summary(
            style=self.ask.style,
            language=self.ask.language or OWN_LANGUAGE,
            instruction=self.ask.instruction,
            document_id=document.id,
            version=document.version,
            content_hash=document.content_hash,
            recipe_hash=recipe_hash,
            base_hash=recipe_hash,
            edition=last.scalar_subquery() + 1,
            status=Status.COMPLETE,
            lane=Lane.INTERACTIVE,
            next_attempt_at=now(),
            finished_at=now(),
            engine=PERSON,
            model="",
            prompt_version="",
            format="markdown",
            text=text,
            grounding=passages,
            finish_reason="stop",
            author_id=member.id,
            choice=document.choices,
        )

    def _passages(self, revision: Revision, text: str) -> str | None:
        """As of any summary; but in a very long text nobody is made to wait for the search."""
        if len(revision.text) > LONG_TO_SEARCH_CHARS:
            return None
        return Passages.find(
            text, "markdown", text=revision.text, text_format=revision.format, is_selected=False
        )

    # --- reading

    @property
    def seen(self) -> str:
        """A token of what is shown. With another one, somebody decided, a summary was finished or the text edited."""
        shown = self.shown()
        return f"{shown.id if shown else 0}.{self.document.choices}.{self.document.version}"

    def shown(self) -> Summary | None:
        """The summary that the page shows: people's words, or else the last one that was finished."""
        words = self._in_use()
        if words is not None:
            return words
        current = self.document.current_summary(self.ask)
        is_there = current is not None and current.status == Status.COMPLETE
        return current if is_there else self.document.shown_summary(self.ask)

    def ready(self) -> dict[str, Any] | None:
        """The words that are shown, ready to serve as `Summary.ready` has them; None where an engine's are."""
        ready: dict[str, Any] | None = self.known()["words"]
        if ready is None or not ready["is_linked"] or self.document.reads_as(ready["version"]):
            return ready
        row = db.session.get(Summary, ready["id"])  # blanks were changed: links would lead astray
        return row.ready() if row else ready

    def known(self) -> dict[str, Any]:
        """What people wrote: the "words" that are shown, and "earlier" ones, newest first. From the cache, or SQL."""
        if not self.document.choices:
            return NOTHING
        return self._cached() or self._filled()

    def _in_use(self) -> Summary | None:
        if not self.document.choices:
            return None
        found = in_use(self.document.id, self.document.content_hash, self.ask)
        return db.session.scalar(select(Summary).where(Summary.id == found))

    @property
    def _state(self) -> dict[str, Any]:
        """What must be as it was for what is cached to hold."""
        return {
            "v": CACHE_VERSION,
            "choices": self.document.choices,
            "content_hash": self.document.content_hash,
        }

    def _cached(self) -> dict[str, Any] | None:
        try:
            found = cache.get(words_key(self.document.id, self.ask))
        except RedisError:
            return None
        is_it = isinstance(found, dict) and found.items() >= self._state.items()
        return found if is_it else None

    def _filled(self) -> dict[str, Any]:
        words = self._in_use()
        is_linked = words is not None and words.content_hash == self.document.content_hash
        found = {
            **self._state,
            "words": words.ready(is_linked=is_linked) if words else None,
            "earlier": self._earlier(words.id if words else 0),
        }
        key = words_key(self.document.id, self.ask)
        try:
            if found["words"] or found["earlier"]:
                cache.set(key, found)
        except RedisError as error:
            current_app.logger.warning("The cache was not filled: %s", error)
        db.session.commit()  # what is looked at next is the present
        if db.session.scalar(select(Document.id).where(Document.id == self.document.id)) is None:
            Summary.forget([key])
        return found

    def _earlier(self, shown_id: int) -> list[dict[str, Any]]:
        is_it = (
            Summary.document_id == self.document.id,
            Summary.choice.is_not(None),
            Summary.engine == PERSON,
            Summary.id != shown_id,
            is_for(Summary, self.ask),
        )
        rows = select(Summary.id, Summary.author_id, Summary.finished_at.label("at"), Summary.version)
        found = db.session.execute(rows.where(*is_it).order_by(Summary.id.desc()).limit(MOST_EARLIER))
        return [dict(row) for row in found.mappings()]


def checked(text: str) -> str:
    """What was typed, as it is kept. Raises UnusableWords."""
    text = cleaned(text).strip()
    if not text:
        raise UnusableWords("Type what the summary should say.")
    if len(text) > LONGEST_CHARS:
        raise UnusableWords(f"Shorten it to {LONGEST_CHARS:,} characters; it has {len(text):,}.")
    return text


def as_markdown(summary: Summary) -> str:
    """The words of a finished summary, to be edited."""
    text = summary.text or ""
    if summary.format != "sentences":
        return text
    return "\n".join(f"- {escaped_line(line.strip())}" for line in text.split("\n") if line.strip())
