"""The article of a web page as Markdown: without what stands around it, and with its structure."""

import re
from itertools import dropwhile

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from webapp.importing.extracted import Extracted, ImportFailure
from webapp.importing.locating import locate, strip_unseen
from webapp.importing.markup import absolute, markdown
from webapp.importing.page_facts import facts
from webapp.importing.texts import decoded

MOST_BYTES = 10 * 1024 * 1024
MOST_ELEMENTS = 200_000
LEAST_LETTERS = 60  # fewer are a label; a letter of Chinese says as much as three of English
SHELL_LETTERS = 500  # up to here a text that speaks of JavaScript asks for it
DECLARED_WITHIN_BYTES = 4_096

# What browsers read where the smaller set is named (Encoding standard), and so what pages are written in.
LARGER_SETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
}

OF_THE_HEAD = {"title", "meta", "link", "base", "style", "script", "noscript", "template"}

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})", re.IGNORECASE)
_WIDE_LETTERS = re.compile("[\u0e00-\u0e7f\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LINK_END = re.compile(r"\]\([^()\s]*\)")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def article(html: bytes | str, *, address: str | None, charset: str | None) -> Extracted:
    """The article of a page. `charset` is what came with it, from HTTP say. Raises ImportFailure.

    Relative links lead nowhere without the `address`, and become plain text.
    """
    if len(html) > MOST_BYTES:
        raise ImportFailure("too_large", f"{len(html)} bytes of HTML")
    html = html if isinstance(html, str) else _decoded(html, charset)
    page = _parsed(html)
    said, base = facts(page), _base(page, address)
    text = markdown(locate(_body(page)), base)
    if not _says_something(text):
        text = markdown(_body(_parsed(html)), base)  # rather too much than nothing
    if not _says_something(text):
        raise ImportFailure("no_text", f"{len(text)} characters of text")
    return Extracted(text=text, format="markdown", kind="html", **said._asdict())


def _decoded(html: bytes, charset: str | None) -> str:
    own = _CHARSET.search(html[:DECLARED_WITHIN_BYTES])
    name = (charset or (own[1].decode("ascii") if own else "")).lower()
    return decoded(html, LARGER_SETS.get(name, name) or None)


def _parsed(html: str) -> HtmlElement:
    """The tree of a page. Raises ImportFailure, also for what is nested deeper than the parser goes."""
    html = _NOT_IN_XML.sub("", html)
    if not html.strip():
        raise ImportFailure("empty", "nothing but white space")
    parser = HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        page = document_fromstring(html.encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise ImportFailure("no_text", str(error)) from error
    if any("depth" in entry.message for entry in parser.error_log):
        raise ImportFailure("too_complex", "nested too deeply: what follows would be lost")
    if sum(1 for _ in page.iter()) > MOST_ELEMENTS:
        raise ImportFailure("too_complex", f"more than {MOST_ELEMENTS} elements")
    return page


def _base(page: HtmlElement, address: str | None) -> str | None:
    """What the links of a page are relative to."""
    base = page.find(".//base[@href]")
    return address if base is None else absolute(base.get("href"), address) or address


def _body(page: HtmlElement) -> HtmlElement:
    """What a browser shows of the page. Raises ImportFailure if it has no body, as a page of frames has none."""
    _begin_body(page)
    body = page.find("body")
    if body is None:
        raise ImportFailure("no_text", "the page has no body")
    strip_unseen(body)
    return body


def _begin_body(page: HtmlElement) -> None:
    """Begin the body where browsers do. The parser is older than <article>, and leaves it in the head."""
    head, body = page.find("head"), page.find("body")
    strayed = list(dropwhile(lambda child: child.tag in OF_THE_HEAD, () if head is None else head))
    if not strayed:
        return
    if body is None:
        body = etree.SubElement(page, "body")
    body.text, text = None, body.text
    for place, child in enumerate(strayed):
        body.insert(place, child)
    strayed[-1].tail = f"{strayed[-1].tail or ''}{text or ''}" or None


def _says_something(text: str) -> bool:
    words = _LINK_END.sub("]", text)
    letters = sum(map(str.isalpha, words)) + 2 * len(_WIDE_LETTERS.findall(words))
    is_shell = letters < SHELL_LETTERS and "javascript" in text.lower()
    return letters >= LEAST_LETTERS and not is_shell
