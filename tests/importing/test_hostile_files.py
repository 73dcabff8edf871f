"""Files that are made to harm: each gives a code with a clear message, soon, and leaves the worker as it was."""

import io
import struct
import zlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import psutil
import pytest

from tests.importing.conftest import Fail, Outcome, Read
from tests.importing.files import core, docx, docx_parts, epub_parts, odt_parts, para, pptx_parts, zipped
from tests.importing.pdfs import pdf, said
from webapp.importing import containers
from webapp.importing.extracted import ImportFailure
from webapp.importing.extraction import Limits, extract

DOCTYPE = '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b SYSTEM "file:///etc/passwd">]>'
LAUGHS = "<!DOCTYPE x [" + '<!ENTITY a0 "lol">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
) + "]>"  # fmt: skip
MEGABYTE = 1_000_000


def with_doctype(xml: str | bytes, doctype: str) -> str:
    """The part with a document type before its first element."""
    text = xml if isinstance(xml, str) else xml.decode()
    declaration, rest = text.split("?>", 1)
    return f"{declaration}?>{doctype}{rest}"


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \r\n\t\n", b"\0" * 5000])
def test_a_file_with_nothing_in_it_is_empty(fail: Fail, data: bytes) -> None:
    assert fail(data) == "empty"


def test_a_file_of_300_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "big.pdf"
    with path.open("wb") as file:
        file.truncate(300 * MEGABYTE)
    before = psutil.Process().memory_info().rss
    with pytest.raises(ImportFailure) as caught:
        extract(path, name="big.pdf")
    assert caught.value.code == "too_large"
    assert psutil.Process().memory_info().rss - before < 50 * MEGABYTE


@pytest.mark.parametrize("doctype", [DOCTYPE, LAUGHS, '<!DOCTYPE x SYSTEM "https://evil.example/x.dtd">'])
@pytest.mark.parametrize(
    "part", ["word/document.xml", "word/styles.xml", "docProps/core.xml", "[Content_Types].xml"]
)
def test_an_office_file_with_a_document_type_is_refused(fail: Fail, part: str, doctype: str) -> None:
    parts = docx_parts(para("&a;") if "ENTITY a " in doctype else para("words"), properties=core("T"))
    assert fail(zipped({**parts, part: with_doctype(parts[part], doctype)})) == "forbidden_xml"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_document_type_in_another_encoding_is_seen(fail: Fail, encoding: str) -> None:
    parts = docx_parts(para("words"))
    text = with_doctype(parts["word/document.xml"], DOCTYPE).replace("UTF-8", "UTF-16")
    mark = b"\xff\xfe" if encoding.endswith("le") else b"\xfe\xff"
    assert fail(zipped({**parts, "word/document.xml": mark + text.encode(encoding)})) == "forbidden_xml"


def test_other_archives_with_a_document_type_are_refused_too(fail: Fail) -> None:
    odt, pptx = odt_parts("<text:p>x</text:p>"), pptx_parts(("a", "b"))
    assert fail(zipped({**odt, "content.xml": with_doctype(odt["content.xml"], LAUGHS)})) == "forbidden_xml"
    name = "ppt/slides/slide1.xml"
    assert fail(zipped({**pptx, name: with_doctype(pptx[name], DOCTYPE)})) == "forbidden_xml"


@pytest.mark.parametrize("name", ["c0.xhtml", "book.opf"])
def test_a_book_that_declares_entities_is_refused(fail: Fail, name: str) -> None:
    parts = epub_parts("<p>&a;</p>")
    text = str(parts[name]).replace("<!DOCTYPE html>", "")
    assert fail(zipped({**parts, name: with_doctype(text, DOCTYPE)})) == "forbidden_xml"


def test_a_book_may_name_the_usual_document_type(read: Read) -> None:
    parts = epub_parts("<p>Words.</p>")
    usual = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">'
    )
    page = str(parts["c0.xhtml"]).replace("<!DOCTYPE html>", usual)
    assert read(zipped({**parts, "c0.xhtml": page})).text == "Words.\n"


def test_a_docx_of_ten_thousand_entries_is_refused(fail: Fail) -> None:
    assert fail(docx(para("x"), more={f"word/media/{n}.xml": "<a/>" for n in range(10_000)})) == "too_complex"


def test_a_book_may_have_more_entries_than_an_office_file(read: Read) -> None:
    more = {f"images/{n}.svg": "<svg/>" for n in range(3_000)}
    assert read(zipped(epub_parts("<p>Words.</p>", more=more))).text == "Words.\n"


def test_a_part_that_unpacks_to_gigabytes_is_refused(fail: Fail, tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in docx_parts(para("x")).items():
            archive.writestr(name, content)
        with archive.open("word/comments.xml", "w") as part:
            for _ in range(250):
                part.write(b" " * MEGABYTE)
    assert fail(path.read_bytes()) == "too_complex"


def test_a_part_that_is_packed_too_well_is_refused(fail: Fail) -> None:
    assert fail(docx(para("x"), more={"word/media/image1.png": b"\0" * 20 * MEGABYTE})) == "too_complex"


def test_an_archive_that_lies_about_its_sizes_unpacks_to_no_more_than_it_says(fail: Fail) -> None:
    """The directory says one byte for what is 50 megabytes: our own unpacking stops there, and pandoc sees ours."""
    data = bytearray(docx(para("x"), more={"word/zz.xml": b"<a>" + b" " * 50 * MEGABYTE + b"</a>"}))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 16 : entry + 20] = struct.pack("<I", zlib.crc32(b"<"))
    data[entry + 24 : entry + 28] = struct.pack("<I", 1)
    assert fail(bytes(data)) == "damaged"


