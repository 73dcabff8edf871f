"""Which blocks of a PDF are headings, and of which level."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from webapp.importing.flow import Block, Layout

LONGEST_CHARS = 200
LONGEST_BOLD_CHARS = 100
LONGEST_NUMBER_CHARS = 12  # "Appendix A.3": a bookmark may leave it out
DEEPEST = 6

_NO_LETTERS = re.compile(r"[\W_]+")
_ENDS = re.compile(r"[.,;:]$")


class Headings:
    """The levels of blocks: an outline's where it has them, else by how large they are among each other."""

    def __init__(
        self, blocks: Sequence[Block], layout: Layout, outline: Iterable[tuple[str, int, int | None]]
    ) -> None:
        self._layout = layout
        self._outline: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for title, level, page in outline:
            if page is not None and (key := _key(title)):
                self._outline[page].append((key, min(level, DEEPEST)))
        self._by_size = self._sizes(blocks)

    def level(self, block: Block) -> int | None:
        """1 to 6, or None for no heading."""
        if block.kind == "code" or not (words := _words(block)) or len(words) > LONGEST_CHARS:
            return None
        if told := self._told(block):
            return told
        if self._layout.is_large(block.lines[0]) and any(letter.isalpha() for letter in words):
            return self._by_size.get(block.lines[0].size, DEEPEST)
        if not self._outline and _is_bold_line(block, words):
            return min(DEEPEST, max(self._by_size.values(), default=1) + 1)
        return None

    def _told(self, block: Block) -> int | None:
        """The level of the bookmark that leads to this page and has these words."""
        bookmarks, key = self._outline.get(block.lines[0].page, ()), _key(_words(block))
        for bookmark, level in bookmarks:
            if key.endswith(bookmark) and len(key) - len(bookmark) <= LONGEST_NUMBER_CHARS:
                return level
        return None

    def _sizes(self, blocks: Sequence[Block]) -> dict[float, int]:
        told: dict[float, Counter[int]] = defaultdict(Counter)
        sizes: Counter[float] = Counter()
        for block in blocks:
            size = block.lines[0].size
            if self._outline and len(_words(block)) <= LONGEST_CHARS and (level := self._told(block)):
                told[size][level] += 1
            if self._layout.is_large(block.lines[0]):
                sizes[size] += 1
        levels, deepest = {}, 0
        for size in sorted({*sizes, *told}, reverse=True):
            level = told[size].most_common(1)[0][0] if told.get(size) else min(deepest + 1, DEEPEST)
            levels[size], deepest = level, max(deepest, level)
        return levels


def _is_bold_line(block: Block, words: str) -> bool:
    return (
        block.kind == "words"
        and len(block.lines) == 1
        and block.lines[0].is_bold
        and len(words) <= LONGEST_BOLD_CHARS
        and words[:1].isalnum()
        and not words[:1].islower()
        and not _ENDS.search(words)
    )


def _words(block: Block) -> str:
    return " ".join(line.words for line in block.lines[:10])


def _key(words: str) -> str:
    return _NO_LETTERS.sub("", words).casefold()
