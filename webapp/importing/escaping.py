"""Words as Markdown that says just these words."""

import re

# What could begin emphasis, code, HTML, a reference, a link or a character reference in the middle of a line.
_INLINE = re.compile(r"[\\`*]|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|\](?=[(\[:])|&(?=#?\w{1,32};)|~(?=~)")
_NUMBERED = re.compile(r"\d{1,9}(?=[.)](?:\s|$))")
_LINE_STARTS = frozenset("#>|-+=~:")


def escaped(words: str) -> str:
    """Words in the middle of a line."""
    return _INLINE.sub(lambda found: "\\" + found[0], words)


def escaped_line(words: str) -> str:
    """Words that begin a line, so that they become no heading, list, quotation or table."""
    line = escaped(words)
    if numbered := _NUMBERED.match(line):
        return f"{numbered[0]}\\{line[numbered.end() :]}"
    return f"\\{line}" if line[:1] in _LINE_STARTS else line


def fenced(code: str) -> str:
    """A block of code, its fence longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{code}\n{fence}"
