"""Cuts a long text into parts where its content says so: best before a heading, then before a paragraph, then before
a sentence; and where there is nothing of the kind, anywhere that depends on the letters beside it and on no position.
"""

import re
import zlib
from array import array
from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from webapp.summarizing.cuts import cuts
from webapp.summarizing.sentences import WIDEST_WRAP_CHARS, is_turn, sentences
from webapp.summarizing.tokens import LARGEST, token_weight

Place = tuple[int, int]  # offset and level

RANKED_CHARS = 80  # of what follows a place
HEADING_CHARS = 80
ONE_WORD_IN = 8  # of a sentence that is too long may be cut before, one letter of a word in 64
ONE_LETTER_IN = 64
HEAVIEST_CHARACTER = 1.5  # tokens


class Level(IntEnum):
    """How good a place is for a cut. HEADING is that of the lowest of the six headings of Markdown."""

    LETTER = 0
    WORD = 1
    LINE = 2
    SENTENCE = 3
    PARAGRAPH = 4
    HEADING = 5
    CHAPTER = 9


class Chunk(NamedTuple):
    """A slice of a text, and how good a place it begins at: the higher the `rank`, the better."""

    start: int
    end: int
    rank: int

    def of(self, text: str) -> str:
        """The very characters of `text` in this range."""
        return text[self.start : self.end]


