"""Files that are zip archives: looked through before anything in them is parsed.

What was checked is packed anew, so that the parser sees what the checks saw, and neither pictures nor fonts.
"""

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from webapp.importing.extracted import ImportFailure
from webapp.importing.limits import Limits

CHUNK_BYTES = 1_000_000
HIGHEST_RATIO = 300  # repetitive XML packs to a hundredth; what packs much better holds nothing to read
LEAST_SUSPECT_BYTES = 10_000_000

PAGES = (".xhtml", ".html", ".htm", ".ncx")  # a DOCTYPE is usual in them
MARKUP = (*PAGES, ".xml", ".rels", ".opf")
_ENCRYPTED = 0x1


class _Begun(Exception):
    """The prolog is over."""


def opened(path: Path) -> ZipFile:
    """The archive. Raises ImportFailure: "damaged"."""
    try:
        return ZipFile(path)
    except (BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise ImportFailure("damaged", f"no zip archive: {type(error).__name__}") from None


def check(archive: ZipFile, limits: Limits) -> None:
    """Look at what the archive says of itself. Raises ImportFailure: "too_complex", "encrypted", "damaged"."""
    entries = archive.infolist()
    if len(entries) > limits.most_entries_of_a_book:
        raise ImportFailure("too_complex", f"{len(entries)} entries")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise ImportFailure("encrypted", "encrypted entries")
    if len({entry.filename for entry in entries}) < len(entries):
        raise ImportFailure("damaged", "two entries of one name")
    if sum(entry.file_size for entry in entries) > limits.most_unpacked_bytes:
        raise ImportFailure("too_complex", "it says that it unpacks to too much")
    if any(_is_bomb(entry) for entry in entries):
        raise ImportFailure("too_complex", "an entry is packed too well")


def _is_bomb(entry: ZipInfo) -> bool:
    return entry.file_size > max(LEAST_SUSPECT_BYTES, HIGHEST_RATIO * entry.compress_size)


def repacked(archive: ZipFile, kind: str, limits: Limits) -> bytes:
    """A new, unpacked archive of the checked markup alone.

    Raises ImportFailure: "too_complex" for too many entries or bytes, "forbidden_xml" for a document type with
    declarations (any at all in an office file), "damaged".
    """
    if kind != "epub" and len(archive.infolist()) > limits.most_entries:
        raise ImportFailure("too_complex", f"{len(archive.infolist())} entries")
    whole = io.BytesIO()
    with ZipFile(whole, "w") as checked:
        for entry, content in _contents(archive, limits.most_unpacked_bytes):
            check_prolog(content, is_page=kind == "epub" and entry.filename.lower().endswith(PAGES))
            checked.writestr(entry.filename, content)
    return whole.getvalue()


def _contents(archive: ZipFile, most_bytes: int) -> Iterator[tuple[ZipInfo, bytes]]:
    for entry in archive.infolist():
        if entry.filename.lower().endswith(MARKUP) and entry.filename != "META-INF/manifest.xml":
            content = read(archive, entry.filename, most_bytes)
            most_bytes -= len(content)
            yield entry, content


def read(archive: ZipFile, name: str, most_bytes: int) -> bytes:
    """One entry. Raises ImportFailure: "too_complex" if it has more bytes, whatever it says; "damaged"."""
    content = bytearray()
    try:
        with archive.open(name) as file:
            while chunk := file.read(CHUNK_BYTES):
                content += chunk
                if len(content) > most_bytes:
                    raise ImportFailure("too_complex", "it unpacks to too much")
    except (BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, OSError, RuntimeError) as error:
        raise ImportFailure("damaged", f"an entry cannot be unpacked: {type(error).__name__}") from None
    return bytes(content)


def read_if_there(archive: ZipFile, *names: str) -> bytes:
    """The start of each of these entries, in one."""
    there = [name for name in names if name in archive.NameToInfo]
    return b"\n".join(read(archive, name, CHUNK_BYTES) for name in there)


def check_prolog(xml: bytes, *, is_page: bool) -> None:
    """Raises ImportFailure "forbidden_xml" if entities could be declared before the first element.

    A page of a book may name a document type, as long as it declares nothing.
    """

    def refuse(_name: str, _system: str | None, _public: str | None, has_declarations: bool | int) -> None:
        if has_declarations or not is_page:
            raise ImportFailure("forbidden_xml", "a document type")

    def begin(_name: str, _attributes: object) -> None:
        raise _Begun

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    try:
        parser.Parse(xml, True)
    except _Begun:
        return
    except (expat.ExpatError, LookupError, ValueError) as error:
        if not is_page:  # pages may be written as HTML, where nothing is declared either
            raise ImportFailure("damaged", f"no XML: {type(error).__name__}") from None
