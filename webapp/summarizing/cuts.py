"""Picks the places at which a sequence is cut, such that an edit moves only cuts beside it.

Each place has a rank that follows from the content beside it. A place is a cut if nothing within reach of it ranks
higher: local maximum chunking (Bjørner, Blass and Gurevich, "Content-dependent chunking for differential
compression", 2010). Unlike those of a rolling hash with a least and a largest size, no such cut depends on the one
before it: what is further than the reach from an edit is cut as before. Only a stretch that has no such place for long
is cut from its beginning on.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from webapp.summarizing.tokens import LARGEST


def cuts(at: Sequence[float], ranks: Sequence[int], total: float, target: float) -> list[int]:
    """Which places are cuts, as ascending indexes. `at` tells how much of the `total` stands before each.

    Where there are places enough, what is between two cuts is from half to LARGEST times the target.
    """
    sure = peaks(at, ranks, total, target / 2)
    found: list[int] = []
    start = 0.0
    for end, peak in [*((at[peak], [peak]) for peak in sure), (total, [])]:
        found += [*_divided(at, ranks, start, end, target), *peak]
        start = end
    return found


def peaks(at: Sequence[float], ranks: Sequence[int], total: float, reach: float) -> list[int]:
    """The places with none of a higher rank within `reach`, none of the same before, and no end of the whole."""
    is_beaten = bytearray(len(at))
    higher: list[int] = []
    for place, here in enumerate(at):
        while higher and ranks[higher[-1]] < ranks[place]:
            beaten = higher.pop()
            is_beaten[beaten] |= here - at[beaten] <= reach
        is_beaten[place] = bool(higher) and here - at[higher[-1]] <= reach
        higher.append(place)
    inner = range(
        bisect_left(at, reach), bisect_right(at, total - reach)
    )  # those at the ends beat, and are no cuts
    return [place for place in inner if not is_beaten[place]]


def _divided(
    at: Sequence[float], ranks: Sequence[int], start: float, end: float, target: float
) -> Iterator[int]:
    """The cuts of a stretch that is too long: the best place each time, or the last before a thing kept whole."""
    least, most = target / 2, target * LARGEST
    while end - start > most:
        last = bisect_right(at, start + most) - 1
        within = range(bisect_left(at, start + least), bisect_right(at, min(start + most, end - least)))
        cut = max(within, key=lambda place: (ranks[place], place), default=last)
        if cut < 0 or at[cut] <= start:
            return
        yield cut
        start = at[cut]
