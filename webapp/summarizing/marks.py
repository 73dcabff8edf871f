"""Markdown's marks in a sentence: off, as a reader sees it, and on again, so that a renderer shows it as it is."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from webapp.summarizing.sentences import Span

LONGEST_REACH_CHARS = 2_000  # how far from a sentence the other half of its marks is looked for

_INLINE = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").disable(["entity", "reference"])
_MARK = re.compile(r"[*_`\[\]\\<~]")
_TARGET = r"\((?:[^()\s]|\([^()\s]*\))*(?:\s\"[^\"\n]*\")?\)"
_LINK = re.compile(rf"(!?)\[([^\[\]]*)\]{_TARGET}")
_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]{1,40}\]:?")
_OPENING = re.compile(r"(?:\*{1,3}|_{1,3}|~~|\[)(?=\w)")
_CLOSING = re.compile(rf"(?<=[^\s*_~\[])(\*{{1,3}}|_{{1,3}}|~~|\]{_TARGET})(?=[.!?…。！？]*$)")
_HALF_LINK = re.compile(rf"\]{_TARGET}")

# What Markdown may read as a mark, wherever it stands; then what it reads as one at the beginning of a line.
_SPECIAL = re.compile(r"[\\`*\[\]<~]|(?<=\])\(|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w)|(?<=\s)#+$")
_START = re.compile(r"(?:[>#+=-]|\d{1,9}[.)])")


def unlinked(sentence: str) -> str:
    """The sentence with the words of its links instead of the links, and without images."""
    if "](" not in sentence:
        return sentence
    for _ in range(2):  # an image may be what a link is laid on
        sentence = _LINK.sub(lambda link: "" if link[1] else link[2], sentence)
    return sentence


def plain(text: str, span: Span) -> str:
    """The sentence as it reads, on one line. A mark stays where it is none: in "5 * 3" and "snake_case"."""
    sentence = span.of(text)
    if _MARK.search(sentence):
        whole = _FOOTNOTE.sub("", _mended(text, span))
        sentence = "".join(map(_words, _INLINE.parseInline(whole)[0].children or []))
    return " ".join(sentence.split())


def escaped(words: str) -> str:
    """Markdown of a line that is shown letter by letter as it is here."""
    words = _SPECIAL.sub(lambda special: "\\" + special[0], words)
    start = _START.match(words)
    return words[: start.end() - 1] + "\\" + words[start.end() - 1 :] if start else words


def _words(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return " "
    return token.content if token.type in ("text", "code_inline") else ""


def _mended(text: str, span: Span) -> str:
    """The sentence without the marks whose other half stands in another one: "**It rained." of a bold paragraph."""
    sentence = span.of(text)
    opening, closing = _OPENING.match(sentence), _CLOSING.search(sentence)
    if opening and _is_cut(sentence[opening.end() :], _after(text, span), opening[0]):
        sentence = sentence[opening.end() :]
        closing = _CLOSING.search(sentence)
    if closing and _is_cut(sentence[: closing.start()], _before(text, span), closing[1]):
        sentence = sentence[: closing.start(1)] + sentence[closing.end(1) :]
    return sentence


def _is_cut(rest: str, beyond: str, mark: str) -> bool:
    """Whether a mark's other half is not in the rest of its sentence, but beyond it."""
    if mark == "[":
        return "]" not in rest and bool(_HALF_LINK.search(beyond))
    other = "[" if mark[0] == "]" else mark
    return other not in rest and other in beyond


def _after(text: str, span: Span) -> str:
    return text[span.end : span.end + LONGEST_REACH_CHARS].partition("\n\n")[0]


def _before(text: str, span: Span) -> str:
    return text[max(0, span.start - LONGEST_REACH_CHARS) : span.start].rpartition("\n\n")[2]
