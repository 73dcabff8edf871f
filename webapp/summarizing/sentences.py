"""Where sentences begin and end, in any script, without a dictionary.

The text is cut into units first (paragraphs, list lines, speakers' turns), then each unit at its sentence
marks. All patterns are possessive and all looks around a mark are bounded, so the time grows with the length
of the text and not with its malice.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

LONGEST_SENTENCE_CHARS = 800  # beyond it there is no full stop to be had: captions, tables, one endless list
LONGEST_UNMARKED_CHARS = 160  # Thai and Lao write no full stop, and a space between clauses
WIDEST_WRAP_CHARS = 200  # nobody wraps lines wider than this: a longer line is a paragraph


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# A name follows the first sort of abbreviation, so it never ends a sentence; the second sort is one only
# before a number; the third may end a sentence, if the next word likes to begin one. A small letter after the
# stop decides alone.
_BEFORE_NAME = _listed(
    "mr mrs ms dr prof st ste mme mlle sra srta dott ing hr fr gen col lt sgt capt rev hon sen rep gov "
    "messrs vs cf bzw ca z.b d.h u.a sog evtl bspw inkl e.g i.e p.ex np tzw tzv např tj tzn ul ал ул им г-н "
    "г-жа проф т.е напр bkz örn डॉ श्री"
)
_BEFORE_NUMBER = _listed(
    "no nos nr núm fig figs vol p pp art sec ch eq eqs abb tab abs kap bd s str č jan feb mar apr aug sep "
    "sept oct nov dec стр рис гл табл ст"
)
_BEFORE_EITHER = _listed("inc ltd corp co jr sr al bros dept est univ approx")
_OPENERS = _listed(
    "The A An In On At He She It We They You This That These But And If When As For However There My His Her "
    "Its Our Der Die Das Ein Eine Er Sie Es Wir Im Am Le La Les Un Une Il Elle En El Los Las Si Но Он Она "
    "Это В И На"
)
_MONTHS = (
    r"Jänner|Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    r"|Jahrhundert\w*|Jh"
)

_UNSPACED_STOPS = "。！？｡．।॥።።།"
_SPACED_STOPS = ".!?…‼⁇⁈⁉؟۔։။។"
_CLOSERS = "\"'”’»›)\\]}」』】）》〉*_"
_MARK = re.compile(
    rf"(?P<stop>[{_UNSPACED_STOPS}{_SPACED_STOPS}]++(?:[ \t][.!?…]++(?![^\s.!?…]))*+)"
    rf"(?:[{_CLOSERS}]|[ \u00a0\u202f]»(?=[\s,.]|$)|\[\d{{1,3}}\])*+(?P<gap>\s*+)"
)
_UNSPACED_END = re.compile(rf"[{_UNSPACED_STOPS}]")
_QUOTE_GOES_ON = re.compile(r"(?<=[」』”）])(?:[とはのがをにもって、，]|$)")
_FULL_WIDTH_LETTER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_OPENING = re.compile(r"[\"'“‘«‹(\[{¿¡„‚「『【（《〈*_—–-]{0,8}+\s?")
_WORD = re.compile(r"[^\W_]")
_NEXT_WORD = re.compile(r"[^\W\d_]{1,12}")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*+[^\W\d_]$")
_ORDINAL = re.compile(rf"(?:\b(?:am|der|des|dem|den|im|vom|zum|bis) \d\d?|\d)\.\s(?:{_MONTHS})\b")
_ENUMERATOR = re.compile(r"(?:\d{1,3}(?:\.\d{1,3})*|[IVX]{1,5}|[A-Za-z])$")

_UNMARKED = re.compile(r"[\u0e00-\u0eff]")
_FIRST_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\S{1,40}")
_BULLET = re.compile(r"(?:[-*+•‣◦▪●–—>]|#{1,6}|\d{1,3}[.)]|[a-z]\))[ \t]\s*+")
_LABEL = r"[^\W\d_a-z][\w.'’-]*+(?: [\w.'’()-]++){0,3}+ ?[:：](?:\s|(?<=：))"
_TURN = re.compile(
    rf"(?:[\[(]?\d{{1,2}}:\d\d[\d:.,]*+[\])]?[ \t]*+(?:-->.*+)?|(?={_LABEL}))(?!$)(?:{_LABEL})?"
)
_ALONE = re.compile(r"\||```|~~~|#{1,6}[ \t]|https?://\S+$|[=_*~-]{3,}+$")
_CLAUSE_END = re.compile(r"[,;:、，；،]?\s+")


class Span(NamedTuple):
    """A half-open range of character offsets into a text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The very characters of `text` in this range."""
        return text[self.start : self.end]


def sentences(text: str) -> list[Span]:
    """The sentences of `text` in reading order: disjoint, exact and trimmed slices.

    Together they hold all of the text but white space and the marks before list lines. A heading, a list line
    or a table row is a sentence of its own. Linear in the length of the text.
    """
    return [short for unit in _units(text) for span in _marked(text, unit) for short in _capped(text, span)]


def is_turn(line: str) -> bool:
    """Whether a line begins as a transcript's do: with a speaker's label or a time."""
    return _TURN.match(line) is not None


def _units(text: str) -> Iterator[Span]:
    """Paragraphs, list lines and turns, without the mark before a list line."""
    block: list[Span] = []
    for line in _lines(text):
        if line.start < line.end:
            block.append(line)
        else:
            yield from _joined(text, block)
            block = []
    yield from _joined(text, block)


def _lines(text: str) -> Iterator[Span]:
    start = 0
    for line in text.split("\n"):
        left = start + len(line) - len(line.lstrip())
        yield Span(left, max(left, start + len(line.rstrip())))
        start += len(line) + 1


def _joined(text: str, block: list[Span]) -> Iterator[Span]:
    """The lines of one block, with those put together that were one line before somebody wrapped it."""
    if not block:
        return
    width = max(line.end - line.start for line in block)
    start = block[0].start
    for line, following in pairwise(block):
        if not _is_wrapped(text, line, following, width):
            yield from _unmarked(text, Span(start, line.end))
            start = following.start
    yield from _unmarked(text, Span(start, block[-1].end))


def _is_wrapped(text: str, line: Span, following: Span, width: int) -> bool:
    if any(pattern.match(text, *following) for pattern in (_BULLET, _TURN, _ALONE)):
        return False
    if _ALONE.match(text, *line) or _UNMARKED.match(text, line.end - 1):
        return False
    first_word = _FIRST_WORD.match(text, *following)
    if text[following.start].islower() and text.count(" ", *line) > 1:
        return True
    # Who wraps goes on while the next word fits. A line that had much room left was ended on purpose.
    reach = line.end - line.start + 1 + (len(first_word[0]) if first_word else 0)
    return width <= WIDEST_WRAP_CHARS and reach > 0.7 * width


def _unmarked(text: str, unit: Span) -> Iterator[Span]:
    bullet = _BULLET.match(text, *unit)
    yield Span(bullet.end(), unit.end) if bullet else unit


def _marked(text: str, unit: Span) -> Iterator[Span]:
    """The unit cut at its sentence marks. A mark with no word before it opens the next sentence."""
    start = last = unit.start
    has_word = False
    for mark in _MARK.finditer(text, *unit):
        has_word = has_word or _WORD.search(text, last, mark.start()) is not None
        last = mark.end()
        if last < unit.end and has_word and _ends_here(text, start, mark):
            yield Span(start, mark.start("gap"))
            start, has_word = last, False
    yield Span(start, unit.end)


def _ends_here(text: str, start: int, mark: re.Match[str]) -> bool:
    stop, after = mark["stop"], mark.end()
    if _UNSPACED_END.search(stop):
        return not (_QUOTE_GOES_ON.match(text, after) or (stop == "．" and text[after].isdigit()))
    opening = _OPENING.match(text, after)
    following = opening.end() if opening else after
    if not mark["gap"]:
        return (
            stop[-1] in ".!?"
            and bool(_FULL_WIDTH_LETTER.match(text, after))
            and text[mark.start() - 1].isalpha()
        )
    if text[following : following + 1].islower() and not text[start].islower():
        return False  # unless the writer begins all sentences small
    return stop != "." or not _is_abbreviation(text, start, mark.start(), following)


def _is_abbreviation(text: str, start: int, stop: int, following: int) -> bool:
    """Whether the full stop at `stop` belongs to the word before it and ends no sentence."""
    before = text[max(start, stop - 16) : stop]
    token = before[len(before.rstrip()) :] or before.split()[-1].lstrip("\"'“‘«([{¿¡„*_")
    word = token.casefold()
    if word in _BEFORE_NAME or (word in _BEFORE_NUMBER and text[following : following + 1].isdigit()):
        return True
    if _ENUMERATOR.match(token) and stop - len(token) == start:
        return True
    if _ORDINAL.search(text, max(start, stop - 8), following + 12):
        return True
    next_word = _NEXT_WORD.match(text, following)
    is_opener = next_word is not None and next_word[0] in _OPENERS
    is_initial = _INITIALS.match(token) is not None and (len(token) == 1 or not token.islower())
    return (is_initial or word in _BEFORE_EITHER) and not is_opener


def _capped(text: str, span: Span) -> Iterator[Span]:
    """The span in pieces of bearable length, cut after a clause where there is one."""
    start, end = span
    while start < end:
        cap = LONGEST_UNMARKED_CHARS if _UNMARKED.match(text, start) else LONGEST_SENTENCE_CHARS
        if end - start <= cap:
            yield Span(start, end)
            return
        gaps = list(_CLAUSE_END.finditer(text, start + cap // 2, start + cap))
        cut = next((gap for gap in reversed(gaps) if not gap[0].isspace()), gaps[-1] if gaps else None)
        yield Span(start, start + len(text[start : cut.end() if cut else start + cap].rstrip()))
        start = cut.end() if cut else start + cap
