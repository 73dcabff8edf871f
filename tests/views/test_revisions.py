"""The history of a document: its versions, what each changed, and the way back."""

from typing import Any

import pytest
from flask import Flask

from tests.conftest import ARTICLE, PASSWORD, add_member
from tests.support.browser import Browser
from tests.support.valkey import Valkey
from tests.support.worker import work
from webapp.extensions import db
from webapp.models import Document, Member, Revision, Role, Status, Summary
from webapp.models.history import PAGE_SIZE
from webapp.summarizing.engine import Ask, Style


@pytest.fixture
def document(app: Flask, alice: Member) -> Document:
    """In three versions: another word, then another title."""
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    document.revise(alice, title="Skerrymore", text=ARTICLE.replace("twice a day", "at each tide"))
    document.revise(alice, title="A light", text=ARTICLE.replace("twice a day", "at each tide"))
    return document


@pytest.fixture
def history(document: Document) -> str:
    return f"/documents/{document.id}/revisions"


def listed(browser: Browser) -> list[str]:
    return [" ".join(row.text_content().split()) for row in browser.find(".rows > li")]


def back(document: Document) -> str:
    return f'form[action="/documents/{document.id}/revisions"]'


def since(version: str) -> dict[str, Any]:
    """The field of a form that is no name in Python."""
    return {"from": version}


def current(document: Document) -> Document:
    return db.session.get_one(Document, document.id, populate_existing=True)


def test_history_tells_of_each_version_who_saved_it_and_what_it_changed(
    browser: Browser, document: Document, history: str
) -> None:
    browser.open(f"/documents/{document.id}")
    assert [link.text_content() for link in browser.find(f'a[href="{history}"]')] == ["history"]
    third, second, first = listed(browser.open(history))
    assert "Version 3 current A light New title." in third
    assert "Version 2 Skerrymore 1 paragraph changed." in second
    assert "Version 1 Skerrymore First version." in first
    assert "Alice" in first and f"{len(ARTICLE):,} characters" in first


def test_history_shows_the_first_lines_of_each_texts_summary(browser: Browser, history: str) -> None:
    excerpt = db.session.scalars(db.select(Summary).filter_by(status=Status.COMPLETE)).one().excerpt
    assert [excerpt[:60] in row for row in listed(browser.open(history))] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ARTICLE + "\n\nOne.\n\nTwo.", "2 paragraphs added."),
        ("\n\n".join(ARTICLE.split("\n\n")[1:]), "1 paragraph removed."),
        (ARTICLE.replace("\n\n", "  \n\n"), "Blanks at the ends of lines."),
        (ARTICLE * 100, f"Text {99 * len(ARTICLE):,} characters longer."),
    ],
)
def test_changes_of_a_text_are_told_in_words(browser: Browser, alice: Member, text: str, words: str) -> None:
    document = alice.documents.add(title="t", text=ARTICLE)
    document.revise(alice, title="t", text=text)
    for _ in range(2):  # counted, then found in the cache
        assert words in listed(browser.open(f"/documents/{document.id}/revisions"))[0]


def test_history_works_without_redis(make_app) -> None:  # type: ignore[no-untyped-def]
    app = make_app(REDIS_URL="redis://127.0.0.1:1/0")
    alice = add_member("Alice", Role.ADMIN)
    document = alice.documents.add(title="t", text=ARTICLE)
    document.revise(alice, title="t", text=ARTICLE + "\n\nOne.")
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    assert "1 paragraph added." in listed(browser.open(f"/documents/{document.id}/revisions"))[0]
    assert browser.open(f"/documents/{document.id}").status == 200
    assert browser.open(f"/documents/{document.id}/revisions/1").status == 200


def test_history_is_paged(browser: Browser, alice: Member) -> None:
    document = alice.documents.add(title="0", text="Short.")
    for number in range(PAGE_SIZE):
        document.revise(alice, title=f"{number + 1}", text="Short.")
    first = listed(browser.open(f"/documents/{document.id}/revisions"))
    assert (len(first), "New title." in first[-1]) == (PAGE_SIZE, True)
    second = listed(browser.open(f"/documents/{document.id}/revisions?page=2"))
    assert (len(second), "First version." in second[0]) == (1, True)
    assert listed(browser.open(f"/documents/{document.id}/revisions?page=99")) == second


def test_old_version_is_a_page_that_says_that_it_is_old(
    browser: Browser, document: Document, history: str
) -> None:
    browser.open(f"{history}/1")
    assert browser.text("h1") == "Skerrymore"
    assert "twice a day" in browser.text(".prose--document")
    assert "This is version 1. The document has come to version 3." in browser.text(".note")
    assert browser.find(f'.note a[href="/documents/{document.id}"]')


def test_old_version_has_its_own_summary_and_nothing_that_changes_by_itself(
    browser: Browser, document: Document, history: str
) -> None:
    assert current(document).summary_status == Status.PENDING
    browser.open(f"{history}/1")
    assert "Selected sentences" in browser.text(".summary")
    assert not browser.find("[hx-trigger], .summary form, noscript")
    assert not browser.open(f"{history}/2").find(".summary")


def test_a_summary_of_an_older_version_leads_to_it(
    browser: Browser, document: Document, history: str
) -> None:
    (note,) = browser.open(f"/documents/{document.id}").find(".summary__version a")
    assert (note.text, note.get("href")) == ("version 1", f"{history}/1")


