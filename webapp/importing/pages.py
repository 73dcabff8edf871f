"""The lines of a PDF's pages, in the order in which the file draws them, which is nearly always that of reading."""

import ctypes
import re
from collections.abc import Callable, Iterator
from math import hypot
from statistics import median
from typing import Any, NamedTuple

import pypdfium2  # type: ignore[import-untyped] # it has no types, and nobody has made stubs
import pypdfium2.raw as pdfium  # type: ignore[import-untyped] # as above

SAMPLES_A_LINE = 5
WIDEST_GAP_EMS = 2.5  # between a number and its heading, say: what stands further off is another cell

_LINE_END = re.compile(r"[\r\n]+|\ufffe")  # the latter is how PDFium marks a hyphen at the end of a line
_HYPHEN = "\ufffe"
_FIXED_PITCH, _FORCE_BOLD = 0x1, 0x40000
_BOLD_NAME = re.compile(rb"bold|black|heavy|semibold|[A-Z]BX\d|-bd", re.IGNORECASE)
_MONO_NAME = re.compile(rb"mono|courier|consol|typewriter|[A-Z]TT\d|menlo", re.IGNORECASE)
_LIGATURES = str.maketrans(
    {
        "ﬀ": "ff",
        "ﬁ": "fi",
        "ﬂ": "fl",
        "ﬃ": "ffi",
        "ﬄ": "ffl",
        "ﬅ": "st",
        "ﬆ": "st",
        "\u00a0": " ",
        "\u2010": "-",
    }
)


class Line(NamedTuple):
    """One line: places and size in points, from the left and the foot of page number `page`, which counts from 0."""

    words: str
    page: int
    left: float
    right: float
    base: float
    size: float
    is_bold: bool = False
    is_mono: bool = False
    is_hyphenated: bool = False


class Page(NamedTuple):
    """The lines of a page, and whether it holds a picture."""

    lines: list[Line]
    has_picture: bool


class _Style(NamedTuple):
    is_bold: bool
    is_mono: bool


