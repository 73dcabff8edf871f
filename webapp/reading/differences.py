"""What changed between two texts, side by side: paragraph by paragraph, and word by word where one was changed.

Paragraphs that are in both texts once are matched first and in order (Bram Cohen's patience diff); what lies
between them is compared more closely as far as a budget goes. Beyond it whole paragraphs are told as changed,
so that the time grows with the length of the texts and not with its square.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from webapp.reading.matching import matches, pairs
from webapp.reading.places import paragraphs
from webapp.reading.wording import Budget, Segment, changed
from webapp.summarizing.sanitizing import visible

CONTEXT_PARAGRAPHS = 1  # shown unchanged before and after a change
LONGEST_LINES_CHARS = 4_000  # a longer paragraph is compared line by line
MOST_SHOWN_CHARS = 400_000
BUDGET_STEPS = 2_000_000  # about a second


class Row(NamedTuple):
    """What is side by side. `kind` is "same", "changed", "removed", "added" or "folded".

    Without an `old` or a `new` there is nothing on that side. A folded row stands for as many unchanged `paragraphs`.
    """

    kind: str
    old: tuple[Segment, ...] = ()
    new: tuple[Segment, ...] = ()
    paragraphs: int = 1


class Comparison(NamedTuple):
    """The rows to show, how many paragraphs changed in all, and how many of these are not among the rows."""

    rows: tuple[Row, ...]
    changes: int
    left_out: int

    @property
    def is_same(self) -> bool:
        """Whether nothing that can be seen has changed."""
        return not self.changes


def compare(old: str, new: str) -> Comparison:
    """The difference between two texts, in the order of the new one."""
    olds, news = _units(visible(old)), _units(visible(new))
    budget = Budget(BUDGET_STEPS + 4 * (len(olds) + len(news)))
    rows = list(_folded(list(_rows(olds, news, budget))))
    changes = sum(_is_change(row) for row in rows)
    shown = list(_bounded(rows))
    return Comparison(tuple(shown), changes, changes - sum(_is_change(row) for row in shown))


def _units(text: str) -> list[str]:
    """The paragraphs of a text; the lines of a long one, as lists and logs are."""
    units: list[str] = []
    for block in paragraphs(text, 0, len(text)):
        unit = text[block.start : block.end].rstrip()
        units += unit.split("\n") if len(unit) > LONGEST_LINES_CHARS else [unit]
    return units


def _rows(olds: Sequence[str], news: Sequence[str], budget: Budget) -> Iterator[Row]:
    at_old = at_new = 0
    for old, new in [*matches(olds, news, budget), (len(olds), len(news))]:
        for before, after in pairs(olds[at_old:old], news[at_new:new], budget):
            yield _changed(before, after, budget)
        if old < len(olds):
            same = (Segment("same", olds[old]),)
            yield Row("same", same, same)
        at_old, at_new = old + 1, new + 1


def _changed(before: str | None, after: str | None, budget: Budget) -> Row:
    if before is not None and after is not None:
        return Row("changed", *changed(before, after, budget))
    if after is not None:
        return Row("added", new=(Segment("new", after),))
    return Row("removed", old=(Segment("gone", before or ""),))


def _is_change(row: Row) -> bool:
    return row.kind not in ("same", "folded")


def _folded(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows, with one in the place of each stretch that is far from any change."""
    far = _far(rows)
    count = 0
    for row, is_far in zip(rows, far, strict=True):
        if is_far:
            count += 1
            continue
        if count:
            yield Row("folded", paragraphs=count)
            count = 0
        yield row
    if count:
        yield Row("folded", paragraphs=count)


def _far(rows: Sequence[Row]) -> list[bool]:
    """Of each row, whether no change is near it. One alone is no stretch: it takes no more room than its fold."""
    near = [False] * len(rows)
    for at, row in enumerate(rows):
        if _is_change(row):
            first, last = max(0, at - CONTEXT_PARAGRAPHS), min(len(rows), at + CONTEXT_PARAGRAPHS + 1)
            near[first:last] = [True] * (last - first)
    far = [not it for it in near]
    return [it and not _is_alone(far, at) for at, it in enumerate(far)]


def _is_alone(far: Sequence[bool], at: int) -> bool:
    return len(far) > 1 and not any(far[max(0, at - 1) : at]) and not any(far[at + 1 : at + 2])


def _bounded(rows: Sequence[Row]) -> Iterator[Row]:
    left = MOST_SHOWN_CHARS
    for row in rows:
        left -= sum(len(segment.text) for segment in (*row.old, *row.new))
        if left < 0:
            return
        yield row
