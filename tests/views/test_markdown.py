"""One document as a Markdown file."""

from urllib.parse import unquote

import pytest
from flask import Flask
from lxml import html
from markdown_it import MarkdownIt

from tests.conftest import ARTICLE, PASSWORD, add_member
from tests.support.browser import Browser
from tests.support.model_server import ModelServer
from tests.support.worker import work
from webapp.extensions import db, transaction
from webapp.models import Document, Member, Revision, Role, Source


@pytest.fixture
def bob(app: Flask) -> Browser:
    """A teammate who reads."""
    add_member("Bob", Role.READER)
    return Browser(app).sign_in("bob@example.org", PASSWORD)


def file_of(browser: Browser, document: Document) -> str:
    browser.open(f"/documents/{document.id}").open(browser.one("a[href$='/markdown']").get("href"))
    assert browser.response is not None
    assert browser.response.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert browser.response.headers["X-Content-Type-Options"] == "nosniff"
    return str(browser.response.data.decode())


def disposition(browser: Browser) -> str:
    assert browser.response is not None
    return str(browser.response.headers["Content-Disposition"])


def test_reader_takes_a_document_along_with_its_summary(bob: Browser, alice: Member) -> None:
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    told = file_of(bob, document)
    assert disposition(bob) == "attachment; filename=Skerrymore.md"
    page = html.fromstring(MarkdownIt().render(told))
    assert page.findtext(".//h1") == "Skerrymore"
    assert "Alice" in page.findall(".//p")[0].text_content()
    assert "Version 1" in page.findall(".//p")[0].text_content()
    assert page.find(".//em").text_content().startswith("Selected sentences")
    for point in page.findall(".//li"):
        assert point.text_content() in ARTICLE
    assert page.findall(".//li")


def test_summary_names_its_model_and_its_version(llm_app: Flask, model_server: ModelServer) -> None:
    alice = add_member("Alice", Role.ADMIN)
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    document.revise(alice, title="Skerrymore", text=ARTICLE + " More.")
    told = file_of(Browser(llm_app).sign_in(alice.email, PASSWORD), document)
    assert "*Written by scripted" in told
    assert "of version 1*" in told


def test_document_without_a_summary_says_nothing_of_one(bob: Browser, alice: Member) -> None:
    assert "Summary" not in file_of(bob, alice.documents.add(title="Short", text="Short."))


def test_source_is_named(bob: Browser, alice: Member) -> None:
    document = alice.documents.add(title="Report", text=ARTICLE)
    with transaction():
        db.session.add(Source(document_id=document.id, version=1, kind="web", name="A *page*", url="https://example.org/a_b",
                              author="Jane Doe", dated="2024-05-01", media_type="text/html", size_bytes=1,
                              sha256="0" * 64))  # fmt: skip
    assert r"From A \*page\* · Jane Doe · 2024-05-01 · <https://example.org/a_b>" in file_of(bob, document)


def test_markdown_follows_as_it_is(bob: Browser, alice: Member) -> None:
    text = "# One\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[x]: https://example.org\n"
    document = alice.documents.add(title="Marked up", text=text)
    with transaction():
        db.session.execute(db.update(Revision).values(format="markdown"))
    assert file_of(bob, document).endswith("\n\n---\n\n" + text)


@pytest.mark.parametrize(
    ("title", "name"),
    [("Straße, 灯台 & منارة", "Straße-灯台-منارة.md"), ("a/../b\\c\r\nX-Evil: 1", "a-b-c-X-Evil-1.md"), ('"; x="', "x.md"), ("…", "document.md"),
     ("..", "document.md"), ("\u202eexe.fdp", "exe-fdp.md"), ("हिन्दी", "हिन्दी.md")],
)  # fmt: skip
def test_file_is_named_after_the_title_in_its_own_script(
    bob: Browser, alice: Member, title: str, name: str
) -> None:
    file_of(bob, alice.documents.add(title=title, text="Short."))
    told = disposition(bob)
    encoded = told.rpartition("filename*=UTF-8''")[2]
    assert (unquote(encoded) if "filename*" in told else told.removeprefix("attachment; filename=")) == name
    assert told.isascii()
