"""HTML as a file: its article, else all of its body."""

import re
from html import unescape

from webapp.importing import pandoc
from webapp.importing.extracted import Extracted, ImportFailure
from webapp.importing.limits import Limits, Page
from webapp.importing.properties import language_of, properties
from webapp.importing.texts import decoded

DECLARED_WITHIN_BYTES = 4_096  # where browsers look for it, and some more

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_LANGUAGE = re.compile(r"<html[^>]{0,500}\slang=[\"']?([\w-]{1,40})", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,1000})</title", re.IGNORECASE)


def webpage(data: bytes, limits: Limits) -> Extracted:
    """The page's main content as Markdown. Raises ImportFailure."""
    declared = _CHARSET.search(data[:DECLARED_WITHIN_BYTES])
    html = decoded(data, declared[1].decode("ascii") if declared else None)
    try:
        from webapp.importing.article import article

        return article(html, address=None, charset=None)
    except (ImportError, ImportFailure):
        return whole_page(html, limits)


def linked(data: bytes, page: Page) -> Extracted:
    """The article of a page that a link led to. Raises ImportFailure: "no_text" where scripts would make the page."""
    from webapp.importing.article import article

    return article(data, address=page.address, charset=page.charset)


def whole_page(html: str, limits: Limits) -> Extracted:
    """All of the body as Markdown. Raises ImportFailure."""
    head = html[:20_000]
    title, language = _TITLE.search(head), _LANGUAGE.search(head)
    said = properties(title=unescape(title[1]) if title else None)
    return Extracted(
        text=pandoc.markdown(html.encode(), "html", limits),
        format="markdown",
        kind="html",
        title=said.title,
        language=language_of(language[1]) if language else None,
    )
