"""The headings of a text: what leads to each, and a table of contents of them."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

FEWEST_HEADINGS = 3  # below that, a table of contents tells nothing that the page does not
MOST_ENTRIES = 200  # beyond that, the deepest headings are left out of it
LONGEST_SLUG_CHARS = 60

_LETTERS = "LMN"  # categories of Unicode: letters, what is written around them, and numbers


class Heading(NamedTuple):
    """A heading by its level on the page (2 to 6), its plain text, and its anchor."""

    level: int
    text: str
    anchor: str


class Entry(NamedTuple):
    """A line of a table of contents, and the lines below it."""

    text: str
    anchor: str
    entries: tuple["Entry", ...]


def contents(outline: Sequence[Heading]) -> tuple[Entry, ...]:
    """The table of contents of a text, or () where it has too few headings to need one.

    An entry is one step below the heading that it is under, however many levels the text jumps. A text of
    very many headings has only those of its upper levels.
    """
    return _nested(_upper(outline)) if len(outline) >= FEWEST_HEADINGS else ()


def _upper(outline: Sequence[Heading]) -> Sequence[Heading]:
    levels = sorted({heading.level for heading in outline})
    while len(outline) > MOST_ENTRIES and len(levels) > 1:
        deepest = levels.pop()
        outline = [heading for heading in outline if heading.level < deepest]
    return outline


def _nested(headings: Sequence[Heading]) -> tuple[Entry, ...]:
    entries, start = [], 0
    while start < len(headings):
        top = headings[start]
        end = start + 1
        while end < len(headings) and headings[end].level > top.level:
            end += 1
        entries.append(Entry(top.text, top.anchor, _nested(headings[start + 1 : end])))
        start = end
    return tuple(entries)


class Anchors:
    """Gives each heading of one text an anchor that can be read, that stays, and that no other has."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def of(self, text: str) -> str:
        """The anchor of the next heading, made of its words; the second of the same words gets a number."""
        slug = _hyphenated(unicodedata.normalize("NFKC", text).casefold()) or "section"
        anchor = slug
        while self._given[anchor]:
            self._given[slug] += 1
            anchor = f"{slug}-{self._given[slug]}"
        self._given[anchor] += 1
        return f"s-{anchor}"


def _hyphenated(text: str) -> str:
    letters = "".join(char if unicodedata.category(char)[0] in _LETTERS else " " for char in text)
    return "-".join(letters.split())[:LONGEST_SLUG_CHARS].strip("-")
