"""Lines of pages as blocks of words: which lines go on, and which begin something new."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median_low

from webapp.importing.pages import Line

WIDEST_LEADING = 1.35  # times the usual one: beyond it there is a gap between paragraphs
INDENT_EMS = 0.8
LARGE = 1.15  # times the size of most words: the size of a heading
SMALL = 0.93  # of a footnote
MOSTLY = 0.6
SHORT = 0.75  # of a column's width
COLUMN_POINTS = 20.0
MOST_FOOTNOTES = 12  # on one page

_BULLET = re.compile(r"[•‣◦▪●○■□▸►➢➤✓∙·*\uf0b7\uf0a7–—-](?:\s+|$)")
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z]\)|\[\d{1,3}\])\s+(?=\S)")
_LEADERS = re.compile(r"(?:\.\s?|…\s?){4,}\s*[\divxlc]*$")  # a line of the table of contents
_TERMINAL = re.compile(r"[.!?:;…。！？][\"'”’»)\]]*$")


@dataclass
class Block:
    """Lines that belong together. `kind` is "words", "item" or "code"; `ended` are places before a forced new line."""

    kind: str
    lines: list[Line]
    ended: set[int] = field(default_factory=set)

    @property
    def last(self) -> Line:
        return self.lines[-1]


class Layout:
    """What is usual in this document: the size of most words, and the distance of lines of each size."""

    def __init__(self, lines: Sequence[Line]) -> None:
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[_rounded(line.size)] += len(line.words)
        self.body = sizes.most_common(1)[0][0] if sizes else 10.0
        letters = sum(sizes.values())
        mono = sum(len(line.words) for line in lines if line.is_mono)
        self.has_code = mono < MOSTLY * letters  # else it was all typed on a typewriter
        self._leading = _leadings(lines)

    def leading(self, line: Line) -> float:
        return self._leading.get(_rounded(line.size), 1.25 * line.size)

    def is_large(self, line: Line) -> bool:
        return line.size >= LARGE * self.body

    def is_small(self, line: Line) -> bool:
        return line.size <= SMALL * self.body

    def is_code(self, line: Line) -> bool:
        return line.is_mono and self.has_code


def _rounded(size: float) -> float:
    return round(2 * size) / 2


def _leadings(lines: Sequence[Line]) -> dict[float, float]:
    gaps = defaultdict(list)
    for above, below in pairwise(lines):
        gap = above.base - below.base
        if above.page == below.page and abs(above.size - below.size) < 0.6 and 0.5 < gap / below.size < 2.5:
            gaps[_rounded(below.size)].append(gap)
    return {size: median_low(found) for size, found in gaps.items() if len(found) >= 3}


def blocks(lines: Sequence[Line], layout: Layout) -> list[Block]:
    """The lines in blocks, in their order, without those of a table of contents."""
    found: list[Block] = []
    kept = _without_stray_code([line for line in lines if not _LEADERS.search(line.words)], layout)
    columns = _columns(kept)
    for run in _runs(kept, layout):
        right = _margin(run, columns)
        for place, line in enumerate(run):
            _add(found, line, layout, right, is_first=place == 0)
    return found


def _without_stray_code(lines: Sequence[Line], layout: Layout) -> list[Line]:
    """The last line of a paragraph may be a name in letters of one width, and is no code for that."""
    kept: list[Line] = []
    for place, line in enumerate(lines):
        above, below = (kept[-1] if kept else None), (lines[place + 1] if place + 1 < len(lines) else None)
        is_tail = (
            line.is_mono
            and above is not None
            and not above.is_mono
            and not above.words.endswith(":")
            and abs(above.left - line.left) < line.size / 2
            and _is_below(above._replace(is_mono=True), line, layout)
            and not (below is not None and below.is_mono and _is_below(line, below, layout))
        )
        kept.append(line._replace(is_mono=False) if is_tail else line)
    return kept


def _runs(lines: Sequence[Line], layout: Layout) -> Iterator[list[Line]]:
    """Lines right below each other, of one size: their right edge is the margin that words were wrapped at."""
    run: list[Line] = []
    for line in lines:
        if run and not _is_below(run[-1], line, layout):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _columns(lines: Sequence[Line]) -> dict[tuple[int, int], float]:
    """The right edge of all lines of a page that begin near the same place."""
    edges: dict[tuple[int, int], float] = {}
    for line in lines:
        edges[_column(line)] = max(line.right, edges.get(_column(line), 0.0))
    return edges


def _column(line: Line) -> tuple[int, int]:
    return line.page, round(line.left / COLUMN_POINTS)


def _margin(run: Sequence[Line], columns: dict[tuple[int, int], float]) -> float:
    """Where words were wrapped: lines that are all much shorter than their column's were not wrapped at all."""
    right, left = max(line.right for line in run), min(line.left for line in run)
    column = columns[_column(run[0])]
    return column if right - left < SHORT * (column - left) else right


