"""The embedded engine: it selects a document's own key sentences, offline and in milliseconds.

How many, and how they are spread over the text, is a matter of the style; `ranking` tells which.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from webapp.summarizing.engine import (
    EXTRACT,
    USUAL,
    Ask,
    EngineFailure,
    FailureKind,
    Finished,
    Piece,
    Recipe,
    Style,
    Words,
)
from webapp.summarizing.marks import escaped, plain
from webapp.summarizing.ranking import TOO_ALIKE, Ranking
from webapp.summarizing.sections import headings, plain_headings, sections
from webapp.summarizing.sentences import Span

SHORT_TEXT_WORDS, LONG_TEXT_WORDS = 300, 3_000
BRIEF_SENTENCES, BRIEF_WORDS = 3, 60  # whichever comes first
DETAILED_SHARE = 0.12  # of the words, within these bounds
FEWEST_DETAILED_WORDS, MOST_DETAILED_WORDS = 150, 400
ENOUGH = 0.85  # of the words that there is room for


class Group(NamedTuple):
    """Selected sentences in reading order, and the heading that they stand under, or ""."""

    title: str
    spans: list[Span]


class ExtractEngine:
    """Writes a summary of a document's own sentences. It calls no server and keeps no state."""

    recipe = Recipe(engine=EXTRACT, model=EXTRACT, prompt_version="1")
    format = recipe.format

    def write(self, text: str, *, title: str, ask: Ask = USUAL) -> Iterator[Piece]:
        """Yield the key sentences as one `Words`, then `Finished`: one a line, or for the detailed style as
        Markdown. Neither the title nor anything but the style changes them.

        Raises EngineFailure, permanent, "no_sentences", for a text with nothing that reads as a sentence.
        """
        groups = selected(text, ask.style)
        if not groups:
            raise EngineFailure(FailureKind.PERMANENT, "no_sentences")
        lines = _listed(text, groups) if ask.style is Style.DETAILED else _bare(text, groups)
        yield Words("\n".join(lines))
        yield Finished(model=self.recipe.model)


def selected(text: str, style: Style = Style.KEY_POINTS) -> list[Group]:
    """What a summary in this style is made of: exact slices of `text`, one for each of its lines or bullets, in
    their order. Empty for a text with nothing that reads as a sentence."""
    if style is Style.DETAILED:
        return _detailed(text)
    spans = _brief(text) if style is Style.BRIEF else key_sentences(text)
    return [Group("", spans)] if spans else []


def key_sentences(text: str, count: int | None = None) -> list[Span]:
    """The `count` key sentences of `text` in reading order, as exact slices; fewer if there are fewer.

    By default three of a short text to seven of a long one, and never more than half of its sentences.
    """
    return sorted(rank(text, count))


def rank(text: str, count: int | None = None) -> list[Span]:
    """The `count` key sentences of `text`, the best first, each for what those before it do not say."""
    ranking = Ranking(text)
    wanted = _count(ranking) if count is None else count
    return [ranking.spans[index] for index in islice(ranking.best(), wanted)]


def _bare(text: str, groups: Sequence[Group]) -> Iterator[str]:
    """The sentences as they read, one a line."""
    return (plain(text, span) for group in groups for span in group.spans)


def _listed(text: str, groups: Sequence[Group]) -> Iterator[str]:
    """Headings and bullets in Markdown, in which a document's own marks are letters like others."""
    for number, group in enumerate(groups):
        if group.title:
            yield from [""] * (number > 0)
            yield f"### {escaped(group.title)}"
            yield ""
        yield from (f"- {escaped(plain(text, span))}" for span in group.spans)


def _count(ranking: Ranking) -> int:
    wanted = 3 if ranking.words < SHORT_TEXT_WORDS else 5 if ranking.words < LONG_TEXT_WORDS else 7
    return min(wanted, _most(ranking))


def _most(ranking: Ranking) -> int:
    """Half of the sentences: more would be no summary."""
    return max(1, len(ranking.spans) // 2)


def _brief(text: str) -> list[Span]:
    ranking = Ranking(text)
    spans: list[Span] = []
    words = 0.0
    for index in islice(ranking.best(), min(BRIEF_SENTENCES, _most(ranking))):
        if words >= BRIEF_WORDS:
            break
        spans.append(ranking.spans[index])
        words += ranking.lengths[index]
    return sorted(spans)


def _detailed(text: str) -> list[Group]:
    marked = headings(text)
    unmarked = [] if len(marked) > 1 else plain_headings(text)
    parts = sections(text, marked if len(marked) > 1 else unmarked)
    ranking = Ranking(text, [heading.line for heading in unmarked])
    starts = [part.start for part in parts]
    part_of = [bisect_right(starts, span.start) - 1 for span in ranking.spans]

    def heading(index: int) -> tuple[int, str]:
        part = part_of[index]
        return (part if parts[part].title else -1), parts[part].title

    return [
        Group(title, [ranking.spans[index] for index in within])
        for (_, title), within in groupby(sorted(_spread(ranking, part_of)), key=heading)
    ]


def _spread(ranking: Ranking, part_of: Sequence[int]) -> list[int]:
    """The best sentence of each part while there is room, the best of these first; then the best of all."""
    selection = Selection(ranking)
    for index in _leaders(ranking, part_of):
        if not selection.is_full and not selection.has_like(index):
            selection.add(index)
    for index in ranking.best(list(selection.chosen)):
        if selection.is_full:
            break
        selection.add(index)
    return selection.chosen


def _leaders(ranking: Ranking, part_of: Sequence[int]) -> list[int]:
    """The best sentence of each part that has one, the best first."""
    best: dict[int, int] = {}
    for index, part in enumerate(part_of):
        if part not in best or ranking.scores[index] > ranking.scores[best[part]]:
            best[part] = index
    return sorted(best.values(), key=ranking.scores.__getitem__, reverse=True)


class Selection:
    """Sentences of a detailed summary, up to the words that it may have."""

    def __init__(self, ranking: Ranking) -> None:
        self._ranking = ranking
        share = max(DETAILED_SHARE * ranking.words, FEWEST_DETAILED_WORDS)
        self._room = min(share, MOST_DETAILED_WORDS, ranking.words / 2)
        self._words = 0.0
        self.chosen: list[int] = []

    @property
    def is_full(self) -> bool:
        return bool(self.chosen) and (
            self._words >= ENOUGH * self._room or len(self.chosen) >= _most(self._ranking)
        )

    def has_like(self, index: int) -> bool:
        return any(self._ranking.likeness(index, other) >= TOO_ALIKE for other in self.chosen)

    def add(self, index: int) -> None:
        """Take the sentence, if there is room for it. For the first one there is."""
        length = self._ranking.lengths[index]
        if not self.chosen or self._words + length <= self._room:
            self.chosen.append(index)
            self._words += length
