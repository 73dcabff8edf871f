"""What a page says of itself: title, author, date and language, as the article's own data say them first."""

import json
import re
from collections.abc import Iterator
from typing import Any

from lxml.html import HtmlElement

from webapp.importing.properties import Properties, date_of, language_of, line_of, properties

MOST_SCRIPTS = 20
LONGEST_SCRIPT_CHARS = 500_000
MOST_NODES = 5_000
ARTICLE_TYPES = re.compile(r"(?:\w*Article|\w*Posting|Report|WebPage|Book|Chapter|\w*Document|HowTo|Recipe)$")

TITLES = ("og:title", "citation_title", "twitter:title", "dc.title", "dcterms.title", "headline")
AUTHORS = (
    "author",
    "citation_author",
    "article:author",
    "dc.creator",
    "dcterms.creator",
    "parsely-author",
    "byl",
)
DATES = (
    "article:published_time", "datepublished", "citation_publication_date", "citation_date", "dc.date.issued",
    "dcterms.created", "dc.date", "parsely-pub-date", "publishdate", "pubdate", "date",
)  # fmt: skip
LANGUAGES = ("content-language", "dc.language", "dcterms.language", "og:locale")

_SEPARATOR = re.compile(r"\s+[|·•»«–—-]+\s+|\s*::\s+")


def facts(page: HtmlElement) -> Properties:
    """The first of its kind that is there, from JSON-LD, from meta elements, from what the reader sees."""
    linked, named = _linked_data(page), _named(page)
    shown_title, site = _title_shown(page), named.get("og:site_name")
    title = _text_of(linked.get("headline")) or _first(named, TITLES) or shown_title
    return properties(
        title=_without_site(title, site, _heading(page)),
        author=_people(linked.get("author")) or _author(named, page),
        date=next(filter(None, map(date_of, _dates(linked, named, page))), None),
        language=next(filter(None, map(language_of, _languages(linked, named, page))), None),
    )


def _linked_data(page: HtmlElement) -> dict[str, Any]:
    """The node of JSON-LD that describes the article, {} if there is none."""
    scripts = page.xpath("//script[@type='application/ld+json']")[:MOST_SCRIPTS]
    nodes = [node for script in scripts for node in _nodes(script.text or "")]
    return next((node for node in nodes if "headline" in node), nodes[0] if nodes else {})


def _nodes(script: str) -> Iterator[dict[str, Any]]:
    if len(script) > LONGEST_SCRIPT_CHARS:
        return
    try:
        waiting = [json.loads(script, strict=False)]
    except (ValueError, RecursionError):
        return
    for _ in range(MOST_NODES):
        if not waiting:
            return
        node = waiting.pop(0)
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += [node[key] for key in ("@graph", "mainEntity", "mainEntityOfPage") if key in node]
            if any(ARTICLE_TYPES.match(kind) for kind in _strings(node.get("@type"))):
                yield node


def _strings(value: object) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [item for item in found if isinstance(item, str)]


def _text_of(value: object) -> str | None:
    return next(iter(_strings(value)), "").strip() or None


def _people(value: object) -> str | None:
    people = value if isinstance(value, list) else [value]
    names = [_text_of(person.get("name") if isinstance(person, dict) else person) for person in people[:20]]
    return ", ".join(dict.fromkeys(name for name in names if name and not _is_address(name))) or None


def _is_address(name: str) -> bool:
    return name.startswith(("http:", "https:", "/", "@"))


def _named(page: HtmlElement) -> dict[str, str]:
    """The meta elements by name in lower case, the first of each."""
    named: dict[str, str] = {}
    for meta in page.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv")
        if name and (content := meta.get("content", "").strip()):
            named.setdefault(name.strip().lower(), content)
    return named


def _first(named: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((named[name] for name in names if name in named), None)


def _title_shown(page: HtmlElement) -> str | None:
    element = page.find(".//head/title")
    return (line_of(element.text_content()) if element is not None else None) or _heading(page)


def _heading(page: HtmlElement) -> str | None:
    """The page's one main heading: of several, nobody knows which."""
    headings = [line_of(heading.text_content().replace("¶", "")) for heading in page.iter("h1")]
    return headings[0] if len(headings) == 1 else None


def _without_site(title: str | None, site: str | None, heading: str | None) -> str | None:
    """A title without the name of the site that many add to it: what is also the heading, or is not the site's."""
    parts = _SEPARATOR.split(title or "")
    if len(parts) < 2 or title is None:
        return title
    if heading and any(part.casefold() == heading.casefold() for part in parts):
        return heading
    if site and parts[-1].casefold() == site.casefold():
        return title[: title.rindex(parts[-1])].rstrip(" |·•»«–—-:")
    return title


def _author(named: dict[str, str], page: HtmlElement) -> str | None:
    found = next((named[name] for name in AUTHORS if name in named and not _is_address(named[name])), None)
    if found is None:
        shown = page.xpath(
            "(//*[@itemprop='author']//*[@itemprop='name'] | //*[@itemprop='author'] | //a[@rel='author'])[1]"
        )
        found = shown[0].text_content() if shown else None
    return re.sub(r"^\s*by\s+", "", found, flags=re.IGNORECASE) if found else None


def _dates(linked: dict[str, Any], named: dict[str, str], page: HtmlElement) -> Iterator[str | None]:
    yield _text_of(linked.get("datePublished"))
    yield from (named.get(name, "").replace("/", "-") for name in DATES)
    for element in page.xpath(
        "(//*[@itemprop='datePublished'] | //time[@pubdate or @datetime])[position() <= 3]"
    ):
        yield element.get("datetime") or element.get("content")


def _languages(linked: dict[str, Any], named: dict[str, str], page: HtmlElement) -> Iterator[str | None]:
    yield page.get("lang") or page.get("{http://www.w3.org/XML/1998/namespace}lang") or page.get("xml:lang")
    yield _text_of(linked.get("inLanguage"))
    yield from (named.get(name, "").partition(",")[0] for name in LANGUAGES)