class _Reader:
    """Reads one page's text with PDFium's own functions: its objects for each letter would cost too much."""

    def __init__(self, page: pypdfium2.PdfPage, number: int) -> None:
        self._number = number
        self._turned = _turns(page.get_rotation())
        self._text = page.get_textpage()
        self._fonts: dict[int, _Style] = {}

    def lines(self) -> list[Line]:
        letters, start = self._letters(), 0
        found: list[Line] = []
        for end in [*_LINE_END.finditer(letters), None]:
            stop = end.start() if end else len(letters)
            if line := self._line(letters, start, stop, is_hyphenated=end is not None and end[0] == _HYPHEN):
                _append(found, line)
            start = end.end() if end else stop
        self._text.close()
        return found

    def _letters(self) -> str:
        """One character for each of PDFium's indices: its text leaves out letters that it cannot name."""
        count = self._text.count_chars()
        whole = self._text.get_text_range() if count else ""
        if len(whole) == count:
            return whole
        codes = (pdfium.FPDFText_GetUnicode(self._text, index) for index in range(count))
        return "".join(chr(code) if 0 < code <= 0x10FFFF else "\ufffd" for code in codes)

    def _line(self, letters: str, start: int, stop: int, *, is_hyphenated: bool) -> Line | None:
        words = letters[start:stop]
        first = start + len(words) - len(words.lstrip())
        last = start + len(words.rstrip()) - 1
        words = " ".join(words.translate(_LIGATURES).replace("\ufffd", "").split())
        if not words:
            return None
        (left, base), (_, right) = self._place(first), self._ends(last)
        step = max(1, (last - first) // SAMPLES_A_LINE)
        sampled = [index for index in range(first, last + 1, step) if not letters[index].isspace()]
        styles = [self._style(index) for index in sampled]
        return Line(
            words=words, page=self._number, left=left, right=right, base=base, is_hyphenated=is_hyphenated,
            size=round(median(self._size(index) for index in sampled), 1),
            is_bold=all(style.is_bold for style in styles),
            is_mono=all(style.is_mono for style in styles),
        )  # fmt: skip

    def _place(self, index: int) -> tuple[float, float]:
        x, y = ctypes.c_double(), ctypes.c_double()
        pdfium.FPDFText_GetCharOrigin(self._text, index, x, y)
        return self._turned(x.value, y.value)

    def _ends(self, index: int) -> tuple[float, float]:
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        pdfium.FPDFText_GetCharBox(self._text, index, left, right, bottom, top)
        a, b = self._turned(left.value, bottom.value)[0], self._turned(right.value, top.value)[0]
        return min(a, b), max(a, b)

    def _size(self, index: int) -> float:
        matrix = pdfium.FS_MATRIX()
        scale = hypot(matrix.c, matrix.d) if pdfium.FPDFText_GetMatrix(self._text, index, matrix) else 1.0
        return float(pdfium.FPDFText_GetFontSize(self._text, index)) * scale

    def _style(self, index: int) -> _Style:
        drawn = pdfium.FPDFText_GetTextObject(self._text, index)
        font = ctypes.cast(pdfium.FPDFTextObj_GetFont(drawn), ctypes.c_void_p).value if drawn else None
        if font is None:
            return _Style(is_bold=False, is_mono=False)
        if font not in self._fonts:
            self._fonts[font] = self._new_style(index)
        return self._fonts[font]

    def _new_style(self, index: int) -> _Style:
        name, flags = ctypes.create_string_buffer(200), ctypes.c_int()
        pdfium.FPDFText_GetFontInfo(self._text, index, name, len(name), flags)
        return _Style(
            is_bold=bool(flags.value & _FORCE_BOLD) or _BOLD_NAME.search(name.value) is not None,
            is_mono=bool(flags.value & _FIXED_PITCH) or _MONO_NAME.search(name.value) is not None,
        )


def pages(document: pypdfium2.PdfDocument) -> Iterator[Page]:
    """Page by page, each forgotten by PDFium before the next is read."""
    for number in range(len(document)):
        page = document[number]
        lines = _Reader(page, number).lines()
        yield Page(lines, has_picture=not lines and _has_picture(page))
        page.close()


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    return next(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]), None) is not None


def _turns(degrees: int) -> Callable[[float, float], tuple[float, float]]:
    """How a place on a page that is shown turned is seen by its reader, but for an offset."""
    turns: dict[int, Callable[[float, float], tuple[float, float]]] = {
        90: lambda x, y: (y, -x),
        180: lambda x, y: (-x, -y),
        270: lambda x, y: (-y, x),
    }
    return turns.get(degrees, lambda x, y: (x, y))


def _append(lines: list[Line], line: Line) -> None:
    """Add a line, or let the last one go on with it where both stand side by side."""
    last = lines[-1] if lines else None
    gap = line.left - last.right if last else 0.0
    if (
        last is None
        or abs(last.base - line.base) > 0.3 * line.size
        or not -1 < gap < WIDEST_GAP_EMS * line.size
    ):
        lines.append(line)
        return
    main = max(last, line, key=lambda part: len(part.words))
    lines[-1] = main._replace(
        words=f"{last.words}{' ' if gap > 0.1 * line.size else ''}{line.words}",
        left=last.left, right=line.right, is_hyphenated=line.is_hyphenated,
        is_bold=last.is_bold and line.is_bold, is_mono=last.is_mono and line.is_mono,
    )  # fmt: skip


def outline(document: pypdfium2.PdfDocument, most: int) -> Iterator[tuple[str, int, int | None]]:
    """Title, level from 1, and page of each of the first `most` bookmarks."""
    for count, bookmark in enumerate(document.get_toc(max_depth=6)):
        if count >= most:
            return
        target: Any = bookmark.get_dest()
        yield bookmark.get_title(), bookmark.level + 1, target.get_index() if target else None
