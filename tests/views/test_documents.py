"""Creating, reading, editing and deleting documents."""

import pytest
from flask import Flask

from tests.conftest import ARTICLE, PASSWORD, add_member
from tests.support.browser import Browser
from tests.support.valkey import Valkey
from tests.support.worker import work
from webapp.extensions import db
from webapp.models import Document, Member, Revision, Role, Summary
from webapp.models.library import PAGE_SIZE


def test_empty_library_says_how_to_begin(browser: Browser) -> None:
    browser.open("/")
    assert [link for link in browser.find("main a") if link.get("href") == "/documents/new"]


def test_saved_document_is_shown_as_it_was_typed(browser: Browser) -> None:
    document_id = browser.write("Skerrymore", ARTICLE)
    assert browser.text("h1") == "Skerrymore"
    shown = " ".join(browser.one("main").text_content().split())
    for paragraph in ARTICLE.split("\n\n"):
        assert " ".join(paragraph.split()) in shown
    assert db.session.get_one(Document, document_id).text == ARTICLE


def test_saved_document_appears_first_in_the_library(browser: Browser) -> None:
    first, second = browser.write("First", ARTICLE), browser.write("Second", ARTICLE + "!")
    rows = browser.open("/").find("li[id$='-row']")
    assert [row.get("id") for row in rows] == [f"document-{second}-row", f"document-{first}-row"]


def test_library_is_paged(app: Flask, browser: Browser, alice: Member) -> None:
    for number in range(PAGE_SIZE + 1):
        alice.documents.add(title=f"Document {number}", text="Short.")
    assert len(browser.open("/").find("li[id$='-row']")) == PAGE_SIZE
    assert len(browser.open("/?page=2").find("li[id$='-row']")) == 1
    assert len(browser.open("/?page=99").find("li[id$='-row']")) == 1
    assert browser.open("/?page=x").status == 200


@pytest.mark.parametrize(
    ("title", "text", "field"),
    [("", "text", "title"), ("  ", "text", "title"), ("x" * 301, "text", "title"), ("t", " \r\n", "text")],
)
def test_bad_input_keeps_what_was_typed_and_says_what_to_do(
    browser: Browser, title: str, text: str, field: str
) -> None:
    browser.open("/documents/new").submit('form[action="/documents"]', title=title, text=text)
    assert browser.status == 422
    input_ = browser.one(f'[name="{field}"]')
    assert input_.get("aria-invalid") == "true"
    assert browser.find(f"#{input_.get('aria-describedby').split()[0]}")
    assert browser.one('[name="text"]').value.strip() == text.strip()
    assert not db.session.scalars(db.select(Document)).all()


def test_text_that_is_too_long_is_refused_with_its_limit(make_app) -> None:  # type: ignore[no-untyped-def]
    app = make_app(PRECIS_MAX_TEXT_BYTES="1000")
    add_member("Alice", Role.ADMIN)
    browser = Browser(app)
    browser.sign_in("alice@example.org", PASSWORD)
    browser.open("/documents/new").submit('form[action="/documents"]', title="t", text="é" * 501)
    assert browser.status == 422
    assert "1 kB" in browser.text("main")


def test_markup_in_title_and_text_is_only_text(browser: Browser) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)> <b hx-get='/x'>b</b>"
    browser.write(hostile, hostile + ARTICLE)
    assert hostile in browser.one("h1").text_content()
    assert not browser.find("main script, main img, main b, main [hx-get='/x']")
    assert not browser.open("/").find("main li script, main li img")


def test_edit_makes_a_revision_and_keeps_the_old_one(browser: Browser) -> None:
    document_id = browser.write("Skerrymore", ARTICLE)
    browser.open(f"/documents/{document_id}/edit").submit(
        f'form[action="/documents/{document_id}"]', title="Skerrymore light", text=ARTICLE + "\n\nMore."
    )
    assert browser.path == f"/documents/{document_id}"
    revisions = db.session.scalars(db.select(Revision).order_by(Revision.version)).all()
    assert [(r.version, r.title, r.text) for r in revisions] == [
        (1, "Skerrymore", ARTICLE),
        (2, "Skerrymore light", ARTICLE + "\n\nMore."),
    ]


def test_saving_without_a_change_makes_no_revision(browser: Browser) -> None:
    document_id = browser.write("Skerrymore", ARTICLE)
    browser.open(f"/documents/{document_id}/edit").submit(f'form[action="/documents/{document_id}"]')
    assert db.session.get_one(Document, document_id).version == 1


