"""A document as one Markdown file: a head that a person reads, its summary with its label, and its text."""

import re
import unicodedata
from datetime import datetime
from typing import NamedTuple

from webapp.importing.escaping import escaped, escaped_line
from webapp.summarizing.sanitizing import visible

NAME_CHARS = 60
NAME_BYTES = 150  # of the 255 that file systems take
_DEVICE = re.compile(r"con|prn|aux|nul|conin\$?|conout\$?|(?:com|lpt)[0-9¹²³]", re.IGNORECASE)
_RUN = re.compile(r"`{3,}")
_ADDRESS = re.compile(r"https?://[^\s<>\\]+")
# What loads or leads somewhere in a summary: its author is a model, which may have been told to by the text.
_LEADING = re.compile(r"(?<!\\)((?:\\\\)*)\[")
# A backslash is no help against tags, since GitHub's Markdown takes it for the end of an address in front of it; nor
# against braces, which are attributes, raw HTML or templates to Pandoc, kramdown and Jekyll.
_TAG = re.compile(r"((?:\\\\)*)\\?(<(?=[A-Za-z/!?])|\{(?=\s*(?:[:=.#%{]|[\w-]+\s*=)))")
_SPELLED = {"<": "&lt;", "{": "&#123;"}
_DASHES = re.compile(r"^ {0,3}---[ \t]*$", re.MULTILINE)


class Head(NamedTuple):
    """What is told of a document above its text. `saved` is aware; `source` a line made by `source`."""

    title: str
    author: str
    saved: datetime | None
    version: int
    source: str = ""


class Told(NamedTuple):
    """A finished summary: its text in format "markdown" or "sentences", and who wrote it, when and of what."""

    label: str
    text: str
    format: str
    written: datetime | None
    version: int


def document(head: Head, told: Told | None, text: str, format: str) -> str:
    """The whole file. A text in Markdown follows as it is; one that was typed stands in a fence. As on the page, there is
    nothing in them that a person does not see.
    """
    parts = [title(head.title), _facts(head), *([head.source] if head.source else [])]
    if told:
        parts += ["## Summary", summary(told, head.version).rstrip("\n")]
    seen = visible(text)
    parts += ["---", seen if format == "markdown" else fenced(seen)]
    return "\n\n".join(parts).removesuffix("\n") + "\n"


def title(words: str) -> str:
    """A heading of these words, whatever they are made of."""
    line = _told(words)
    return "# " + re.sub(r"(?<!\\)#+$", lambda found: "\\" + found[0], line)


def summary(told: Told, version: int) -> str:
    """The label, and the words of a summary. It says which version it is of where that is not `version`."""
    of = f"of version {told.version}" if told.version != version else ""
    facts = filter(None, (_told(told.label), _day(told.written), of))
    words = visible(told.text)
    if told.format == "sentences":
        words = "\n".join(f"- {escaped_line(line.strip())}" for line in words.split("\n") if line.strip())
    words = _DASHES.sub("***", _LEADING.sub(r"\1\\[", _without_tags(words)))
    return f"*{' · '.join(facts)}*\n\n{words.strip()}\n"


def source(name: str, *, url: str | None, author: str | None, dated: str | None) -> str:
    """Where a text came from, in a line."""
    told = [_told(words) for words in (name, author, dated) if words]
    if url:
        told.append(f"<{visible(url)}>" if _ADDRESS.fullmatch(url) else _told(url))
    return "From " + " · ".join(told)


def fenced(text: str) -> str:
    """A text within a fence that is longer than any in it: what a reader of Markdown finds there is the text."""
    fence = "`" * max([3, *(len(run) + 1 for run in _RUN.findall(text))])
    return f"{fence}text\n{text}\n{fence}"


def file_name(words: str) -> str:
    """A name that every file system takes, in the script of the words: "Straße nach Süden!" is "Straße-nach-Süden"."""
    letters = unicodedata.normalize("NFC", visible(words))
    kept = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in letters)
    name = "-".join(kept.split())[:NAME_CHARS]
    name = name.encode()[:NAME_BYTES].decode(errors="ignore").strip("-")
    return f"{name}-file" if is_device(name) else name


def is_device(name: str) -> bool:
    """Whether some system takes a file of this name for a device, whatever its ending."""
    return _DEVICE.fullmatch(name.partition(".")[0].rstrip()) is not None


def _facts(head: Head) -> str:
    return " · ".join(filter(None, (_told(head.author), _day(head.saved), f"Version {head.version}")))


def _told(words: str) -> str:
    """Words in the middle of a line, whatever they are made of."""
    return _without_tags(escaped(" ".join(visible(words).split())))


def _without_tags(words: str) -> str:
    return _TAG.sub(lambda found: found[1] + _SPELLED[found[2]], words)


def _day(moment: datetime | None) -> str:
    return f"{moment.day} {moment:%B %Y}" if moment else ""
