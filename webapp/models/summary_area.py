"""The state of a document's summary, as the one template of the summary area draws it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from webapp.models.asking import Way, languages, query_of, takes_wishes, usual, ways
from webapp.models.by_hand import Hand
from webapp.models.document import Document
from webapp.models.making import OTHER_PROMPT
from webapp.models.provenance import Fact
from webapp.models.summary import LIVE
from webapp.models.wishes import Wish, Wishes
from webapp.summarizing.engine import Ask
from webapp.summarizing.language import Language
from webapp.summarizing.tree import Coverage

NOTHING = Markup()


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryArea:
    """The state of a document's summary, ready for the template. Times are aware, in UTC."""

    document: Document
    status: str
    state: str
    ask: Ask
    html: Markup | None = None
    words: Markup = NOTHING
    written: str = ""
    format: str = "markdown"
    event_id: str = ""
    shown_id: int | None = None
    hand: Hand | None = None
    engine_label: str | None = None
    written_at: datetime | None = None
    version: int | None = None
    is_stale: bool = False
    origin: str | None = None
    is_past: bool = False
    is_linked: bool = False
    provenance: Sequence[Fact] = ()
    is_polling: bool = False
    reason: str | None = None
    attempts: int = 0
    max_attempts: int = 0
    next_attempt_at: datetime | None = None
    action: str | None = None
    summary_id: int | None = None
    fence: int = 0
    parts_done: int = 0
    parts_total: int = 0
    before: int = 0
    coverage: Coverage | None = None

    @property
    def query(self) -> dict[str, str]:
        """What the addresses of the area must say of it: nothing for the summary that every document gets."""
        return query_of(self.ask)

    @property
    def plain_query(self) -> dict[str, str]:
        """The same for the summary as everybody gets it, in this style and language."""
        return query_of(replace(self.ask, instruction=""))

    @property
    def wishes(self) -> list[Wish]:
        return Wishes(self.document).asked()

    @property
    def takes_wishes(self) -> bool:
        """Whether it can be asked for in one's own words."""
        return takes_wishes() and not self.is_live and not self.is_past

    @property
    def ways(self) -> list[Way]:
        return ways(self.ask)

    @property
    def languages(self) -> tuple[Language, ...]:
        return languages()

    def part(self, noun: str) -> str:
        """The name of a part for its DOM id: what is live must not be taken for that of another style."""
        wish = (
            self.ask.instruction and "wish" + hashlib.sha256(self.ask.instruction.encode()).hexdigest()[:12]
        )
        return "-".join(filter(None, [noun, *self.plain_query.values(), wish]))

    @property
    def current_version(self) -> int:
        return self.document.version

    @property
    def is_other_prompt(self) -> bool:
        """Whether the team has another prompt now."""
        return self.origin == OTHER_PROMPT

    @property
    def is_live(self) -> bool:
        """Whether it will change by itself."""
        return self.status in LIVE

    @property
    def is_settled(self) -> bool:
        """Whether all that it tells follows from the document's row: what an engine finished, and people left alone."""
        untouched = not (self.document.choices or self.document.wishes)
        return self.state == "complete" and self.ask == usual() and untouched

    @property
    def is_replacing(self) -> bool:
        """Whether another edition is being written while the current one is still shown."""
        return self.is_live and self.html is not None and not self.is_stale

    @property
    def may_be_written(self) -> bool:
        """Whether there is none and none comes soon, so that somebody may write it by hand."""
        is_far = self.state in ("retrying", "paused", "no-worker", "failed", "short")
        return is_far and self.html is None and not self.ask.instruction

    @property
    def leads_to_passages(self) -> bool:
        """Whether any of its sentences does. In what is no markup there is no "<"."""
        return self.is_linked and '<a class="passage-link' in (self.html or "")

    @property
    def show_stream(self) -> bool:
        return self.is_live and not self.is_polling

    @property
    def seen(self) -> str:
        """A short token of what is shown: with the same one there is nothing new."""
        shown = (self.state, self.summary_id, self.fence, self.version, self.is_stale, self.reason, self.attempts,
                 self.next_attempt_at, self.document.choices, len(self.words) if self.is_polling else 0,
                 self.parts_done, self.parts_total, self.before)  # fmt: skip
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
