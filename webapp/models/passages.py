"""Where the sentences of a summary lead to: found by the worker in the very revision that it read, and kept with it."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from webapp.reading.places import anchor_of
from webapp.reading.planning import plan
from webapp.summarizing.grounding import Grounded, Passage, as_rows, from_json, ground
from webapp.summarizing.linked import Way, is_marked
from webapp.summarizing.marks import plain
from webapp.summarizing.sanitizing import visible
from webapp.summarizing.sentences import Span
from webapp.turns import Turns

SEARCH_SECONDS = 5.0  # the longest wait for the one who searches now: Python runs one at a time, and many side by side slowly
METHOD = 1  # of finding: what another one found is not shown
log = logging.getLogger(__name__)
_searching = Turns()


@dataclass(frozen=True, slots=True)
class Passages:
    """What was found of each sentence, and the block and the part of the text that each passage begins in."""

    found: list[Grounded]
    places: dict[int, tuple[str, int]]

    @classmethod
    def find(cls, summary: str, format: str, *, text: str, text_format: str, is_selected: bool) -> str:
        """Search the text, to be stored; "" where the search fails, which is no reason to have no summary."""
        try:
            with _searching.taken(SEARCH_SECONDS):
                found = ground(summary, text, format=format, is_selected=is_selected)
                return cls(found, _places(found, text, text_format))._stored()
        except Exception:
            log.exception("No passages were found, as the search failed.")
            return ""

    @classmethod
    def read(cls, stored: str | None) -> "Passages | None":
        """What `find` made; None where there is nothing to be shown of it, as of what an archive brought instead."""
        try:
            kept = json.loads(stored or "{}")
            if kept.get("method") != METHOD:
                return None
            found = from_json(json.dumps(kept["found"]))
            places = {
                int(start): (str(anchor), int(part)) for start, (anchor, part) in kept["places"].items()
            }
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        is_whole = all(passage.start in places for one in found for passage in one.passages)
        return cls(found, places) if is_whole and is_marked(found) else None

    def _stored(self) -> str:
        kept = {"method": METHOD, "found": as_rows(self.found), "places": self.places}
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))

    def way(
        self, passage: Passage, *, page: str, query: Mapping[str, str], text: str, text_format: str
    ) -> Way:
        """The address of a passage on the document's `page`, and its words."""
        anchor, part = self.places[passage.start]
        asked = {**query, **({"part": str(part)} if part else {})}
        return Way(
            page + ("?" + urlencode(asked) if asked else "") + "#" + quote(anchor),
            _words(text, Span(passage.start, passage.end), text_format),
        )


def _places(found: list[Grounded], text: str, text_format: str) -> dict[int, tuple[str, int]]:
    starts = {passage.start for one in found for passage in one.passages}
    planned = plan(text, text_format) if starts else None
    if planned is None:
        return {}
    return {start: (anchor_of(planned.blocks, start), planned.part_at(start)) for start in sorted(starts)}


def _words(text: str, span: Span, text_format: str) -> str:
    """The words of a passage as the page shows them."""
    words = plain(text, span) if text_format == "markdown" else span.of(text)
    return " ".join(visible(words).split())
