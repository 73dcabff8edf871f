"""Which paragraphs of one text are which of another, in the order of both, and within a budget."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

from webapp.reading.wording import Budget, words_of

MOST_PAIRS = 400  # of paragraphs between two matches: beyond it they are put side by side as they come
LEAST_ALIKE = 0.4  # of the words: with fewer in common, two paragraphs are not forms of one
STEPS_A_PAIR = 50

Texts = Sequence[str]
Pair = tuple[str | None, str | None]
Match = tuple[int, int]


class _Gap(NamedTuple):
    """A stretch of each text, of which it is not known yet what is the same in both."""

    olds: range
    news: range


def matches(olds: Texts, news: Texts, budget: Budget) -> list[Match]:
    """The places of paragraphs that are the same in both texts, ascending on both sides."""
    found: list[Match] = []
    gaps = [_Gap(range(len(olds)), range(len(news)))]
    while gaps:
        at_ends, gap = _stripped(olds, news, gaps.pop())
        found += at_ends
        if not (gap.olds and gap.news and budget.affords(len(gap.olds) + len(gap.news))):
            continue
        once = _once(olds, news, gap)
        gaps += _between(once, gap) if once else []
        found += once or _closely(olds, news, gap, budget)
    return sorted(found)


def _stripped(olds: Texts, news: Texts, gap: _Gap) -> tuple[list[Match], _Gap]:
    """What a gap begins and ends with on both sides, and the rest of it."""
    shorter = min(len(gap.olds), len(gap.news))
    head = tail = 0
    while head < shorter and olds[gap.olds[head]] == news[gap.news[head]]:
        head += 1
    while tail < shorter - head and olds[gap.olds[-1 - tail]] == news[gap.news[-1 - tail]]:
        tail += 1
    ends = [*range(head), *range(-tail, 0)]
    rest = _Gap(gap.olds[head : len(gap.olds) - tail], gap.news[head : len(gap.news) - tail])
    return [(gap.olds[at], gap.news[at]) for at in ends], rest


def _once(olds: Texts, news: Texts, gap: _Gap) -> list[Match]:
    """Of the paragraphs that are once on each side, the most that are in the same order on both."""
    counts_old, counts_new = Counter(olds[at] for at in gap.olds), Counter(news[at] for at in gap.news)
    places = {news[at]: at for at in gap.news if counts_new[news[at]] == 1}
    both = [(at, places[olds[at]]) for at in gap.olds if counts_old[olds[at]] == 1 and olds[at] in places]
    return _ascending(both)


def _ascending(found: Sequence[Match]) -> list[Match]:
    """The longest ascending run of the second numbers, by patience sorting."""
    tops: list[int] = []
    piles: list[int] = []
    below: list[int] = []
    for number, (_, new) in enumerate(found):
        pile = bisect_left(tops, new)
        below.append(piles[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [new]
        piles[pile : pile + 1] = [number]
    run, number = [], piles[-1] if piles else -1
    while number >= 0:
        run.append(found[number])
        number = below[number]
    return run[::-1]


def _between(once: Sequence[Match], gap: _Gap) -> Iterator[_Gap]:
    at_old, at_new = gap.olds.start, gap.news.start
    for old, new in [*once, (gap.olds.stop, gap.news.stop)]:
        if old > at_old and new > at_new:
            yield _Gap(range(at_old, old), range(at_new, new))
        at_old, at_new = old + 1, new + 1


def _closely(olds: Texts, news: Texts, gap: _Gap, budget: Budget) -> list[Match]:
    """What is the same where each paragraph is there more than once, as empty table rows are."""
    left, right = [olds[at] for at in gap.olds], [news[at] for at in gap.news]
    counts = Counter(right)
    if not budget.affords(4 * sum(counts[old] for old in left)):
        return []
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return [(gap.olds[a + at], gap.news[b + at]) for a, b, size in blocks for at in range(size)]


def pairs(olds: Texts, news: Texts, budget: Budget) -> Iterator[Pair]:
    """Paragraphs that have nothing the same, side by side: those that are much alike, and the rest as it comes."""
    at_old = at_new = 0
    for old, new in [*_alike(olds, news, budget), (len(olds), len(news))]:
        yield from zip_longest(olds[at_old:old], news[at_new:new])
        if old < len(olds):
            yield olds[old], news[new]
        at_old, at_new = old + 1, new + 1


def _alike(olds: Texts, news: Texts, budget: Budget) -> list[Match]:
    """The pairs, in the order of both, that are the most alike in sum."""
    size = len(olds) * len(news)
    if not 1 < size <= MOST_PAIRS or not budget.affords(size * STEPS_A_PAIR):
        return []
    bags_old, bags_new = [Counter(words_of(old)) for old in olds], [Counter(words_of(new)) for new in news]
    best: list[list[tuple[float, list[Match]]]] = [[(0.0, [])] * (len(news) + 1)]
    for old, bag in enumerate(bags_old):
        row = [(0.0, list[Match]())]
        for new, other in enumerate(bags_new):
            alike, (score, before) = _likeness(bag, other), best[old][new]
            with_pair = (score + alike, [*before, (old, new)]) if alike >= LEAST_ALIKE else (0.0, [])
            row.append(max(best[old][new + 1], row[new], with_pair, key=lambda it: it[0]))
        best.append(row)
    return best[-1][-1][1]


def _likeness(bag: Counter[str], other: Counter[str]) -> float:
    return 2 * (bag & other).total() / max(1, bag.total() + other.total())
