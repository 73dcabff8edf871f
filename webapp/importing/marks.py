"""Words as Markdown that says them and nothing else, and the marks around them."""

import re

SPACE_BUT_BREAKS = re.compile(r"[ \t]+")
SPACE = re.compile(r"[ \t\r\n\f\v\xa0\u2000-\u200a\u202f]+")
INVISIBLE = re.compile("[\xad\u200b\u2060\ufeff]")
_SPECIAL = re.compile(r"[\\`*\[\]<>~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|\|")
_BARE_PIPE = re.compile(r"(?<!\\)\|")
_LINE_START = re.compile(
    r"^(?:[+-](?=\s|$)|#(?=#{0,5}(?:\s|$))|[=-](?=[=-]*\s*$)|\d{1,9}(?=[.)](?:\s|$)))", re.MULTILINE
)


def escaped(text: str | None) -> str:
    """Words that mean nothing in Markdown, with single spaces."""
    if not text:
        return ""
    return _SPECIAL.sub(r"\\\g<0>", SPACE.sub(" ", INVISIBLE.sub("", text)))


def paragraphs(parts: list[str]) -> list[str]:
    """The paragraphs of a run of words: two breaks in a row are what a page without `<p>` has."""
    text = re.sub(r" *\n *", "\n", SPACE_BUT_BREAKS.sub(" ", "".join(parts)))
    found = (paragraph.strip() for paragraph in re.split(r"\n{2,}", text))
    return [_safe_start(paragraph).replace("\n", "  \n") for paragraph in found if paragraph]


def _safe_start(paragraph: str) -> str:
    """A line that begins like a list or a heading and is none."""
    return _LINE_START.sub(
        lambda start: start[0] + "\\" if start[0].isdigit() else "\\" + start[0], paragraph
    )


def marked(line: str, mark: str) -> str:
    """Emphasis does not begin or end with a space."""
    words = line.strip()
    if not words or "\n" in words or words.startswith(mark[0]) or words.endswith(mark[0]):
        return line
    before, after = line[: len(line) - len(line.lstrip())], line[len(line.rstrip()) :]
    return f"{before}{mark}{words}{mark}{after}"


def emphasised(line: str) -> list[str]:
    """A term or a summary, as a paragraph."""
    words = line.strip(" ¶")
    return [f"**{words}**"] if words else []


def inline_code(words: str) -> str:
    """Words between backticks, more of them than there are within."""
    said = SPACE.sub(" ", words).strip()
    if not said:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", said)), default=0) + 1)
    pad = " " if said[0] == "`" or said[-1] == "`" else ""
    return f"{fence}{pad}{said}{pad}{fence}"


def cell_line(line: str) -> str:
    """A line that stays in its cell."""
    return _BARE_PIPE.sub(r"\\|", line.replace("\n", " ").strip())


def quoted(address: str) -> str:
    """An address that ends where its brackets end."""
    return re.sub(r"[\s<>()\\]", lambda char: f"%{ord(char[0]):02X}", address)


def indented(text: str, indent: str) -> str:
    """The text with all lines but the first moved in."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(indent + line if line else line for line in rest)])
