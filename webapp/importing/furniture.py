"""Running heads, running feet and page numbers: what stands on page after page in the same place."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from webapp.importing.pages import Line

BAND_POINTS = 4.0
EDGE_ROWS = 2
LEAST_PAGES = 3
OF_A_BAND = 0.4  # the share of pages from which on a place at the edge belongs to furniture alone

_NUMBER = re.compile(r"\d+")
_ROMAN = re.compile(r"[ivxlcdm]{1,8}", re.IGNORECASE)

Key = tuple[str, int, str]


def without_furniture(pages: list[list[Line]]) -> list[list[Line]]:
    """The pages without what repeats at their edges, whatever numbers it holds.

    Two or three pages lose only what has a number: titles repeat sooner than that by chance.
    """
    counts = Counter(key for lines in pages for key in {key for row in _edges(lines) for key in row.values()})
    least = LEAST_PAGES if len(pages) > LEAST_PAGES else 2
    repeated = {key for key, n in counts.items() if n >= least and (n > LEAST_PAGES or "#" in key[2])}
    bands = Counter(
        band
        for lines in pages
        for band in {key[:2] for row in _edges(lines) for key in row.values() if key in repeated}
    )
    full = {band for band, count in bands.items() if count >= max(LEAST_PAGES, OF_A_BAND * len(pages))}
    return [_kept(lines, repeated, full) for lines in pages]


def _kept(lines: list[Line], repeated: set[Key], full: set[tuple[str, int]]) -> list[Line]:
    """A row further in goes only if the one outside of it went."""
    gone: set[Line] = set()
    whole: set[str] = set()
    for row in _edges(lines):
        edge = next(iter(row.values()))[0]
        found = {line for line, key in row.items() if key in repeated or key[:2] in full}
        if edge not in whole:
            gone |= found
        if len(found) < len(row):
            whole.add(edge)
    return [line for line in lines if line not in gone]


def _edges(lines: list[Line]) -> Iterator[dict[Line, Key]]:
    """The rows at the foot and at the head that may be furniture, the outer one of each first."""
    rows: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        rows[round(line.base / BAND_POINTS)].append(line)
    bands = sorted(rows)
    most = min(EDGE_ROWS, (len(bands) - 1) // 2)
    for edge, outer in (("foot", bands[:most]), ("head", bands[::-1][:most])):
        for band in outer:
            yield {line: (edge, band, _pattern(line.words)) for line in rows[band]}


def _pattern(words: str) -> str:
    return "#" if _ROMAN.fullmatch(words) else _NUMBER.sub("#", words)
