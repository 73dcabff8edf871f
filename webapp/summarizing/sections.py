"""The parts of a text: what stands under each of its headings, or its quarters."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from webapp.summarizing.marks import plain
from webapp.summarizing.sentences import Span, is_turn

MOST_SECTIONS = 8
QUARTERS = 4
LONGEST_TITLE_CHARS = 120
PLAIN_TITLE_CHARS = 80
PLAIN_TITLE_WORDS = 10

_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(
    r"^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<atx>\S.*)$"
    r"|^ {0,3}(?P<line>[^\s#>|*+=-].{0,119})\n {0,3}(?P<under>={3,}|-{3,})[ \t]*$",
    re.MULTILINE,
)
_ENDED = re.compile(r"[.!?…:;,—‼⁇⁈⁉。！？｡．；，：؟۔।॥။።][\"'”’»)\]」』*_]*$")
_NO_TITLE = re.compile(r"[-*+•>|#`~\[(\"'“„‘«「『—]|\d{1,9}[)]|https?:")
_NUMBER = re.compile(r"\d{1,3}((?:\.\d{1,3})*)\.?\s")


class Heading(NamedTuple):
    """A heading's line or lines, its words within them, and its level: 1 is the highest."""

    line: Span
    words: Span
    level: int


class Section(NamedTuple):
    """A part of a text, up to the next one: the words above it, or "", and the offset where it begins."""

    title: str
    start: int


def headings(text: str) -> list[Heading]:
    """The headings that Markdown marks as such, in reading order."""
    if "#" not in text and "---" not in text and "===" not in text:
        return []
    found = {Span(*title.span()): title for title in _TITLE.finditer(text)}
    return [
        _marked(found[span])
        for span in outside(found, listings(text))
        if not (found[span]["line"] and _ENDED.search(found[span]["line"].rstrip()))
    ]


def listings(text: str) -> list[Span]:
    """The blocks of code that fences mark."""
    return [Span(*fence.span()) for fence in _FENCED.finditer(text)]


def outside(spans: Iterable[Span], ranges: Sequence[Span]) -> Iterator[Span]:
    """The spans that do not begin in one of the ranges; both in reading order."""
    passed = reach = 0
    for span in spans:
        while passed < len(ranges) and ranges[passed].start <= span.start:
            reach = max(reach, ranges[passed].end)
            passed += 1
        if span.start >= reach:
            yield span


def plain_headings(text: str) -> list[Heading]:
    """The lines of an unmarked text that look like headings: short, alone, unfinished, and prose below them."""
    found: list[Heading] = []
    blocks = list(outside(_blocks(text), listings(text)))
    for block, following in pairwise(blocks):
        words = block.of(text)
        if _may_be_title(words) and _ENDED.search(following.of(text)[-20:]):
            number = _NUMBER.match(words)
            found.append(Heading(block, block, 1 + (number[1].count(".") if number else 0)))
    return found if 2 * len(found) <= len(blocks) else []


def sections(text: str, marks: list[Heading]) -> list[Section]:
    """The parts of a text between those headings that make not too many of them; its quarters without headings."""
    dividing = _dividing(marks)
    if len(dividing) < 2:
        return [Section("", len(text) * quarter // QUARTERS) for quarter in range(QUARTERS)]
    is_document_title = all(heading.level > dividing[0].level for heading in dividing[1:])
    titles = [_title(text, heading) for heading in dividing]
    if is_document_title:
        titles[0] = ""
    parts = [Section(title, heading.line.end) for title, heading in zip(titles, dividing, strict=True)]
    return [Section("", 0), *parts]


def _marked(found: re.Match[str]) -> Heading:
    if found["marks"]:
        words = found["atx"].rstrip()
        unclosed = words.rstrip("#")
        length = len(unclosed.rstrip() if unclosed[-1:].isspace() else words)
        start = found.start("atx")
        return Heading(Span(*found.span()), Span(start, start + length), len(found["marks"]))
    return Heading(Span(*found.span()), Span(*found.span("line")), 1 if found["under"][0] == "=" else 2)


def _blocks(text: str) -> Iterator[Span]:
    """What stands between blank lines."""
    start: int | None = None
    at = end = 0
    for line in text.split("\n"):
        if line.strip():
            left = at + len(line) - len(line.lstrip())
            start, end = left if start is None else start, at + len(line.rstrip())
        elif start is not None:
            yield Span(start, end)
            start = None
        at += len(line) + 1
    if start is not None:
        yield Span(start, end)


def _may_be_title(words: str) -> bool:
    if len(words) > PLAIN_TITLE_CHARS or "\n" in words or len(words.split()) > PLAIN_TITLE_WORDS:
        return False
    is_name = any(map(str.isalpha, words)) and not words[0].islower()
    return is_name and not (_ENDED.search(words) or _NO_TITLE.match(words) or is_turn(words))


def _dividing(marks: list[Heading]) -> list[Heading]:
    """The headings down to the lowest level that makes no more than `MOST_SECTIONS`, or all of the highest that
    makes two."""
    best: list[Heading] = []
    for level in sorted({heading.level for heading in marks}):
        down_to = [heading for heading in marks if heading.level <= level]
        if len(best) >= 2 and len(down_to) > MOST_SECTIONS:
            break
        best = down_to
    return best


def _title(text: str, heading: Heading) -> str:
    start, end = heading.words
    return plain(text, Span(start, min(end, start + LONGEST_TITLE_CHARS)))
