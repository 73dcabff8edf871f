"""Editing a summary by hand, as an editor sees it: without JavaScript, by forms."""

import pytest
from flask import Flask

from tests.conftest import ARTICLE, PASSWORD, MakeApp, add_member
from tests.support.browser import Browser
from tests.support.model_server import ModelServer, Script
from tests.support.worker import work
from webapp.extensions import db
from webapp.models import Document, Member, Role
from webapp.models.invariants import violations
from webapp.models.words import LONGEST_CHARS

MINE = "- Ada kept the light.\n- The rock is **bare**."


@pytest.fixture
def app(staffed_app: Flask) -> Flask:
    return staffed_app


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.EDITOR)


@pytest.fixture
def bob(app: Flask) -> Browser:
    """A teammate who reads."""
    add_member("Bob", Role.READER)
    return Browser(app).sign_in("bob@example.org", PASSWORD)


@pytest.fixture
def document_id(alice: Member) -> int:
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    work()
    return document_id


def write(browser: Browser, document_id: int, text: str = MINE) -> Browser:
    browser.open(f"/documents/{document_id}").open(browser.one(".hand a").get("href"))
    return browser.submit("form.draft", text=text)


def generate(browser: Browser, document_id: int) -> None:
    browser.open(f"/documents/{document_id}").submit("form.summary__action")
    work()
    browser.open(f"/documents/{document_id}")


def test_editor_edits_what_is_shown_and_it_says_by_whom(browser: Browser, document_id: int) -> None:
    browser.open(f"/documents/{document_id}").open(browser.one(".hand a").get("href"))
    assert browser.one("textarea").text.strip().startswith("- ")
    browser.submit("form.draft", text=MINE)
    assert browser.path == f"/documents/{document_id}"
    assert browser.text(".summary__engine") == "Edited by Alice"
    assert "Ada kept the light." in browser.text(".summary__text")
    assert "Written by" not in browser.text(".summary .facts")
    assert "your words now" in browser.text("[role=status].flash")


def test_a_later_summary_is_offered_beside_used_and_the_words_used_again(
    browser: Browser, document_id: int
) -> None:
    write(browser, document_id)
    assert browser.text(".beside > summary") == "What it said before the edit"
    generate(browser, document_id)
    assert browser.text(".summary__engine") == "Edited by Alice"
    assert browser.text(".beside > summary") == "A newer summary is there"
    assert "Written by scripted" in browser.text(".beside")
    browser.submit(".beside form")
    assert browser.text(".summary__engine") == "Written by scripted"
    assert not browser.find(".beside")
    assert "Alice’s words of just now" in browser.text(".earlier")
    browser.submit(".earlier form")
    assert browser.text(".summary__engine") == "Edited by Alice"


def test_after_an_edit_of_the_text_the_words_are_labelled_like_any_other(
    browser: Browser, document_id: int
) -> None:
    write(browser, document_id)
    browser.open(f"/documents/{document_id}/edit").submit("form.draft", text=ARTICLE + "\n\nMore.")
    area = browser.one("section[data-status]")
    assert (area.get("data-status"), area.get("data-stale")) == ("pending", "true")
    work()
    browser.open(f"/documents/{document_id}")
    assert browser.one("section[data-status]").get("data-stale") == "true"
    assert "These words are of version 1. A summary of version 2 is below them." in browser.text(
        ".summary__version"
    )
    assert "of version 1" in browser.text(".summary .facts")


@pytest.mark.parametrize(
    ("text", "sentence"), [(" \n", "Type what the summary"), ("x" * (LONGEST_CHARS + 1), "Shorten it to")]
)
def test_unusable_words_come_back_with_what_is_wrong(
    browser: Browser, document_id: int, text: str, sentence: str
) -> None:
    write(browser, document_id, text)
    assert browser.status == 422
    assert sentence in browser.text("#text-error")
    assert browser.one("textarea").get("aria-invalid") == "true"
    assert browser.one("textarea").text.removeprefix("\n") == text


