"""Elements of a page as Markdown: CommonMark with the tables of GFM, no HTML, no images."""

import re
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from webapp.importing.marks import (
    INVISIBLE,
    SPACE,
    SPACE_BUT_BREAKS,
    cell_line,
    emphasised,
    escaped,
    indented,
    inline_code,
    marked,
    paragraphs,
    quoted,
)
from webapp.importing.tables import rows_of

BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "li", "main",
    "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "caption",
}  # fmt: skip
MARKS = {"b": "**", "strong": "**", "em": "*", "i": "*", "cite": "*", "dfn": "*", "del": "~~", "s": "~~"}
CODE = {"code", "kbd", "samp", "tt"}
PERMALINKS = {"", "¶", "#", "§", "🔗", "link", "permalink", "anchor"}
LONGEST_LINK_CHARS = 2_000
MOST_INDENTS = (
    10  # lists and quotations that are nested deeper stay at this depth: each costs room on every line
)
LEAST_ALT_WORDS = 2

_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|brush|sourceCode)[-:\s]+([\w+#.-]{1,20})(?:\s|$)")
_FENCES = re.compile(r"^\s*(`{3,})", re.MULTILINE)
NO_LANGUAGES = {"default", "none", "text", "plain", "plaintext", "notranslate", "source"}
_FILE_NAME = re.compile(r"\S+\.\w{3,4}$")


def markdown(element: HtmlElement, address: str | None) -> str:
    """What the element says, with links that are absolute from `address`, or gone where that is None."""
    blocks = _Writer(element, address).blocks(element, 0)
    while blocks and blocks[-1].startswith("#"):
        blocks.pop()  # a heading of what was left out
    return "\n\n".join(blocks)


def absolute(link: str, address: str | None) -> str | None:
    """Where a link leads, if it is to another page on the web."""
    try:
        whole = urljoin(address or "", link.strip())
        parts = urlsplit(whole)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or len(whole) > LONGEST_LINK_CHARS:
        return None
    return whole


class _Writer:
    def __init__(self, root: HtmlElement, address: str | None) -> None:
        self._address = address
        self._with_blocks = _ancestors_of_blocks(root)

    def blocks(self, element: HtmlElement, indents: int) -> list[str]:
        """The paragraphs, lists, tables… of an element, each as Markdown."""
        found: list[str] = []
        line: list[str] = [escaped(element.text)]
        for child in element:
            if child.tag in BLOCKS or child in self._with_blocks:
                found += paragraphs(line)
                found += self._block(child, indents)
                line = [escaped(child.tail)]
            else:
                line += [self._inline(child), escaped(child.tail)]
        return found + paragraphs(line)

    def _block(self, element: HtmlElement, indents: int) -> list[str]:
        tag = element.tag
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            return self._heading(element)
        if tag == "pre":
            return _code(element)
        if tag in ("ul", "ol") and len(element):
            return self._list(element, indents)
        if tag == "blockquote":
            return self._quotation(element, indents)
        if tag == "table":
            return self._table(element, indents)
        if tag in ("dt", "summary") and element not in self._with_blocks:
            return emphasised(escaped(_said(element)))
        return ["---"] if tag == "hr" else self.blocks(element, indents)

    def _heading(self, element: HtmlElement) -> list[str]:
        line = self._line(element).replace("\n", " ").strip()
        return [f"{'#' * int(element.tag[1])} {line}"] if line else []

    def _list(self, element: HtmlElement, indents: int) -> list[str]:
        number = _start(element)
        items: list[str] = []
        is_loose = False
        for child in element:
            parts = (
                self._block(child, indents + 1)
                if child.tag in ("ul", "ol")
                else self.blocks(child, indents + 1)
            )
            if not parts:
                continue
            marker = f"{number}. " if element.tag == "ol" else "- "
            is_loose = is_loose or any(not _is_list(part) for part in parts[1:])
            tight = "\n".join(parts) if all(map(_is_list, parts[1:])) else "\n\n".join(parts)
            items.append(marker + indented(tight, " " * len(marker) if indents < MOST_INDENTS else ""))
            number += 1
        return [("\n\n" if is_loose else "\n").join(items)] if items else []

    def _quotation(self, element: HtmlElement, indents: int) -> list[str]:
        text = "\n\n".join(self.blocks(element, indents + 1))
        if not text or indents >= MOST_INDENTS:
            return [text] if text else []
        return ["\n".join(f"> {line}".rstrip() for line in text.split("\n"))]

    def _table(self, element: HtmlElement, indents: int) -> list[str]:
        rows = rows_of(element)
        if rows is None:
            return self.blocks(element, indents)
        captions = [
            part for caption in element.iterchildren("caption") for part in self.blocks(caption, indents)
        ]
        cells = [["" if cell is None else cell_line(self._line(cell)) for cell in row] for row in rows]
        head, *body = (f"| {' | '.join(row)} |" for row in cells)
        return [*captions, "\n".join([head, "|" + " --- |" * len(cells[0]), *body])]

    def _line(self, element: HtmlElement) -> str:
        """Everything in an element as one line; of blocks the words only."""
        if element in self._with_blocks:
            return " ".join(part.replace("\n", " ") for part in self.blocks(element, MOST_INDENTS))
        return SPACE_BUT_BREAKS.sub(" ", self._run(element)).strip(" ")

    def _run(self, element: HtmlElement) -> str:
        parts = [escaped(element.text)]
        for child in element:
            parts += [self._inline(child), escaped(child.tail)]
        return "".join(parts)

    def _inline(self, element: HtmlElement) -> str:
        tag = element.tag
        if tag == "br":
            return "\n"
        if tag == "img":
            return _alt(element.get("alt", ""))
        if tag in CODE:
            return inline_code(_said(element))
        line = self._run(element)
        if tag == "a":
            return self._link(element, line)
        if tag == "q":
            return f"“{line}”"
        return marked(line, MARKS[tag]) if tag in MARKS else line

    def _link(self, element: HtmlElement, line: str) -> str:
        href = element.get("href", "")
        if href.startswith("#"):
            return "" if line.strip("\\ ").lower() in PERMALINKS else line
        whole = absolute(href, self._address) if href else None
        words = line.strip()
        if whole is None or not words or "](" in words:
            return line
        before, after = line[: len(line) - len(line.lstrip())], line[len(line.rstrip()) :]
        return f"{before}[{words}]({quoted(whole)}){after}"


def _ancestors_of_blocks(root: HtmlElement) -> set[HtmlElement]:
    found: set[HtmlElement] = set()
    for block in root.iter(*BLOCKS):
        above = block.getparent()
        while above is not None and above not in found:
            found.add(above)
            above = above.getparent()
    return found


def _said(element: HtmlElement) -> str:
    return INVISIBLE.sub("", "".join(element.itertext()))


def _code(element: HtmlElement) -> list[str]:
    for line_break in element.iter("br"):
        line_break.text = "\n"
    text = _said(element).replace("\r\n", "\n").expandtabs(4).strip("\n").rstrip()
    if not text.strip():
        return []
    fence = "`" * max(3, max(map(len, _FENCES.findall(text)), default=0) + 1)
    return [f"{fence}{_language(element)}\n{text}\n{fence}"]


def _language(element: HtmlElement) -> str:
    """The language of a program, which highlighters name in the class of the block, its content or what holds it."""
    near = [element, *element.iterchildren("code"), *list(element.iterancestors("div"))[:2]]
    for candidate in near:
        found = _LANGUAGE.search(candidate.get("class", ""))
        if found and found[1].lower() not in NO_LANGUAGES:
            return found[1].lower().removeprefix("source-")
    return ""


def _alt(alt: str) -> str:
    words = SPACE.sub(" ", alt).strip()
    is_telling = len(words.split()) >= LEAST_ALT_WORDS or (len(words) > 3 and not words.isascii())
    return escaped(f" [{words}] ") if is_telling and not _FILE_NAME.search(words) else ""


def _start(element: HtmlElement) -> int:
    start = element.get("start", "1")
    return int(start) if re.fullmatch(r"\d{1,8}", start) else 1


def _is_list(part: str) -> bool:
    return bool(re.match(r"- |\d+\. ", part))
