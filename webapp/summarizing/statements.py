"""The sentences of a summary that state something: all but headings, the heads of tables and what only leads
to a list.
"""

import re
from collections.abc import Iterator

from webapp.summarizing.sentences import Span, sentences

REACH_CHARS = 1_000  # how far from a sentence its line's ends are looked for

_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"[^\n]+")
_WORD = re.compile(r"[^\W_]")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)|\s*(\*\*|__)[^*_\n]+\1:?\s*$")
_FINISHED = re.compile(r"[.!?。！？।؟][*_\s]*$")
_LEADS_TO_LIST = re.compile(r"[:：][*_\s]*$")
_TABLE_RULE = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?)?\s*$")


def statements(summary: str, format: str) -> list[Span]:
    """The exact slices of a summary's statements, in reading order.

    Of format "sentences" each line is one. Raises ValueError for another than that and "markdown".
    """
    if format == "sentences":
        return [_trimmed(summary, *line.span()) for line in _LINE.finditer(summary) if _WORD.search(line[0])]
    if format == "markdown":
        return list(_of_markdown(summary))
    raise ValueError(f"no summary has the format {format!r}")


def _of_markdown(summary: str) -> Iterator[Span]:
    fences = [fence.span() for fence in _FENCED.finditer(summary)]
    for span in sentences(summary):
        while fences and fences[0][1] <= span.start:
            del fences[0]
        in_code = fences and fences[0][0] <= span.start
        if not in_code and _WORD.search(summary, *span) and not _is_furniture(summary, span):
            yield span


def _is_furniture(summary: str, span: Span) -> bool:
    line_start = summary.rfind("\n", max(0, span.start - REACH_CHARS), span.start) + 1
    line_end = _line_end(summary, span.start)
    line = summary[line_start or max(0, span.start - REACH_CHARS) : line_end]
    if _HEADING.match(line) and (line.lstrip().startswith("#") or not _FINISHED.search(line.rstrip("*_: "))):
        return True
    if _LEADS_TO_LIST.search(summary, *span):
        return True
    next_line = summary[line_end + 1 : _line_end(summary, line_end + 1)]
    return "|" in line and _TABLE_RULE.match(next_line) is not None


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start, start + REACH_CHARS)
    return min(len(text), start + REACH_CHARS) if end < 0 else end


def _trimmed(text: str, start: int, end: int) -> Span:
    line = text[start:end]
    start += len(line) - len(line.lstrip())
    return Span(start, start + len(line.strip()))
