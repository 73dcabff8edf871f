"""Bytes as text: which characters they stand for, and Markdown's front matter."""

import codecs
import re
from typing import Any

from webapp.importing.extracted import ImportFailure
from webapp.importing.properties import Properties, properties

SAMPLE_BYTES = 200_000
MOST_CONTROLS_SHARE = 0.01  # what has more of them is no text in the encoding it was read in

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.{0,10000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(title|author|date|lang|language):[ \t]+(\S.*)$", re.MULTILINE | re.IGNORECASE)


def decoded(data: bytes, charset: str | None = None) -> str:
    """The text with "\\n" as line ends: by its byte order mark, as `charset`, as UTF-8, or by what fits best.

    Raises ImportFailure: "unknown_format" for what is no text.
    """
    text = _decoded(data, charset).removeprefix("\ufeff")
    if len(_CONTROL.findall(text)) > MOST_CONTROLS_SHARE * len(text):
        raise ImportFailure("unknown_format", "it holds too many control characters")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes, charset: str | None) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    for known in (charset, "utf-8"):
        try:
            return _strict(data, known) if known else data.decode()
        except (LookupError, ValueError, TypeError):
            continue
    return data.decode(_guessed(data), "replace")


def _strict(data: bytes, charset: str) -> str:
    # As browsers do: who says Latin-1 often means the code page that has quotation marks too.
    encoding = codecs.lookup(charset).name
    return data.decode("cp1252" if encoding in ("iso8859-1", "ascii") else encoding)


def _guessed(data: bytes) -> str:
    import charset_normalizer

    best: Any = charset_normalizer.from_bytes(data[:SAMPLE_BYTES]).best()
    return str(best.encoding) if best else "cp1252"


def without_front_matter(text: str) -> tuple[str, Properties]:
    """A Markdown text without the YAML that it may begin with, and the properties that this gave."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return text, Properties()
    fields = {name.lower(): value.strip().strip("\"'") for name, value in _FIELD.findall(found[1])}
    said = properties(
        title=fields.get("title"),
        author=fields.get("author"),
        date=fields.get("date"),
        language=fields.get("lang") or fields.get("language"),
    )
    return text[found.end() :], said