def test_an_entry_is_read_no_further_than_the_limit() -> None:
    with ZipFile(io.BytesIO(zipped({"a.xml": "x" * 1000}))) as archive:
        assert len(containers.read(archive, "a.xml", 1000)) == 1000
        with pytest.raises(ImportFailure, match="too_complex"):
            containers.read(archive, "a.xml", 999)


def test_two_entries_of_one_name_are_refused(fail: Fail) -> None:
    whole, other = io.BytesIO(docx(para("innocent"))), docx_parts(para("another"))["word/document.xml"]
    with pytest.warns(UserWarning, match="Duplicate"), ZipFile(whole, "a") as archive:
        archive.writestr("word/document.xml", other)
    assert fail(whole.getvalue()) == "damaged"


def test_an_archive_in_an_archive_is_never_opened(read: Read, fail: Fail) -> None:
    inner = zipped({f"{n}.zip": b"\0" * MEGABYTE for n in range(5)})
    assert read(docx(para("Words."), more={"word/embeddings/inner.zip": inner})).text == "Words.\n"
    assert fail(zipped({"inner.zip": inner})) == "unknown_format"


def test_a_book_of_deeply_nested_elements_ends_within_its_limits(outcome: Outcome) -> None:
    depth = 20_000
    book = zipped(epub_parts("<div>" * depth + "words" + "</div>" * depth))
    assert outcome(book) in ("words\n", "too_complex", "too_much_memory", "too_slow", "damaged")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95, 0.999])
@pytest.mark.parametrize("kind", ["docx", "odt", "epub", "pptx"])
def test_a_truncated_archive_is_damaged(fail: Fail, kind: str, share: float) -> None:
    whole = {
        "docx": docx(para("words " * 1000)),
        "odt": zipped(odt_parts("<text:p>words</text:p>")),
        "epub": zipped(epub_parts("<p>words</p>")),
        "pptx": zipped(pptx_parts(("a", "b"))),
    }[kind]
    assert fail(whole[: int(share * len(whole))]) == "damaged"


def test_office_files_with_a_password_are_encrypted(fail: Fail) -> None:
    locked = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\0" * 1000
        + "EncryptedPackage".encode("utf-16-le")
        + b"\0" * 99
    )
    assert fail(locked, "report.docx") == "encrypted"
    manifest = '<manifest><file-entry full-path="content.xml"><encryption-data/></file-entry></manifest>'
    odt = odt_parts("<text:p>x</text:p>")
    assert (
        fail(zipped({**odt, "META-INF/manifest.xml": manifest, "content.xml": b"\x9c" * 99})) == "encrypted"
    )


def test_a_book_from_a_shop_is_encrypted_and_one_with_locked_fonts_is_not(read: Read, fail: Fail) -> None:
    lock = '<encryption><EncryptedData><CipherData><CipherReference URI="{}"/></CipherData></EncryptedData></encryption>'
    page = {"META-INF/encryption.xml": lock.format("c0.xhtml")}
    assert fail(zipped(epub_parts("<p>x</p>", more=page))) == "encrypted"
    font = {"META-INF/encryption.xml": lock.format("fonts/a.otf")}
    assert read(zipped(epub_parts("<p>Words.</p>", more=font))).text == "Words.\n"


def test_an_entry_with_a_password_is_encrypted(fail: Fail) -> None:
    data = bytearray(docx(para("x")))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + flags] |= 1
    assert fail(bytes(data)) == "encrypted"


def test_more_text_than_is_taken_is_refused(fail: Fail) -> None:
    limits = Limits(most_characters_out=1_000)
    assert fail(b"word " * 500, limits=limits) == "too_much_text"
    assert fail(docx(para("word " * 500)), limits=limits) == "too_much_text"
    assert fail(pdf(*[said(*["words and words"] * 40)] * 3), limits=limits) == "too_much_text"


def test_a_long_text_takes_no_more_memory_than_it_may(fail: Fail) -> None:
    limits = Limits(memory_bytes=400 * MEGABYTE, most_characters_out=10**9)
    words = " ".join(f"word{number}" for number in range(MEGABYTE))
    assert fail(docx(para(words)), limits=limits) in ("too_much_memory", "too_slow")


def test_a_mail_of_nested_parts_ends_within_its_limits(outcome: Outcome) -> None:
    head = b"From: a@example.org\nSubject: Deep\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(3_000)
    )
    assert outcome(head + parts + b"\nwords\n") in ("too_complex", "no_text", "damaged", "too_slow")


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 20,
        b"MZ\x90\0\x03" + bytes(range(256)) * 20,
        b"\x1f\x8b\x08\0" + bytes(range(256)) * 20,
        bytes(range(1, 256)) * 20,
    ],
)
def test_what_is_no_document_is_an_unknown_format_whatever_it_is_called(fail: Fail, data: bytes) -> None:
    assert fail(data, "thesis.pdf") == "unknown_format"
    assert fail(data, "thesis.txt") == "unknown_format"


def test_old_office_files_are_told_apart(fail: Fail) -> None:
    assert fail(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000, "old.docx") == "old_office"