def test_an_old_version_is_told_by_its_usual_summary_whatever_else_was_asked(
    browser: Browser, alice: Member
) -> None:
    document = alice.documents.add(title="t", text=ARTICLE)
    work()
    usual = db.session.scalars(db.select(Summary)).one()
    document.summarize_later(Ask(Style.BRIEF))
    work()
    assert db.session.scalar(db.select(db.func.count(Summary.id))) == 2
    document.revise(alice, title="t", text="Another text.")
    assert usual.excerpt[:60] in listed(browser.open(f"/documents/{document.id}/revisions"))[1]
    browser.open(f"/documents/{document.id}/revisions/1")
    points = [" ".join(point.text_content().split()) for point in browser.find(".summary__text li")]
    assert " ".join(points)[:60] == usual.excerpt[:60]


def test_the_current_version_is_the_documents_page(
    browser: Browser, document: Document, history: str
) -> None:
    assert browser.open(f"{history}/3").path == f"/documents/{document.id}"


@pytest.mark.parametrize("version", ["0", "4", "99999999999999999999"])
def test_versions_that_are_not_there_are_404(browser: Browser, history: str, version: str) -> None:
    assert browser.open(f"{history}/{version}").status == 404
    assert browser.open(f"{history}/{version}/changes").status == 404
    assert browser.open(f"{history}/2/changes?from={version}").status == 404


def test_first_version_changed_nothing(browser: Browser, history: str) -> None:
    assert browser.open(f"{history}/1/changes").status == 404
    assert "/1/changes" not in browser.open(history).response.text  # type: ignore[union-attr]


def test_changes_mark_the_words_that_went_and_came(browser: Browser, history: str) -> None:
    browser.open(f"{history}/2/changes")
    assert ([e.text for e in browser.find("del")], [e.text for e in browser.find("ins")]) == (
        ["twice a day."], ["at each tide."],
    )  # fmt: skip
    assert "1 paragraph differs" in browser.text(".facts")
    assert browser.text(".differences__fold").endswith("paragraphs unchanged")


def test_changes_tell_of_another_title(browser: Browser, history: str) -> None:
    browser.open(f"{history}/3/changes")
    assert browser.text(".changes__title") == "Title: Skerrymore A light"
    assert "the same words" in browser.text(".differences__none")


def test_any_two_versions_are_compared(browser: Browser, history: str) -> None:
    form = browser.open(f"{history}/3/changes").one('form[method="get"]')
    assert form.fields["from"] == "2" and form.inputs["from"].value_options == ["2", "1"]
    browser.open(f"{form.get('action')}?from=1")
    assert browser.text("h1") == "Changes from version 1 to 3"
    assert [element.text for element in browser.find(".differences ins")] == ["at each tide."]


def test_markup_in_what_is_compared_is_only_text(browser: Browser, alice: Member) -> None:
    hostile = "<script>alert(1)</script><b hx-get='/x'>b</b>"
    document = alice.documents.add(title=hostile, text=f"a {hostile} b\n\nc")
    document.revise(alice, title=f"{hostile}!", text=f"d {hostile} e\n\nc")
    for path in ("revisions", "revisions/1", "revisions/2/changes"):
        browser.open(f"/documents/{document.id}/{path}")
        assert hostile in browser.one("main").text_content()
        assert not browser.find("main script, main b, main [hx-get='/x']")


def test_an_old_version_comes_back_as_a_new_one_with_its_summary(
    browser: Browser, document: Document, history: str
) -> None:
    browser.open(f"{history}/1").submit(back(document))
    assert browser.path == f"/documents/{document.id}"
    assert "Version 1 is the current one again." in browser.text(".flash")
    now = current(document)
    assert (now.version, now.title, now.text) == (4, "Skerrymore", ARTICLE)
    assert now.summary_status == Status.COMPLETE
    assert [r.version for r in db.session.scalars(db.select(Revision).order_by(Revision.version))] == [
        1,
        2,
        3,
        4,
    ]


def test_markdown_comes_back_as_markdown(browser: Browser, alice: Member) -> None:
    document = alice.documents.add(title="t", text="# One", format="markdown")
    document.revise(alice, title="t", text="One", format="plain")
    browser.open(f"/documents/{document.id}/revisions/1").submit(back(document))
    assert browser.text(".prose--document h2") == "One"


def test_who_brings_back_a_version_while_somebody_saves_is_asked_again(
    browser: Browser, document: Document, history: str, alice: Member
) -> None:
    browser.open(f"{history}/1")
    document.revise(alice, title="A light", text="Theirs.")
    browser.submit(back(document))
    assert browser.status == 409
    assert "Somebody saved version 4" in browser.text('main [role="alert"].note')
    assert current(document).text == "Theirs."
    browser.submit(back(document))
    assert (current(document).version, current(document).text) == (5, ARTICLE)


def test_a_reader_looks_and_brings_nothing_back(app: Flask, document: Document, history: str) -> None:
    add_member("Bob", Role.READER)
    bob = Browser(app)
    bob.sign_in("bob@example.org", PASSWORD)
    for path in (history, f"{history}/1", f"{history}/2/changes"):
        assert bob.open(path).status == 200
        assert not bob.find('main form[method="post"]')


def test_a_version_of_nowhere_cannot_be_brought_back(
    browser: Browser, document: Document, history: str
) -> None:
    for version in ("", "x", "0", "9"):
        assert browser.post(history, **since(version)).status == 404
    assert current(document).version == 3


def test_deleting_leaves_nothing_of_old_versions_in_the_cache(
    browser: Browser, document: Document, history: str, valkey: Valkey
) -> None:
    for path in (history, f"{history}/1", f"/documents/{document.id}"):
        browser.open(path)
    with valkey.client() as client:
        assert client.keys("*text/*") and client.keys("*changes/*")
        browser.open(f"/documents/{document.id}/delete").submit(
            f'form[action="/documents/{document.id}/delete"]'
        )
        assert client.keys("*text/*") + client.keys("*changes/*") == []
