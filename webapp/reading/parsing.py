"""Markdown into tokens: the blocks of a text first, and the marks within a line only of what is shown.

Both parsers know no HTML. A text that is too tangled to be parsed in bounded time, or that would lose words
because it nests too deep, is told apart.
"""

from collections.abc import MutableMapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from webapp.reading.places import LONGEST_PIECE_CHARS

DEEPEST_BLOCK = 40  # a parser leaves out what is nested deeper
DEEPEST_MARK = 4  # an image in a link; each further level makes a line of brackets slower
MOST_PARTS_OF_BLOCKS = 60_000  # lines and table cells: as many lines of print are 4 MB

Environment = MutableMapping[str, Any]

_BLOCKS = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST_BLOCK})
    .enable("table")
    .disable(["inline", "text_join"])
)
OPTIONS = _BLOCKS.options
_MARKS = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST_MARK}).enable("strikethrough")


class TooTangled(Exception):
    """This Markdown is better shown as it was typed."""


def blocks(source: str, environment: Environment) -> list[Token]:
    """The tokens of the blocks of `source`; what its lines refer to is left in the environment.

    Raises TooTangled.
    """
    if source.count("\n") + source.count("|") > MOST_PARTS_OF_BLOCKS:
        raise TooTangled
    tokens = _BLOCKS.parse(source, environment)
    if any(token.nesting == 1 and token.level >= DEEPEST_BLOCK - 1 for token in tokens):
        raise TooTangled
    for before, token, after in zip(tokens, tokens[1:], tokens[3:], strict=False):
        if token.type == "paragraph_open" and before.type != "list_item_open":
            token.hidden = after.hidden = False  # only the first words of a list item are led to by the item
    return tokens


def marks(content: str, environment: Environment) -> list[Token]:
    """The tokens within the lines of one block. Of a very long one it is one token, its words."""
    if len(content) > LONGEST_PIECE_CHARS:
        return [words(content)]
    return _MARKS.parseInline(content, environment)[0].children or []


def words(content: str) -> Token:
    """A token that is nothing but its text."""
    return Token("text", "", 0, content=content)
