"""Two forms of one paragraph, and which words make the difference."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

LEAST_SHARED = 0.3  # of the characters: with less in common, marks on single words are only noise
STEPS_TO_BEGIN = 200
SHORTEST_ISLAND_CHARS = 4  # a "the" that stayed between two changes is part of the change

# A word with the space after it; a letter where a script has no spaces.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+\s*|\s+"
)

Stretch = tuple[str, int, int, int, int]


class Budget:
    """Steps that may still be taken. Whoever cannot afford the exact answer gives the simple one."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def affords(self, steps: int) -> bool:
        """Take the steps if they are left."""
        if steps > self._left:
            return False
        self._left -= steps
        return True


class Segment(NamedTuple):
    """A stretch of one side: `kind` is "same", or "gone" on the old side, or "new" on the new one."""

    kind: str
    text: str


def words_of(text: str) -> list[str]:
    """The text cut into its words, each with the space after it."""
    return _WORD.findall(text)


def changed(old: str, new: str, budget: Budget) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Both sides of a changed paragraph. Where they share little, or the budget is spent, all of it is changed."""
    if not budget.affords(STEPS_TO_BEGIN):
        return (Segment("gone", old),), (Segment("new", new),)
    olds, news = words_of(old), words_of(new)
    stretches = _stretches(olds, news) if budget.affords(_steps(olds, news)) else []
    same = sum(len("".join(olds[start:end])) for kind, start, end, *_ in stretches if kind == "equal")
    if 2 * same < LEAST_SHARED * (len(old) + len(new)):
        stretches = [("replace", 0, len(olds), 0, len(news))]
    before = _merged(("same" if kind == "equal" else "gone", olds[a:b]) for kind, a, b, _, _ in stretches)
    after = _merged(("same" if kind == "equal" else "new", news[c:d]) for kind, _, _, c, d in stretches)
    return tuple(before), tuple(after)


def _steps(olds: Sequence[str], news: Sequence[str]) -> int:
    """What matching takes: it looks at each pair of equal words, a few times over."""
    counts = Counter(news)
    return len(news) + 4 * sum(counts[word] for word in olds)


def _stretches(olds: list[str], news: list[str]) -> list[Stretch]:
    found: list[Stretch] = list(SequenceMatcher(None, olds, news, autojunk=False).get_opcodes())
    last = len(found) - 1
    return [
        ("replace", *stretch[1:]) if 0 < at < last and _is_island(olds, stretch) else stretch
        for at, stretch in enumerate(found)
    ]


def _is_island(olds: Sequence[str], stretch: Stretch) -> bool:
    kind, start, end, *_ = stretch
    return kind == "equal" and len("".join(olds[start:end]).strip()) < SHORTEST_ISLAND_CHARS


def _merged(parts: Iterable[tuple[str, list[str]]]) -> Iterator[Segment]:
    """Each kind in one segment. The space between a change and what stayed is part of what stayed."""
    kind, text = "", ""
    for following, words in parts:
        if not words:
            continue
        if following != kind and text:
            end = len(text.rstrip()) if following == "same" else len(text)
            yield Segment(kind, text[: end or len(text)])
            text = text[end:] if end else ""
        kind, text = following, text + "".join(words)
    if text:
        yield Segment(kind, text)
