"""A PDF as Markdown: paragraphs whole again, headings by the file's outline or the size of their letters."""

import ctypes
import re
from collections.abc import Sequence
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped] # it has no types, and nobody has made stubs
import pypdfium2.raw as pdfium  # type: ignore[import-untyped] # as above

from webapp.importing.extracted import Extracted, ImportFailure
from webapp.importing.flow import Layout, blocks
from webapp.importing.furniture import without_furniture
from webapp.importing.headings import Headings
from webapp.importing.limits import Limits
from webapp.importing.pages import Line, outline, pages
from webapp.importing.properties import properties
from webapp.importing.writing import Writer

MOST_BOOKMARKS = 20_000
MOST_NAMED_PAGES = 10
ENCRYPTED = {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}


def pdf(path: Path, limits: Limits) -> Extracted:
    """The words of a PDF. Raises ImportFailure: "encrypted", "damaged", "too_complex", "no_text", "too_much_text"."""
    with _opened(path) as document:
        if len(document) > limits.most_pages:
            raise ImportFailure("too_complex", f"{len(document)} pages")
        read, pictures = _read(document, limits)
        said = document.get_metadata_dict()
        found = properties(
            title=said["Title"],
            author=said["Author"],
            date=said["CreationDate"],
            language=_language(document),
        )
        return Extracted(
            text=_markdown(document, read),
            format="markdown",
            kind="pdf",
            title=found.title,
            author=found.author,
            date=found.date,
            language=found.language,
            pages=len(document),
            notes=(scans_note(pictures),) if pictures else (),
        )


def _opened(path: Path) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(path)
        len(document)
    except pypdfium2.PdfiumError as error:
        code = "encrypted" if error.err_code in ENCRYPTED else "damaged"
        raise ImportFailure(code, f"PDFium's error {error.err_code}") from None
    return document


def _read(document: pypdfium2.PdfDocument, limits: Limits) -> tuple[list[list[Line]], list[int]]:
    """The lines of each page, and the numbers of the pages that only hold a picture."""
    read: list[list[Line]] = []
    pictures: list[int] = []
    left = limits.most_characters_out
    for number, page in enumerate(pages(document), 1):
        read.append(page.lines)
        left -= sum(len(line.words) for line in page.lines)
        if left < 0:
            raise ImportFailure("too_much_text", f"on the first {number} pages")
        if page.has_picture:
            pictures.append(number)
    if not any(read):
        raise ImportFailure("no_text", f"{len(pictures)} of {len(read)} pages hold pictures alone")
    return read, pictures


def _markdown(document: pypdfium2.PdfDocument, read: list[list[Line]]) -> str:
    kept = without_furniture(read)
    lines = [line for page in (kept if any(kept) else read) for line in page]
    layout = Layout(lines)
    found = blocks(lines, layout)
    headings = Headings(found, layout, outline(document, MOST_BOOKMARKS))
    return Writer(lines, layout, headings).markdown(found)


def _language(document: pypdfium2.PdfDocument) -> str:
    letters = (ctypes.c_ushort * 64)()
    pdfium.FPDFCatalog_GetLanguage(document, letters, ctypes.sizeof(letters))
    return re.sub(r"\0.*", "", bytes(letters).decode("utf-16-le", "replace"))


def scans_note(numbers: Sequence[int]) -> str:
    """A sentence about pages without text."""
    named = [str(number) for number in numbers[:MOST_NAMED_PAGES]]
    if len(numbers) > MOST_NAMED_PAGES:
        named = [*named[:-1], f"{len(numbers) - len(named) + 1} more"]
    if len(named) == 1:
        return f"Page {named[0]} has no text: it may be scanned."
    return f"Pages {', '.join(named[:-1])} and {named[-1]} have no text: they may be scanned."
