"""A summary as HTML that cannot do anything: a model's answer is as much to be trusted as the document it
read.

Markdown goes through two nets. The parser is told to know no HTML, and its tokens lose each link, image and
attribute; then a sanitizer keeps a short list of elements and no attribute at all. Either alone would do.
"""

import html
import re
from collections.abc import Iterator

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from webapp.summarizing.sanitizing import visible

ELEMENTS = {"p", "br", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote", "h3", "h4"} | {
    "table", "thead", "tbody", "tr", "th", "td"
}  # fmt: skip
LONGEST_MARKDOWN_CHARS = 50_000  # no summary is longer: what is, is shown as it came, quickly
MOST_OPEN_MARKS = 8

# HTML stays text by html=False. Underlined headings and references need lines that are not there yet: a text
# that is still being written would jump about.
_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable(["table", "strikethrough"])
    .disable(["lheading", "reference"])
)

_PARAGRAPH_BREAK = re.compile(r"\n[ \t]*\n")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_LAST_ITEM = re.compile(r"\n(?=[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t])")
_HALF_MARK = re.compile(
    r"(?:(?:(?<=[\s(])|\A)(?:[*_]{1,3}|`{1,2}|!?\[)|^[ \t]*(?:#{1,6}|[-+]|\d{1,9}[.)]))\Z", re.MULTILINE
)
_HALF_LINK = re.compile(r"\]\([^()\s]*+$")
_HALF_CLOSE = re.compile(r"(?<=[^\s*_~`])(?:\*{1,2}|_|~|`{1,2}|\\)\Z")
_RUN = re.compile(r"\\.|`+|\*+|_+|~~", re.DOTALL)


def summary_html(text: str, format: str) -> str:
    """Safe HTML of a summary in format "sentences" (one a line) or "markdown", also of one half written.

    Nothing in it loads, links, runs or is hidden. Raises ValueError for another format.
    """
    if format == "sentences":
        return _list(visible(text))
    if format == "markdown":
        return _prose(visible(text))
    raise ValueError(f"no summary has the format {format!r}")


def _list(text: str) -> str:
    items = (html.escape(line.strip()) for line in text.split("\n") if line.strip())
    return '<ul class="prose-list">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _prose(text: str) -> str:
    if len(text) > LONGEST_MARKDOWN_CHARS:
        return "".join(f"<p>{html.escape(part)}</p>" for part in _PARAGRAPH_BREAK.split(text) if part.strip())
    tokens = list(_harmless(_MARKDOWN.parse(_completed(text))))
    markup = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return nh3.clean(markup, tags=ELEMENTS, attributes={"*": set()}, link_rel=None)


def _harmless(tokens: list[Token]) -> Iterator[Token]:
    """The tokens without attributes; links and images become text, headings fit below the page's own."""
    for token in tokens:
        token.attrs, token.info = {}, ""
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h3" if token.tag in ("h1", "h2") else "h4"
        if token.children is not None:
            token.children = list(_spelled_out(token.children))
        if token.type != "hr":
            yield token


def _spelled_out(tokens: list[Token]) -> Iterator[Token]:
    """A line's tokens, addresses being words: where a link would lead is told, unless the link says it."""
    address, said = "", ""
    for token in tokens:
        if token.type == "link_open":
            address, said = str(token.attrs["href"]), ""
        elif token.type == "link_close":
            yield from _address(address, said)
        elif token.type == "image":
            yield _words(token.content)
            yield from _address(str(token.attrs["src"]), token.content)
            said += token.content
        else:
            said += token.content
            yield token


def _address(address: str, said: str) -> Iterator[Token]:
    if address and said.strip() not in (address, address.removeprefix("mailto:")):
        yield _words(f" ({address})" if said else address)


def _words(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _completed(text: str) -> str:
    """The text with what its last line opened closed, so that words keep their look as more arrive."""
    if len(_FENCE.findall(text)) % 2:
        return (
            text.rstrip("`\n") + "\n"
        )  # the parser closes a block of code by itself, but not at half a fence
    start = max(
        (gap.end() for pattern in (_PARAGRAPH_BREAK, _LAST_ITEM) for gap in pattern.finditer(text)), default=0
    )
    before, last = text[:start], text[start:].rstrip()
    last = _HALF_MARK.sub("", last).rstrip()
    if _HALF_LINK.search(last):
        last += ")"
    return before + _closed(last)


def _closed(line: str) -> str:
    marks = _open_marks(line)
    half = _HALF_CLOSE.search(line)
    if marks and half and (marks[-1].startswith(half[0]) or half[0] == "\\"):
        line = line[: half.start()].rstrip()
    return line + "".join(reversed(marks))


def _open_marks(line: str) -> list[str]:
    """The marks of emphasis and code that `line` opens and does not close, outermost first."""
    marks: list[str] = []
    for run in _RUN.finditer(line):
        mark, before, after = run[0], line[run.start() - 1 : run.start()], line[run.end() : run.end() + 1]
        if marks and marks[-1][0] == "`":
            marks = marks[:-1] if mark == marks[-1] else marks
        elif mark in marks and not before.isspace():
            del marks[marks.index(mark) :]
        elif _opens(mark, before, after) and len(marks) < MOST_OPEN_MARKS:
            marks.append(mark)
    return marks


def _opens(mark: str, before: str, after: str) -> bool:
    if mark[0] == "`":
        return bool(after)
    return mark[0] != "\\" and len(mark) <= 3 and bool(after.strip()) and not before.isalnum()
