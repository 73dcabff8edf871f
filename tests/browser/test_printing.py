"""A document on paper: what was written, and nothing that can only be clicked."""

import re
from collections import Counter

import pypdfium2  # type: ignore[import-untyped] # it has no types, and nobody has made stubs
import pytest

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.answers import Answers, told
from tests.support.chromium import Visitor
from tests.support.model_server import SUMMARY
from tests.support.precis import Account, Precis

pytestmark = pytest.mark.browser
CLICKED = ("Sign out", "New document", "Edit", "Delete", "Download", "Write it again", "Skip to")


def printed(visitor: Visitor) -> str:
    """The words of the page on paper, without the places where their lines end."""
    with pypdfium2.PdfDocument(visitor.page.pdf(format="A4")) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return " ".join(" ".join(pages).replace("\ufffe", "").split())


def test_printed_document_is_its_title_its_summary_and_its_text(reader: Visitor) -> None:
    reader.write("The lighthouse on paper", ARTICLE)
    reader.sees("complete")
    words = printed(reader)
    assert words.startswith("The lighthouse on paper")
    assert "Version 1 ·" in words
    assert re.search(r"Written by scripted\W+(\w+ \d+, 20\d\d|\d+ \w+ 20\d\d)", words), (
        "the day, and not 'just now'"
    )
    for part in (*SUMMARY.splitlines(), *ARTICLE.split("\n\n")):
        assert " ".join(part.removeprefix("- ").split()) in words
    assert [label for label in CLICKED if label in words] == []


def test_what_is_still_being_written_is_not_printed(reader: Visitor, answers: Answers) -> None:
    head = SUMMARY.splitlines()[0]
    answers.give("Half on paper", told(head, answers.gate()))
    reader.write("Half on paper", ARTICLE)
    reader.sees("processing", words=head.removeprefix("- "))
    words = printed(reader)
    assert "Half on paper" in words
    assert " ".join(ARTICLE.split()) in words
    assert head.removeprefix("- ") not in words
    assert "Summary" not in words


def test_paper_is_white_by_night(visit: Visit, scripted: Precis, alice: Account) -> None:
    visitor = visit(scripted.address, alice, color_scheme="dark")
    visitor.write("Printed by night", ARTICLE)
    visitor.sees("complete")
    with pypdfium2.PdfDocument(visitor.page.pdf(format="A4", print_background=True)) as document:
        shades = bytes(document[0].render(grayscale=True).buffer)
    assert Counter(shades).most_common(1)[0][0] == 255
