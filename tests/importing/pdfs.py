"""Small PDFs, written by hand: words at places, and whatever objects a test wants."""

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Said(NamedTuple):
    """Words at a place of a PDF's page, in points from its left and its foot."""

    words: str
    x: float = 72
    y: float = 700
    size: float = 10
    font: str = "F1"  # F1 Helvetica, F2 bold, F3 Courier


def said(*lines: str, x: float = 72, y: float = 700, size: float = 10, font: str = "F1") -> list[Said]:
    """Lines below each other."""
    return [Said(words, x, y - 1.2 * size * place, size, font) for place, words in enumerate(lines)]


def pdf(
    *pages: Sequence[Said],
    info: Mapping[str, str] | None = None,
    outline: Sequence[tuple[str, int]] = (),
    catalog: str = "",
    trailer: str = "",
) -> bytes:
    """A PDF; `outline` are titles and pages from 0, all of one level."""
    contents = [
        "\n".join(f"BT /{s.font} {s.size} Tf {s.x} {s.y} Td ({_literal(s.words)}) Tj ET" for s in page)
        for page in pages
    ]
    return pdf_of([content.encode("cp1252") for content in contents], info=info, outline=outline, catalog=catalog, trailer=trailer)  # fmt: skip


def pdf_of(
    contents: Sequence[bytes],
    *,
    resources: str = "",
    filters: str = "",
    info: Mapping[str, str] | None = None,
    outline: Sequence[tuple[str, int]] = (),
    catalog: str = "",
    trailer: str = "",
    more: Sequence[bytes] = (),
) -> bytes:
    """A PDF of these content streams; `more` are the objects from number 10 on, instead of pages' own numbers."""
    first = 10 + len(more)
    pages = [first + 2 * place for place in range(len(contents))]
    marks = [first + 2 * len(contents) + place for place in range(len(outline))]
    fields = " ".join(f"/{key} ({_literal(value)})" for key, value in (info or {}).items())
    objects: dict[int, bytes] = {
        1: f"<< /Type /Catalog /Pages 2 0 R {'/Outlines 3 0 R' if outline else ''} {catalog} >>".encode(),
        2: f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{page} 0 R' for page in pages)}] >>".encode(),
        3: f"<< /First {marks[0]} 0 R /Last {marks[-1]} 0 R >>".encode() if outline else b"null",
        4: f"<< {fields} >>".encode("cp1252"),
        **{
            5
            + place: f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
            for place, name in enumerate(("Helvetica", "Helvetica-Bold", "Courier"))
        },
        **dict(enumerate(more, 10)),
    }
    for page, content in zip(pages, contents, strict=True):
        objects[page] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {page + 1} 0 R /Resources "
            f"<< /Font << /F1 5 0 R /F2 6 0 R /F3 7 0 R >> {resources} >> >>"
        ).encode()
        objects[page + 1] = (
            f"<< /Length {len(content)} {filters} >>\nstream\n".encode() + content + b"\nendstream"
        )
    for place, (title, page) in enumerate(outline):
        following = f"/Next {marks[place + 1]} 0 R" if place + 1 < len(marks) else ""
        target = f"[{pages[page]} 0 R /Fit]"
        objects[marks[place]] = (
            f"<< /Title ({_literal(title)}) /Parent 3 0 R {following} /Dest {target} >>".encode()
        )
    return _assembled(objects, trailer)


def _assembled(objects: Mapping[int, bytes], trailer: str) -> bytes:
    whole, offsets = bytearray(b"%PDF-1.5\n"), {}
    for number in sorted(objects):
        offsets[number] = len(whole)
        whole += f"{number} 0 obj\n".encode() + objects[number] + b"\nendobj\n"
    start, size = len(whole), max(objects) + 1
    rows = (
        f"{offsets[number]:010d} 00000 n \n" if number in offsets else "0000000000 65535 f \n"
        for number in range(size)
    )
    whole += f"xref\n0 {size}\n".encode() + "".join(rows).encode()
    whole += (
        f"trailer\n<< /Size {size} /Root 1 0 R /Info 4 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
    )
    return bytes(whole)


def _literal(words: str) -> str:
    return words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def deflated(data: bytes, times: int = 1) -> bytes:
    """The data, packed so often."""
    for _ in range(times):
        data = zlib.compress(data, 9)
    return data
