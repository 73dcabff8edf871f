"""A document's text as HTML to read: harmless, with an anchor on whatever one may want to be led to.

Markdown goes through two nets, as summaries do: a parser that knows no HTML, whose tokens get their attributes
from here; then a sanitizer with a short list of elements and attributes. A text as it was typed is escaped.

A long text is shown part by part: its plan tells once where the parts, the blocks and the headings are, and
each part is then rendered from its own slice alone.
"""

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import nh3
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from webapp.reading import parsing
from webapp.reading.links import harmless
from webapp.reading.outline import Heading
from webapp.reading.places import Block, Lines, goes_on, within
from webapp.reading.planning import Part, Plan, carrier, plan
from webapp.summarizing.sanitizing import visible

ELEMENTS = {"p", "br", "hr", "ul", "ol", "li", "strong", "em", "s", "a", "code", "pre", "blockquote"} | {
    "div", "table", "thead", "tbody", "tr", "th", "td", "h2", "h3", "h4", "h5", "h6"
}  # fmt: skip
_IDENTIFIED = {"p", "li", "tr", "pre", "h2", "h3", "h4", "h5", "h6"}
_DIRECTED = {"p", "ul", "ol", "pre", "blockquote", "table", "h2", "h3", "h4", "h5", "h6"}
_COLUMN = {"class": {"prose__centre", "prose__end"}}
_ANCHOR = re.compile(r"p-\d+|s-[^\s\"'<>&=]+")
SANITIZER = nh3.Cleaner(
    tags=ELEMENTS,
    attributes={
        "a": {"href", "data-host"},
        "ol": {"start"},
        **{tag: {"id"} for tag in _IDENTIFIED},
    },
    tag_attribute_values={
        **{tag: {"dir": {"auto", "ltr"}} for tag in _DIRECTED},
        "pre": {"dir": {"ltr"}, "tabindex": {"0"}},
        "div": {"class": {"prose__wide"}, "tabindex": {"0"}, "role": {"group"}, "aria-label": {"Table"}},
        "th": _COLUMN,
        "td": _COLUMN,
    },
    attribute_filter=lambda _, name, value: value if name != "id" or _ANCHOR.fullmatch(value) else None,
    url_schemes={"http", "https"},
    link_rel="noopener noreferrer nofollow",
)
ADDRESS_CHARS = 100_000  # of the addresses in a part, beside as many as the part is long

_SHIFTED = {"h1": "h2", "h2": "h3", "h3": "h4", "h4": "h5", "h5": "h6"}  # the page has its own h1
_ALIGNED = {"text-align:center": "prose__centre", "text-align:right": "prose__end"}


class Rendered(NamedTuple):
    """A text as safe HTML, with its headings and its blocks in the order of the text."""

    html: str
    outline: tuple[Heading, ...]
    blocks: tuple[Block, ...]


def page(text: str, format: str) -> Rendered:
    """The whole of a text in format "markdown" or "plain". Raises ValueError for another format."""
    planned = plan(text, format)
    return Rendered(
        "".join(part(text, planned, number) for number in range(len(planned.parts))),
        planned.outline,
        planned.blocks,
    )


def part(text: str, planned: Plan, number: int) -> str:
    """The HTML of one part of a text, counted from 0. Raises IndexError where there is no such part."""
    place = planned.parts[number]
    blocks = within(planned.blocks, place.start, place.end)
    if planned.format == "plain":
        return "".join(_typed(text, blocks))
    return SANITIZER.clean(_marked_up(text, planned, place, blocks))


def _typed(text: str, blocks: Sequence[Block]) -> Iterator[str]:
    """Paragraphs with the line ends that they were typed with."""
    for number, block in enumerate(blocks):
        kind = "prose__typed"
        if number and goes_on(text, blocks[number - 1], block):
            kind += " prose__more"
        words = html.escape(visible(text[block.start : block.end]).strip("\n"), quote=False)
        yield f'<p class="{kind}" id="{block.anchor}" dir="auto">{words}</p>\n'


def _marked_up(text: str, planned: Plan, place: Part, blocks: Sequence[Block]) -> str:
    head, body = text[place.head_start : place.head_end], text[place.start : place.end]
    environment = {"references": dict(planned.references), "address_chars": ADDRESS_CHARS + len(body)}
    tokens = parsing.blocks(visible(head + body), environment)
    lines, shift = Lines(head + body), place.start - len(head)
    anchors = {block.start - shift: block.anchor for block in blocks}
    for at, token in enumerate(tokens):
        _dress(token)
        shown = carrier(tokens, at)
        anchor = anchors.get(lines.start(token.map[0])) if shown and token.map else None
        if shown and anchor:
            shown.attrs["id"] = anchor
        if token.type == "inline":
            token.children = list(harmless(parsing.marks(token.content, environment), environment))
    return str(_RENDERER.render(tokens, parsing.OPTIONS, environment))


def _dress(token: Token) -> None:
    """Give a token the attributes of its element, and none of its own but where a list begins to count.

    The direction is told of what holds nothing else, or an outer element could not go by the words in it.
    """
    if token.tag in _SHIFTED:
        token.tag = _SHIFTED[token.tag]
    style, start = token.attrs.get("style"), token.attrs.get("start")
    token.attrs = {"start": start} if start is not None else {}
    if style in _ALIGNED:
        token.attrs["class"] = _ALIGNED[str(style)]
    if token.level == 0 and token.tag in _DIRECTED:
        token.attrs["dir"] = "auto"


class _Renderer(RendererHTML):
    """Tables and code scroll inside themselves, also by keyboard."""

    def table_open(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: Any) -> str:
        box = '<div class="prose__wide" tabindex="0" role="group" aria-label="Table">'
        return box + self.renderToken(tokens, at, options, env)

    def table_close(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: Any) -> str:
        return self.renderToken(tokens, at, options, env) + "</div>\n"

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        token.attrs = {**token.attrs, "dir": "ltr", "tabindex": "0"}
        words = html.escape(token.content, quote=False)
        return f"<pre{self.renderAttrs(token)}><code>{words}</code></pre>\n"

    fence = code_block


_RENDERER = _Renderer()