def _is_below(above: Line, line: Line, layout: Layout) -> bool:
    gap = above.base - line.base
    return (
        above.page == line.page
        and above.is_mono == line.is_mono
        and abs(above.size - line.size) <= 0.6
        and 0 < gap <= WIDEST_LEADING * layout.leading(line)
    )


def _add(found: list[Block], line: Line, layout: Layout, right: float, *, is_first: bool) -> None:
    last = _main(found, layout) if is_first else found[-1]
    kind = "code" if layout.is_code(line) else "item" if is_item(line) else "words"
    if last is None or not _goes_on(last, line, kind, layout, right, is_first=is_first):
        found.append(Block(kind, [line]))
        return
    if (
        last.kind != "code"
        and not is_first
        and not layout.is_large(line)
        and _has_ended(last.last, line, right)
    ):
        last.ended.add(len(last.lines))
    last.lines.append(line)


def _main(found: Sequence[Block], layout: Layout) -> Block | None:
    """The last block of the text that a new page may go on with: between both there may be footnotes."""
    recent = found[: -MOST_FOOTNOTES - 1 : -1]
    return next((block for block in recent if not layout.is_small(block.last)), recent[0] if recent else None)


def is_item(line: Line) -> bool:
    """Whether the line begins as those of a list do."""
    return bool(_BULLET.match(line.words) or _NUMBER.match(line.words))


def marker(words: str) -> re.Match[str] | None:
    """The bullet that words begin with."""
    return _BULLET.match(words)


def number(words: str) -> re.Match[str] | None:
    """The number of a list that words begin with."""
    return _NUMBER.match(words)


def _goes_on(last: Block, line: Line, kind: str, layout: Layout, right: float, *, is_first: bool) -> bool:
    if kind == "code" or last.kind == "code":
        return kind == last.kind and last.last.page == line.page and last.last.base > line.base
    if is_first:
        return _goes_on_elsewhere(last, line, kind, layout)
    if last.last.is_hyphenated:
        return True
    if kind == "item" and (
        _BULLET.match(line.words) or last.kind == "item" or _has_ended(last.last, line, right)
    ):
        return False
    if layout.is_large(line):
        return True
    return not _is_set_off(last, line, layout, right)


def _goes_on_elsewhere(last: Block, line: Line, kind: str, layout: Layout) -> bool:
    """Whether a sentence goes on in the next column or on the next page."""
    above = last.last
    is_elsewhere = above.page != line.page or line.base > above.base
    is_alike = abs(above.size - line.size) <= 0.6 and not layout.is_large(line)
    if not (is_elsewhere and is_alike) or kind == "item":
        return False
    return above.is_hyphenated or (not _TERMINAL.search(above.words) and line.words[:1].islower())


def _is_set_off(last: Block, line: Line, layout: Layout, right: float) -> bool:
    """Whether an indent, or a short line that ends a sentence, begins a paragraph here."""
    above, indent = last.last, INDENT_EMS * line.size
    if line.left > above.left + indent:
        return not (last.kind == "item" and len(last.lines) == 1)
    if line.left < above.left - indent:
        return len(last.lines) > 1 or last.kind == "item"
    return _has_ended(above, line, right) and _TERMINAL.search(above.words) is not None


def _has_ended(above: Line, line: Line, right: float) -> bool:
    """Whether the first word of `line` would have fitted above: then the line above was ended on purpose."""
    if above.is_hyphenated:
        return False
    first_word = len(line.words.split(" ", 1)[0]) + 1
    width = (line.right - line.left) / max(1, len(line.words))
    return above.right + first_word * width < right - 0.5 * line.size
