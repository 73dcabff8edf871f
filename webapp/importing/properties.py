"""Title, author, date and language, from wherever a file says them."""

import re
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple
from xml.parsers import expat
from zipfile import ZipFile

from webapp.importing.containers import read
from webapp.importing.extracted import ImportFailure
from webapp.summarizing.sanitizing import visible

LONGEST_CHARS = 300
LONGEST_XML_BYTES = 2_000_000
HEADING_WITHIN_CHARS = 2_000

_DATE = re.compile(r"(?:D:)?(\d{4})-?(\d\d)-?(\d\d)(?!\d{7})")
_LANGUAGE = re.compile(r"(?!(?:und|zxx|none)\b)[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,4}", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,2} +(\S.*?)(?: +#+)?$", re.MULTILINE)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_EMPHASIS = re.compile(r"(\*\*|\*|`)(\S(?:.*?\S)?)\1")
# What programs write where nobody wrote a title.
_NO_TITLE = re.compile(
    r"untitled.*|(?:document|presentation|dokument|präsentation)\s?\d*|powerpoint[ -]pr\w+|microsoft word - .*"
    r"|title|.*\.(?:docx?|odt|rtf|pptx?|pdf|indd|tex|dvi|txt|html?|qxp|fm)",
    re.IGNORECASE,
)
_WANTED = {
    "title", "creator", "initial-creator", "date", "created", "creation-date", "language", "lang", "country",
}  # fmt: skip


class Properties(NamedTuple):
    """What a file says of itself, as Extracted has it."""

    title: str | None = None
    author: str | None = None
    date: str | None = None
    language: str | None = None


def properties(
    *, title: str | None = "", author: str | None = "", date: str | None = "", language: str | None = ""
) -> Properties:
    """Properties of what was found, without what says nothing."""
    title = line_of(title)
    return Properties(
        None if title is None or _NO_TITLE.fullmatch(title) else title,
        line_of(author),
        date_of(date),
        language_of(language),
    )


def line_of(words: str | None) -> str | None:
    """One line of bounded length without hidden characters, or None."""
    line = " ".join(visible((words or "")[: 10 * LONGEST_CHARS]).split())
    return line[:LONGEST_CHARS].rstrip() or None


def date_of(words: str | None) -> str | None:
    """The ISO 8601 date that an ISO timestamp or a date of a PDF begins with, if there is such a day."""
    found = _DATE.match((words or "").strip())
    try:
        return date(*map(int, found.groups())).isoformat() if found else None
    except ValueError:
        return None


def language_of(words: str | None) -> str | None:
    """The BCP 47 tag, if it looks like one."""
    tag = (words or "").strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def first_heading(text: str) -> str | None:
    """The words of a heading of the first two levels, near the start of a Markdown text."""
    found = _HEADING.search(text, 0, HEADING_WITHIN_CHARS)
    return line_of(_ESCAPED.sub(r"\1", _EMPHASIS.sub(r"\2", found[1]))) if found else None


def of_archive(archive: ZipFile, kind: str) -> Properties:
    """The properties of an office file or a book, none where they cannot be read."""
    names = {"docx": "docProps/core.xml", "pptx": "docProps/core.xml", "odt": "meta.xml"}
    name = _package_of(archive) if kind == "epub" else names[kind]
    said = _facts(archive, name) if name else {}
    return properties(
        title=said.get("title"),
        author=said.get("initial-creator") or said.get("creator"),
        date=said.get("created") or said.get("creation-date") or said.get("date"),
        language=said.get("language") or _language_of_styles(archive, kind),
    )


def _package_of(archive: ZipFile) -> str | None:
    """The path of a book's package document."""
    return next(
        (
            attributes["full-path"]
            for name, attributes, _ in _elements(archive, "META-INF/container.xml")
            if name == "rootfile" and "full-path" in attributes
        ),
        None,
    )


def _facts(archive: ZipFile, name: str) -> dict[str, str]:
    facts: dict[str, str] = {}
    for element, _, words in _elements(archive, name):
        if element in _WANTED and words.strip():
            facts.setdefault(element, words)
    return facts


def _language_of_styles(archive: ZipFile, kind: str) -> str | None:
    """The language of the first style that has one: the default style comes first."""
    part, element = {"docx": ("word/styles.xml", "lang"), "odt": ("styles.xml", "text-properties")}.get(
        kind, ("", "")
    )
    for name, attributes, _ in _elements(archive, part) if part else ():
        language, country = (
            attributes.get("language", attributes.get("val", "")),
            attributes.get("country", ""),
        )
        if name == element and language:
            return f"{language}-{country}" if country.isalpha() and country != "none" else language
    return None


def _elements(archive: ZipFile, part: str) -> list[tuple[str, Mapping[str, str], str]]:
    """The elements of a part in the order of their ends: local name, attributes by local name, own words."""
    try:
        return _Elements().parsed(read(archive, part, LONGEST_XML_BYTES))
    except (ImportFailure, expat.ExpatError, LookupError, ValueError):
        return []


class _Elements:
    """Collects what an XML part holds. A document type ends it, as an entity could grow without bounds."""

    def __init__(self) -> None:
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self._found: list[tuple[str, Mapping[str, str], str]] = []

    def parsed(self, xml: bytes) -> list[tuple[str, Mapping[str, str], str]]:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._add
        parser.EndElementHandler = self._end
        parser.Parse(xml, True)
        return self._found

    def _refuse(self, *_: object) -> None:
        raise ValueError("a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        self._open.append((name.rpartition(":")[2], local, []))

    def _add(self, words: str) -> None:
        if self._open:
            self._open[-1][2].append(words)

    def _end(self, _: str) -> None:
        name, attributes, words = self._open.pop()
        self._found.append((name, attributes, "".join(words)))
