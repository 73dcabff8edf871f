"""The kind of a file is told by what it holds: a wrong name changes nothing."""

from pathlib import Path

import pytest

from tests.importing.conftest import Fail, Read
from tests.importing.files import docx, epub_parts, odt_parts, para, pptx_parts, zipped
from tests.importing.pdfs import pdf, said
from webapp.importing.recognizing import kind_of

FILES = {
    "pdf": pdf(said("Some words.")),
    "docx": docx(para("Some words.")),
    "odt": zipped(odt_parts("<text:p>Some words.</text:p>")),
    "epub": zipped(epub_parts("<p>Some words.</p>")),
    "pptx": zipped(pptx_parts(("Some words.", "More."))),
    "rtf": rb"{\rtf1\ansi Some words.}",
    "html": b"<!-- saved --><!DOCTYPE HTML><html><head><title>T</title></head><body><p>Some words.</p></body></html>",
    "eml": b"From: a@example.org\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nSubject: x\r\n\r\nSome words.\r\n",
    "text": b"Some words.\n",
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    "name", ["report.pdf", "report.docx", "report", "../../etc/passwd", "x\0y.txt", "\ud800.rtf"]
)
def test_a_wrong_name_changes_nothing(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / "stored"
    path.write_bytes(FILES[kind])
    told = kind_of(path, name)
    assert told == ("zip" if FILES[kind].startswith(b"PK") else kind)


@pytest.mark.parametrize("kind", FILES)
def test_each_kind_is_read_under_the_name_of_another(read: Read, kind: str) -> None:
    found = read(FILES[kind], "x.docx" if kind == "pdf" else "x.pdf")
    assert found.kind == kind
    assert "Some words." in found.text


def test_only_the_name_tells_markdown_from_text(read: Read) -> None:
    assert read(b"* one\n* two\n", "list.txt").text == "* one\n* two\n"
    assert read(b"* one\n* two\n", "LIST.MD").text == "- one\n- two\n"


@pytest.mark.parametrize(
    "text", ["Note: this\nWarning: that\n\nx", "From here: on\n\nDate: none", "<p> is a tag", "<b>"]
)
def test_a_text_that_only_begins_like_something_else_is_a_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stored"
    path.write_text(text)
    assert kind_of(path, "x.txt") == "text"


def test_a_piece_of_a_page_is_a_page_by_its_name(read: Read) -> None:
    """As programs write them that turn Markdown into HTML."""
    piece = b"<h1 id='x'>A title</h1>\n\n<p>Some <code>words</code>.</p>\n"
    assert read(piece, "piece.html").text == "# A title\n\nSome `words`.\n"
    assert read(piece, "piece.txt").text == piece.decode()
    assert read(b"No page at all.\n", "piece.html").text == "No page at all.\n"


def test_other_archives_are_an_unknown_format(fail: Fail) -> None:
    assert fail(zipped({"a.txt": "x"}), "a.docx") == "unknown_format"
    assert (
        fail(zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), "a.odt")
        == "unknown_format"
    )
    assert fail(zipped({}), "a.docx") == "unknown_format"
