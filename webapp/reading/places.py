"""Places in a stored text: its lines, and the blocks that a page shows it in.

All offsets count the characters of the text as it is stored, line ends of any kind and hidden characters
included, so that a place that was found in the text can be led to on the page.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markdown_it.token import Token

LONGEST_PIECE_CHARS = 20_000  # a paragraph beyond it is shown in pieces, and without marks of emphasis

_LINE_END = re.compile(r"\r\n?|[\n\x0b\x0c\x85\u2028\u2029]")  # what `visible` makes "\n" of, and "\n"
_LINE = re.compile(r"[^\n\r\x0b\x0c\x85\u2028\u2029]+")


class Block(NamedTuple):
    """What can be led to: a paragraph, heading, list item, table row or code, at `[start, end)` of the text."""

    anchor: str
    start: int
    end: int


def anchor_of(blocks: Sequence[Block], start: int) -> str:
    """The anchor of the block that the character at offset `start` is in, or of the last one before it.

    `blocks` are in the order of the text, as a page gives them. Without any there is no anchor: "".
    """
    at = bisect_right(blocks, start, key=lambda block: block.start)
    return blocks[max(0, at - 1)].anchor if blocks else ""


def within(blocks: Sequence[Block], start: int, end: int) -> Sequence[Block]:
    """The blocks that begin in `[start, end)`."""
    first = bisect_right(blocks, start - 1, key=lambda block: block.start)
    return blocks[first : bisect_right(blocks, end - 1, lo=first, key=lambda block: block.start)]


def place(start: int) -> str:
    """The anchor of a block that begins at an offset: as lasting as the text before it, and known without it."""
    return f"p-{start}"


class Lines:
    """Where each line of a text begins, by the number that a parser of its visible form has for it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(end.end() for end in _LINE_END.finditer(text))]

    def start(self, number: int) -> int:
        """The offset at which a line begins; that of the end for a line beyond the last."""
        return self._starts[number] if number < len(self._starts) else len(self._text)

    def block(self, anchor: str, token: Token) -> Block:
        """The whole lines that a token was made of, without the white space after them."""
        first, last = token.map or (0, 0)
        start = self.start(first)
        return Block(anchor, start, start + len(self._text[start : self.start(last)].rstrip()))


def paragraphs(text: str, start: int, end: int) -> Iterator[Block]:
    """The blocks between blank lines of a text as it was typed; a very long one in pieces, at line ends."""
    first = last = None
    for line in _LINE.finditer(text, start, end):
        if line[0].isspace():
            continue
        if first is not None and last is not None and _is_apart(text, last, line.start()):
            yield from _pieces(text, first, last)
            first = None
        first, last = (line.start() if first is None else first), line.end()
    if first is not None and last is not None:
        yield from _pieces(text, first, last)


def _is_apart(text: str, end: int, start: int) -> bool:
    """Whether there is a blank line between two lines."""
    return len(_LINE_END.findall(text, end, start)) > 1


def goes_on(text: str, block: Block, following: Block) -> bool:
    """Whether a block is the next piece of the same paragraph."""
    return not _is_apart(text, block.end, following.start)


def _pieces(text: str, start: int, end: int) -> Iterator[Block]:
    """A paragraph cut after line ends, or else after spaces, so that no piece is too long."""
    while end - start > LONGEST_PIECE_CHARS:
        cap, half = start + LONGEST_PIECE_CHARS, start + LONGEST_PIECE_CHARS // 2
        cuts = (text.rfind(mark, half, cap) + 1 for mark in ("\n", " "))
        cut = next((cut for cut in cuts if cut), cap)
        yield Block(place(start), start, cut)
        start = cut
    yield Block(place(start), start, end)