def test_two_editors_lose_nothing(app: Flask, browser: Browser) -> None:
    add_member("Bob", Role.EDITOR)
    bob = Browser(app)
    bob.sign_in("bob@example.org", PASSWORD)
    document_id = browser.write("Skerrymore", ARTICLE)
    bob.open(f"/documents/{document_id}/edit")
    browser.open(f"/documents/{document_id}/edit").submit(
        f'form[action="/documents/{document_id}"]', text=ARTICLE + "A"
    )
    bob.submit(f'form[action="/documents/{document_id}"]', text=ARTICLE + "B")
    assert bob.status == 409
    assert bob.one('[name="text"]').value.removeprefix("\n") == ARTICLE + "B"
    bob.submit(f'form[action="/documents/{document_id}"]')
    assert db.session.get_one(Document, document_id, populate_existing=True).text == ARTICLE + "B"
    assert db.session.get_one(Document, document_id).version == 3


def test_edit_without_a_version_is_taken(browser: Browser) -> None:
    document_id = browser.write("Skerrymore", ARTICLE)
    browser.post(f"/documents/{document_id}", title="New", text="Another text.")
    assert browser.status == 303
    assert db.session.get_one(Document, document_id, populate_existing=True).title == "New"


def test_deleting_asks_first_and_leaves_nothing(browser: Browser, valkey: Valkey) -> None:
    document_id = browser.write("Skerrymore", ARTICLE)
    work()
    browser.open(f"/documents/{document_id}")
    document = db.session.get_one(Document, document_id, populate_existing=True)
    assert Summary.cached(document_id, document.content_hash)
    browser.open(f"/documents/{document_id}/delete").submit(f'form[action="/documents/{document_id}/delete"]')
    assert browser.path == "/"
    assert browser.open(f"/documents/{document_id}").status == 404
    for model in (Document, Revision, Summary):
        assert not db.session.scalars(db.select(model)).all()
    assert not Summary.cached(document_id, document.content_hash)
    with valkey.client() as client:
        assert client.keys("*summary*") + client.keys("*words*") == []


def test_htmx_may_delete_too(browser: Browser) -> None:
    document_id = browser.write("Skerrymore", ARTICLE)
    answer = browser.client.delete(f"/documents/{document_id}", headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 303


def test_old_form_says_that_nothing_is_lost(browser: Browser) -> None:
    browser.response = browser.client.post(
        "/documents", data={"title": "t", "text": "x", "csrf_token": "old"}
    )
    assert browser.status == 400
    assert "still in the form" in browser.text("main")


def test_null_characters_are_dropped(browser: Browser) -> None:
    browser.post("/documents", title="t", text="a\0b " + ARTICLE)
    assert db.session.scalars(db.select(Document)).one().text.startswith("ab ")


def test_extra_fields_are_ignored(browser: Browser, alice: Member) -> None:
    browser.post("/documents", title="t", text=ARTICLE, author_id="99", summary_status="complete", id="7")
    document = db.session.scalars(db.select(Document)).one()
    assert (document.author_id, document.summary_status) == (alice.id, "pending")


def test_a_text_is_plain_unless_markdown_is_chosen(browser: Browser) -> None:
    browser.open(f"/documents/{browser.write('t', '# One')}")
    assert (browser.text(".prose--document p"), browser.find(".prose--document h2")) == ("# One", [])
    browser.open("/documents/new").submit(
        'form[action="/documents"]', title="t", text="# One", format="markdown"
    )
    assert browser.text(".prose--document h2") == "One"


def test_markdown_stays_markdown_when_it_is_edited(browser: Browser, alice: Member) -> None:
    document = alice.documents.add(title="t", text="# One", format="markdown")
    form = f'form[action="/documents/{document.id}"]'
    browser.open(f"/documents/{document.id}/edit").submit(form, text="# Two")
    assert browser.text(".prose--document h2") == "Two"
    browser.post(f"/documents/{document.id}", title="t", text="# Three")
    assert browser.open(f"/documents/{document.id}").text(".prose--document h2") == "Three"


def test_another_format_alone_is_a_new_version_with_the_same_summary(browser: Browser, alice: Member) -> None:
    document = alice.documents.add(title="t", text=ARTICLE)
    work()
    form = f'form[action="/documents/{document.id}"]'
    browser.open(f"/documents/{document.id}/edit").submit(form, format="markdown")
    changed = db.session.get_one(Document, document.id, populate_existing=True)
    assert (changed.version, changed.revision.format, changed.summary_status) == (2, "markdown", "complete")


def test_a_format_that_is_none_is_plain(browser: Browser) -> None:
    browser.post("/documents", title="t", text="# One", format="html")
    assert db.session.scalars(db.select(Revision.format)).all() == ["plain"]


def test_number_that_no_database_takes_leads_nowhere(browser: Browser) -> None:
    for number in (2**31, 2**63, 10**30):
        for path in (
            f"/documents/{number}",
            f"/documents/{number}/summary",
            f"/documents/1/revisions/{number}",
        ):
            assert browser.client.get(path).status_code == 404
    assert browser.client.get(f"/?page={10**30}").status_code == 200
