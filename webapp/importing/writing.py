"""Blocks of a PDF as Markdown, the words that were broken at line ends whole again."""

import re
from collections.abc import Sequence

from webapp.importing.escaping import escaped, escaped_line, fenced
from webapp.importing.flow import Block, Layout, marker, number
from webapp.importing.headings import Headings
from webapp.importing.pages import Line

DEEPEST_LIST = 4
NEXT_LEVEL_POINTS = 6.0

_WORD = re.compile(r"\w+(?:-\w+)*")
_LAST_WORD = re.compile(r"([^\W\d_]+)-$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef\u3000-\u303f]")


class Writer:
    """Writes blocks one after another; it knows the document's words, and how deep in lists it is."""

    def __init__(self, lines: Sequence[Line], layout: Layout, headings: Headings) -> None:
        self._layout, self._headings = layout, headings
        self._words = {word.casefold() for line in lines for word in _WORD.findall(line.words)}
        self._lefts: list[float] = []

    def markdown(self, blocks: Sequence[Block]) -> str:
        """All blocks, a blank line between them but for the items of a list."""
        parts: list[str] = []
        was_item = False
        for block in blocks:
            text, is_item = self._written(block)
            if text:
                parts.append(("\n" if was_item and is_item else "\n\n") if parts else "")
                parts.append(text)
                was_item = is_item
        return "".join(parts) + "\n"

    def _written(self, block: Block) -> tuple[str, bool]:
        if level := self._headings.level(block):
            self._lefts = []
            return f"{'#' * level} {escaped(self._joined(block, ' ')).strip('# ')}", False
        if block.kind == "code":
            return fenced(self._code(block.lines)), False
        if block.kind == "item":
            return self._item(block), True
        self._lefts = []
        return escaped_line(self._joined(block, "  \n")), False

    def _item(self, block: Block) -> str:
        words = self._joined(block, " ")
        indent = "    " * self._depth(block.lines[0].left)
        if bullet := marker(words):
            return f"{indent}- {escaped_line(words[bullet.end() :])}"
        found = number(words)
        rest = words[found.end() :] if found else words
        if found and found[0].strip()[-1] in ".)" and found[0][0].isdigit():
            return f"{indent}{found[0].strip()} {escaped_line(rest)}"
        return f"{indent}- {escaped((found[0] if found else '') + rest)}"

    def _depth(self, left: float) -> int:
        while self._lefts and left < self._lefts[-1] - NEXT_LEVEL_POINTS:
            self._lefts.pop()
        if not self._lefts or left > self._lefts[-1] + NEXT_LEVEL_POINTS:
            self._lefts.append(left)
        return min(len(self._lefts) - 1, DEEPEST_LIST)

    def _joined(self, block: Block, line_end: str) -> str:
        text = block.lines[0].words + "-" * block.lines[0].is_hyphenated
        for place, line in enumerate(block.lines[1:], 1):
            words = line.words + "-" * line.is_hyphenated
            text = text + line_end + words if place in block.ended else self._put_together(text, words)
        return text

    def _put_together(self, text: str, words: str) -> str:
        """Two lines as one. Which hyphens are part of a word, the rest of the document knows best."""
        before, after = _LAST_WORD.search(text[-60:]), _FIRST_WORD.match(words)
        if before and after:
            whole, compound = (before[1] + after[0]).casefold(), f"{before[1]}-{after[0]}".casefold()
            is_one_word = whole in self._words or (compound not in self._words and after[0].islower())
            return (text[:-1] if is_one_word and before[1][-1:].islower() else text) + words
        if text.endswith("-") or (_UNSPACED.match(text[-1:]) and _UNSPACED.match(words)):
            return text + words
        return f"{text} {words}"

    def _code(self, lines: Sequence[Line]) -> str:
        left = min(line.left for line in lines)
        rows: list[str] = []
        for place, line in enumerate(lines):
            above = lines[place - 1] if place else None
            if above and above.base - line.base > 1.6 * self._layout.leading(line):
                rows.append("")
            rows.append(
                " " * round((line.left - left) / (0.6 * line.size)) + line.words + "-" * line.is_hyphenated
            )
        return "\n".join(rows)
