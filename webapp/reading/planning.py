"""Where the blocks, the headings and the parts of a text are, without rendering any of it.

A part is cut where a block ends, so that it reads alone as it does in the whole: all that a part needs from
outside it is in the plan. A plan is small beside its text, and is made once for a content.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from markdown_it.token import Token

from webapp.reading import parsing
from webapp.reading.outline import Anchors, Heading
from webapp.reading.places import Block, Lines, paragraphs, place
from webapp.summarizing.sanitizing import visible

PART_CHARS = 100_000  # about 16,000 words, and 200 kB of HTML
LONGEST_HEADING_CHARS = 200

_INNER_LEVEL = {"table_open": 2, "bullet_list_open": 1, "ordered_list_open": 1, "blockquote_open": 1}


class Part(NamedTuple):
    """A stretch `[start, end)` of a text; in the midst of a table, also where the table's head is."""

    start: int
    end: int
    head_start: int = 0
    head_end: int = 0


class Plan(NamedTuple):
    """What of a text is where. `format` is how it is shown: a very tangled Markdown is shown as it was typed."""

    format: str
    outline: tuple[Heading, ...]
    blocks: tuple[Block, ...]
    parts: tuple[Part, ...]
    references: dict[str, Any]

    def part_at(self, start: int) -> int:
        """The number of the part that the character at offset `start` is in."""
        return max(0, bisect_right(self.parts, start, key=lambda part: part.start) - 1)

    def parts_of_headings(self) -> dict[str, int]:
        """The number of the part that each heading is in, by its anchor."""
        headings = (block for block in self.blocks if block.anchor.startswith("s-"))
        return {block.anchor: self.part_at(block.start) for block in headings}


def plan(text: str, format: str) -> Plan:
    """The plan of a text in format "markdown" or "plain". Raises ValueError for another format.

    Linear in the length of the text.
    """
    if format not in ("markdown", "plain"):
        raise ValueError(f"no document has the format {format!r}")
    try:
        return _of_markdown(text) if format == "markdown" else _as_typed(text)
    except parsing.TooTangled:
        return _as_typed(text)


def carrier(tokens: Sequence[Token], at: int) -> Token | None:
    """The token of the element that shows the block which begins at `tokens[at]`, if one does.

    A block holds no other: a quote and a loose list item are led to by the paragraphs in them.
    """
    token = tokens[at]
    if token.hidden and token.type == "paragraph_open":
        return tokens[at - 1]
    if token.type in ("paragraph_open", "heading_open", "tr_open", "fence", "code_block"):
        return token
    return None


def _as_typed(text: str) -> Plan:
    blocks = tuple(paragraphs(text, 0, len(text)))
    cuts = [Part(block.start, block.end) for block in blocks]
    return Plan("plain", (), blocks, tuple(_packed(cuts, frozenset(), len(text))), {})


def _of_markdown(text: str) -> Plan:
    environment: dict[str, Any] = {"references": {}}
    tokens = parsing.blocks(visible(text), environment)
    lines, anchors = Lines(text), Anchors()
    blocks, outline = [], []
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            outline.append(_heading(token, tokens[at + 1], anchors, environment))
            blocks.append(lines.block(outline[-1].anchor, token))
        elif carrier(tokens, at):
            blocks.append(lines.block(place(lines.start((token.map or [0])[0])), token))
    tops = frozenset(block.start for block in blocks if block.anchor.startswith("s-"))
    parts = _packed(list(_cuts(tokens, lines)), tops, len(text))
    return Plan("markdown", tuple(outline), tuple(blocks), tuple(parts), environment["references"])


def _heading(token: Token, line: Token, anchors: Anchors, environment: parsing.Environment) -> Heading:
    spoken = "".join(
        mark.content or " " for mark in parsing.marks(line.content, environment) if not mark.nesting
    )
    text = " ".join(spoken.split())[:LONGEST_HEADING_CHARS]
    return Heading(min(int(token.tag[1]) + 1, 6), text, anchors.of(text))


def _cuts(tokens: Sequence[Token], lines: Lines) -> Iterator[Part]:
    """Each stretch before which a part may begin: blocks, and what the very long ones are made of.

    Raises TooTangled for a paragraph that is longer than a part.
    """
    inner, head = -1, (0, 0)
    for token in tokens:
        if token.nesting < 0 or not token.map or token.level not in (0, inner) or token.type == "thead_open":
            continue
        start, end = lines.start(token.map[0]), lines.start(token.map[1])
        if token.level == 0:
            is_long = end - start > PART_CHARS
            if is_long and token.type == "paragraph_open":
                raise parsing.TooTangled
            inner = _INNER_LEVEL.get(token.type, -1) if is_long else -1
            is_table = is_long and token.type == "table_open"
            head = (start, lines.start(token.map[0] + 2)) if is_table else (0, 0)
            yield Part(start, end)
        elif start >= head[1]:
            yield Part(start, end, *head)


def _packed(cuts: Sequence[Part], tops: frozenset[int], end: int) -> Iterator[Part]:
    """The stretches put together to parts of at most PART_CHARS where they can be; the first begins at 0.

    A part that is half full ends before a heading.
    """
    first = Part(0, 0)
    for cut, following in pairwise([*cuts, Part(end, end)]):
        size = cut.start - first.start
        is_full = following.start - first.start > PART_CHARS or (cut.start in tops and size > PART_CHARS // 2)
        if is_full and size:
            yield first._replace(end=cut.start)
            first = cut
    yield first._replace(end=end)