def test_conflict_shows_both_and_can_be_settled(app: Flask, browser: Browser, document_id: int) -> None:
    add_member("Carol", Role.EDITOR)
    carol = Browser(app).sign_in("carol@example.org", PASSWORD)
    browser.open(f"/documents/{document_id}/summary/words/new")
    write(carol, document_id, "- Carol was first.")
    browser.submit("form.draft", text=MINE)
    assert browser.status == 409
    assert "Carol was first." in browser.text(".theirs")
    assert "Edited by Carol" in browser.text(".theirs")
    assert browser.one("textarea").text.strip() == MINE
    browser.submit("form.draft")
    assert browser.text(".summary__engine") == "Edited by Alice"
    assert "Carol’s words" in browser.text(".earlier")


def test_choice_on_an_old_page_changes_nothing(app: Flask, browser: Browser, document_id: int) -> None:
    add_member("Carol", Role.EDITOR)
    write(browser, document_id)
    write(Browser(app).sign_in("carol@example.org", PASSWORD), document_id, "- Carol is later.")
    browser.submit(".beside form")
    assert browser.text(".summary__engine") == "Edited by Carol"
    assert "Nothing was changed" in browser.text("[role=alert].flash")


def test_nothing_of_another_document_or_style_can_be_chosen(browser: Browser, document_id: int) -> None:
    other = browser.write("Other", ARTICLE + " Other.")
    work()
    db.session.commit()
    theirs = db.session.get_one(Document, other).summary_id
    answer = browser.post(f"/documents/{document_id}/summary/choice", summary=str(theirs), choices="0")
    assert answer.status == 404
    mine = db.session.get_one(Document, document_id).summary_id
    path = f"/documents/{document_id}/summary/choice?style=brief"
    assert browser.post(path, summary=str(mine), choices="0").status == 404
    db.session.commit()
    assert db.session.get_one(Document, document_id).choices == 0


def test_reader_sees_whose_words_they_are_and_no_button(
    browser: Browser, bob: Browser, document_id: int
) -> None:
    write(browser, document_id)
    generate(browser, document_id)
    bob.open(f"/documents/{document_id}")
    assert bob.text(".summary__engine") == "Edited by Alice"
    assert bob.find(".beside") and not bob.find(".beside form, .hand, .earlier form")


def test_markup_in_a_persons_words_is_only_text(browser: Browser, document_id: int) -> None:
    write(
        browser, document_id, "- <script>x</script> [c](javascript:d) ![a](//e.example/b) <b hx-get=/x>z</b>"
    )
    assert "<script>x</script>" in browser.text(".summary__text")
    assert not browser.find(
        ".summary__text script, .summary__text img, .summary__text b, .summary__text a[href^=java]"
    )


def test_where_one_comes_soon_nobody_is_told_to_write(browser: Browser, alice: Member) -> None:
    waiting = alice.documents.add(title="Waits", text=ARTICLE).id
    assert not browser.open(f"/documents/{waiting}").find(".hand")


@pytest.mark.parametrize("kind", ["failed", "short"])
def test_editor_writes_one_where_none_was_ever_shown(
    browser: Browser, bob: Browser, alice: Member, model_server: ModelServer, kind: str
) -> None:
    model_server.script(Script.status(400))
    path = (
        f"/documents/{alice.documents.add(title='Lamps', text=ARTICLE if kind == 'failed' else 'Short.').id}"
    )
    work()
    assert not bob.open(path).find(".hand")
    browser.open(path).open(browser.one(".hand a").get("href"))
    assert browser.text("h1") == "Write a summary of “Lamps”"
    assert browser.submit("form.draft", text=" ").status == 422
    browser.submit("form.draft", text=MINE)
    assert browser.text(".summary__engine") == "Edited by Alice"
    assert "Ada kept the light." in bob.open(path).text(".summary__text")
    assert "Ada kept the light." in bob.open("/").text(".row__gist")
    assert not browser.open(path).find(".summary__explanation .hand")
    assert bool(browser.find("form.summary__action")) == (kind == "failed")
    assert violations() == []
    model_server.script(())
    if kind == "failed":
        generate(browser, int(path.rpartition("/")[2]))
        assert browser.text(".summary__engine") == "Edited by Alice"
        assert browser.text(".beside summary") == "A newer summary is there"


def test_switched_off_nothing_can_be_edited(make_app: MakeApp, alice: Member) -> None:
    browser = Browser(make_app(PRECIS_SUMMARIES="off")).sign_in(alice.email, PASSWORD)
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    assert browser.open(f"/documents/{document_id}/summary/words/new").status == 404
    assert browser.post(f"/documents/{document_id}/summary/words", text="x", seen="").status == 404
