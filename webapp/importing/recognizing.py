"""What a file is, by what it holds. Its name decides only what kind of text it is where that does not show."""

import re
from pathlib import Path, PurePath
from zipfile import ZipFile

from webapp.importing.extracted import ImportFailure

SUFFIXES = {
    ".html", ".htm", ".xhtml", ".txt", ".md", ".markdown", ".pdf", ".rtf", ".epub", ".eml", ".odt", ".docx", ".pptx",
}  # fmt: skip
HEAD_BYTES = 65_536
PDF_HEADER_BYTES = 1_024  # readers of PDF allow that much before the header

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff")  # the byte order marks of UTF-16 and UTF-32

_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*|<!--.{0,2000}?-->\s*)*(?:<!doctype\s+html|<(?:html|head|body|title|meta)[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_HEADERS = re.compile(rb"(?:From [^\n]+\n)?(?:[!-9;-~]{1,60}:[^\n]*\n(?:[ \t][^\n]*\n)*+){2,}+")
_OF_MAIL = re.compile(
    rb"^(from|date|subject|to|received|message-id|mime-version):", re.IGNORECASE | re.MULTILINE
)
_PAGE = {".html", ".htm", ".xhtml"}
_ELEMENT = re.compile(rb"\s*<[a-z][a-z0-9]*[\s>]", re.IGNORECASE)
_MARKDOWN = {".md", ".markdown", ".mdown", ".mkd"}

_ODT = re.compile(rb"application/vnd\.oasis\.opendocument\.text(?:-template)?\s*")
_DOCX = re.compile(
    rb"wordprocessingml\.(?:document|template)\.main\+xml|ms-word\.(?:document|template)\.macro"
)
_PPTX = re.compile(
    rb"presentationml\.(?:presentation|slideshow|template)\.main\+xml|ms-powerpoint\.(?:pres|slides|templ)\w+\.macro"
)


def kind_of(path: Path, name: str) -> str:
    """A kind of Extracted, or "zip" for what `kind_of_zip` tells more of.

    Raises ImportFailure: "empty", "encrypted", "old_office", "unknown_format".
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise ImportFailure("empty")
    if b"%PDF-" in head[:PDF_HEADER_BYTES]:
        return "pdf"
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(_OLD_OFFICE):
        raise ImportFailure("encrypted" if _ENCRYPTED_OFFICE in path.read_bytes() else "old_office")
    if head.startswith(b"{\\rtf"):
        return "rtf"
    return _kind_of_text(head, name)


def kind_of_zip(archive: ZipFile) -> str:
    """ "docx", "pptx", "odt" or "epub". Raises ImportFailure: "unknown_format"."""
    names = archive.NameToInfo
    said = _start_of(archive, "mimetype") if "mimetype" in names else b""
    if said.strip() == b"application/epub+zip" or (not said and "META-INF/container.xml" in names):
        return "epub"
    if _ODT.fullmatch(said):
        return "odt"
    parts = _start_of(archive, "[Content_Types].xml") if "[Content_Types].xml" in names else b""
    for kind, pattern in (("docx", _DOCX), ("pptx", _PPTX)):
        if pattern.search(parts):
            return kind
    raise ImportFailure("unknown_format", "a zip of another kind")


def _start_of(archive: ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(10 * HEAD_BYTES)


def _kind_of_text(head: bytes, name: str) -> str:
    if b"\0" in head and not head.startswith(_WIDE_TEXT):
        raise ImportFailure("unknown_format", "it holds zero bytes, as no text does")
    start = head.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    suffix = PurePath(name.lower()).suffix
    if _HTML.match(start) or (suffix in _PAGE and _ELEMENT.match(start)):
        return "html"
    if _is_mail(start):
        return "eml"
    return "markdown" if suffix in _MARKDOWN else "text"


def _is_mail(start: bytes) -> bool:
    """Whether it begins with headers, among them two that only mail has."""
    headers = _HEADERS.match(start)
    return headers is not None and len({name.lower() for name in _OF_MAIL.findall(headers[0])}) >= 2