class Block(NamedTuple):
    """A heading, paragraph, table or listing, from `start` to the next one. Those last two are kept whole."""

    start: int
    level: int
    is_kept: bool = False


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[^`\n]*$")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:={2,}|-{2,})[ \t]*$")
_PLAIN_HEADING = re.compile(
    r"(?:chapter|part|book|section|appendix|kapitel|teil|abschnitt|chapitre|partie|capítulo|parte|capitolo|hoofdstuk"
    r"|rozdział|глава|часть)\s+[\divxlc]+\b|\d{1,3}(?:\.\d{1,3}){0,4}\.?\s+\S|第[\d一二三四五六七八九十百]+[章回節节部]",
    re.IGNORECASE,
)
_ENDED = re.compile(r"[.!?…:;。！？；।؟།]['\"”’»)\]」』*_]{0,4}\s*$")
_LISTED = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")
_WORD_START = re.compile(r"(?<=\s)\S")
# Both begin with one character and not with a repetition: they are looked for faster so.
_BLANK_LINES = re.compile(r"\n\n\n+")
_WIDE_GAP = re.compile(r"([^\S\n][^\S\n]{15})[^\S\n]+")


def chunks(text: str, *, target_tokens: int) -> list[Chunk]:
    """Disjoint, exact slices of `text` in order, which together are the text; none for an empty one.

    Each has about `target_tokens` estimated tokens, not counting what `condensed` takes out: half as many at
    least (unless a large table or listing stands beside it) and LARGEST times as many at most. Linear in the
    length of the text.
    """
    if not text:
        return []
    offsets, at, ranks = array("q"), array("d"), array("Q")
    total = 0.0
    places = [(0, 0), *_places(text, target_tokens), (len(text), 0)]
    for (start, level), (end, _) in pairwise(places):
        if start:
            offsets.append(start)
            at.append(total)
            ranks.append(level << 32 | _hash(" ".join(text[start : start + RANKED_CHARS].split())))
        total += token_weight(text[start:end].rstrip() + "\n\n")
    found = cuts(at, ranks, total, target_tokens)
    begins = [(0, 0), *((offsets[cut], ranks[cut]) for cut in found), (len(text), 0)]
    return [Chunk(start, end, rank) for (start, rank), (end, _) in pairwise(begins)]


def condensed(text: str) -> str:
    """The text without blanks that a model need not read: at the ends of lines, all but one blank line, wide gaps."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", _WIDE_GAP.sub(r"\1", lines)).strip("\n")


def _places(text: str, target: int) -> Iterator[Place]:
    """Where the text may be cut, in order, but for its ends."""
    fine, most = target / 4, target * LARGEST
    blocks = [*_blocks(text, int(3 * most)), Block(len(text), 0)]
    for block, following in pairwise(blocks):
        if block.start > 0:
            yield block.start, block.level
        if token_weight(text[block.start : following.start].rstrip()) > (most if block.is_kept else fine):
            yield from _refined(text, block.start, following.start, fine)


def _blocks(text: str, longest_listing: int) -> Iterator[Block]:
    """The blocks of the text. A listing ends after so many characters, as its fence may never be closed."""
    offset = listed = 0
    fence, kind, is_apart = "", "", True  # is_apart: whether a blank line stands before
    lines = text.split("\n")
    for line, following in pairwise([*lines, ""]):
        if fence:
            is_end = _closes(line, fence) or offset - listed > longest_listing
            fence, is_apart = ("", True) if is_end else (fence, False)
        elif not line.strip():
            is_apart = True
        elif is_apart or kind != "heading" or not _UNDERLINE.match(line):
            last, (kind, level) = kind, _kind(line, following, is_apart=is_apart)
            fence, listed = (line.strip(), offset) if kind == "listing" else ("", 0)
            if is_apart or kind != last or kind not in ("lines", "table"):
                yield Block(offset, Level.LINE if last == "heading" else level, kind in ("listing", "table"))
            is_apart = False
        offset += len(line) + 1


def _kind(line: str, following: str, *, is_apart: bool) -> tuple[str, int]:
    """What a line begins or goes on with, and how good a place there is before it."""
    if _FENCE.match(line):
        return "listing", Level.PARAGRAPH
    if line.lstrip().startswith("|"):
        return "table", Level.PARAGRAPH
    if marks := _ATX.match(line):
        return "heading", Level.HEADING + 6 - len(marks[1])
    if is_apart and len(line) <= HEADING_CHARS and not _ENDED.search(line):
        if _UNDERLINE.match(following):
            return "heading", Level.CHAPTER
        if not following.strip() and (_PLAIN_HEADING.match(line) or line.isupper()):
            return "heading", Level.CHAPTER
    # Nobody wraps lines wider than this: a longer one is a paragraph.
    return "lines" if len(line) <= WIDEST_WRAP_CHARS else "long line", Level.PARAGRAPH


def _closes(line: str, fence: str) -> bool:
    """Whether a line ends the listing that the line `fence` has begun: at least as many marks, and nothing else."""
    opening = _FENCE.match(fence)
    marks = line.strip()
    return opening is not None and marks.startswith(opening[1]) and not marks.strip(opening[1][0])


def _refined(text: str, start: int, end: int, fine: float, depth: int = 0) -> Iterator[Place]:
    """The places inside a range, as fine as it needs for no two of them to be further apart than `fine` tokens."""
    last = start
    for offset, level in _FINER[depth](text, start, end, fine):
        yield from _finer(text, last, offset, fine, depth + 1)
        yield offset, level
        last = offset
    yield from _finer(text, last, end, fine, depth + 1)


def _finer(text: str, start: int, end: int, fine: float, depth: int) -> Iterator[Place]:
    if depth < len(_FINER) and token_weight(text[start:end].rstrip()) > fine:
        yield from _refined(text, start, end, fine, depth)


def _lines(text: str, start: int, end: int, _fine: float) -> Iterator[Place]:
    before = ""
    for line in text[start:end].split("\n"):
        if before and line.strip():
            is_new = _ENDED.search(before) or _LISTED.match(line) or is_turn(line)
            yield start, Level.SENTENCE if is_new and not line.lstrip().startswith("|") else Level.LINE
        before = line if line.strip() else before
        start += len(line) + 1


def _sentences(text: str, start: int, end: int, _fine: float) -> Iterator[Place]:
    """Not those that the splitter cuts where there is no full stop: they follow from where it began."""
    part = text[start:end]
    for before, span in pairwise(sentences(part)):
        if _ENDED.search(part, max(before.start, before.end - 6), before.end):
            yield start + span.start, Level.SENTENCE


def _words(text: str, start: int, end: int, _fine: float) -> Iterator[Place]:
    for word in _WORD_START.finditer(text, start + 1, end):
        if _hash(text[word.start() : word.start() + 24]) % ONE_WORD_IN == 0:
            yield word.start(), Level.WORD


def _letters(text: str, start: int, end: int, _fine: float) -> Iterator[Place]:
    last = start
    for offset in range(start + 1, end):
        if _hash(text[offset : offset + 8]) % ONE_LETTER_IN == 0 and offset >= last + ONE_LETTER_IN // 4:
            yield offset, Level.LETTER
            last = offset


def _anyhow(_text: str, start: int, end: int, fine: float) -> Iterator[Place]:
    step = max(1, int(fine / HEAVIEST_CHARACTER))
    return ((offset, Level.LETTER) for offset in range(start + step, end, step))


def _hash(words: str) -> int:
    return zlib.crc32(words.encode("utf-8", "surrogatepass"))


_FINER: tuple[Callable[[str, int, int, float], Iterator[Place]], ...] = (
    _lines,
    _sentences,
    _words,
    _letters,
    _anyhow,
)
