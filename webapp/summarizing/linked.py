"""A summary as HTML in which each sentence leads to the passages of the document that it rests on.

The marks are put in behind a renderer that makes the summary safe. Places for them go through it as words that no
summary can hold, as they are made anew each time; what takes their place is made here, of escaped parts alone.
"""

import html
import re
import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

from webapp.summarizing.grounding import Grounded, Passage

LONGEST_NAME_WORDS = 8
NONE = '<span class="passages passages--none">no passage found</span>'
# Punctuation of no living script: for Markdown, a mark of emphasis before or behind it ends where it did.
_EDGE = "\U00012470"
_BEFORE_EDGE = " \t|"  # of a table, to stay in its cell


class Way(NamedTuple):
    """How to come to a passage: the address of its block, and its words as the page has them."""

    href: str
    words: str


Lead = Callable[[Passage], Way]


def linked_html(
    text: str, format: str, found: Sequence[Grounded], lead: Lead, render: Callable[[str, str], str]
) -> str:
    """The summary by `render(text, format)`, marked with what was found of its sentences.

    `found` has the offsets of exactly this text. Passages are numbered as they come, each once.
    """
    nonce = secrets.token_hex(8)
    place = re.compile(rf"{_EDGE}{nonce}(\d+){_EDGE}")
    numbers: dict[Passage, int] = {}
    marks = [_mark(one, lead, numbers) for one in found]
    markup = render(_with_places(text, found, nonce), format)
    return place.sub(lambda at: marks[int(at[1])], markup)


def is_marked(found: Sequence[Grounded]) -> bool:
    """Whether there is anything to be told of its sentences."""
    return any(one.strength != "unchecked" for one in found)


def _with_places(text: str, found: Sequence[Grounded], nonce: str) -> str:
    parts, last = [], 0
    for number, one in enumerate(found):
        end = max(last, one.start + len(text[one.start : one.end].rstrip(_BEFORE_EDGE)))
        parts += [text[last:end], f"{_EDGE}{nonce}{number}{_EDGE}"]
        last = end
    return "".join([*parts, text[last:]])


def _mark(one: Grounded, lead: Lead, numbers: dict[Passage, int]) -> str:
    if one.strength == "none":
        return " " + NONE
    if not one.passages:
        return ""
    links = (_link(lead(each), each, numbers.setdefault(each, len(numbers) + 1)) for each in one.passages)
    return f' <span class="passages">{" ".join(links)}{_flags(one)}</span>'


def _link(way: Way, passage: Passage, number: int) -> str:
    words = way.words.split()
    first = " ".join(words[:LONGEST_NAME_WORDS]) + ("…" if len(words) > LONGEST_NAME_WORDS else "")
    return (
        f'<a class="passage-link passages__number" href="{html.escape(way.href)}"'
        f' data-passage="{passage.start}-{passage.end}" data-quote="{html.escape(way.words)}"'
        f' aria-label="{html.escape(f"Passage {number}: “{first}”")}">{number}</a>'
    )


def _flags(one: Grounded) -> str:
    told = []
    if one.missing:
        told.append("not in the linked passages: " + ", ".join(one.missing))
    if one.is_negation_odd:
        told.append("a “not” stands on one side only")
    return f' <span class="passages__flag">{html.escape("; ".join(told))}</span>' if told else ""
