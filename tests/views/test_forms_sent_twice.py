"""A form that is sent twice brings what it brings once: after a double click, a way back, or an answer that was lost.

On SQLite and on PostgreSQL, by the form that the page shows, and without JavaScript.
"""

import io
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.conftest import ARTICLE, PASSWORD, add_member
from tests.models import test_databases
from tests.models.test_databases import together
from tests.support import nth
from tests.support.browser import Browser, Client
from tests.support.nth import failing
from webapp.extensions import Base, db
from webapp.models import Document, Import, Member, Revision, Role, Summary
from webapp.models.invariants import violations

app, postgresql = test_databases.app, test_databases.postgresql
DONE, BUSY = 303, 503


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.EDITOR)


def form_of(browser: Browser) -> dict[str, Any]:
    """The hidden fields of a new form, and a text."""
    form = browser.open("/documents/new").one('form[action="/documents"]')
    hidden = {field.get("name"): field.get("value") for field in form.cssselect("input[type=hidden]")}
    return {**hidden, "title": "Lamps", "text": ARTICLE, "url": "", "format": "plain"}


def send(browser: Browser, form: dict[str, Any], *files: tuple[str, bytes]) -> TestResponse:
    brought = [(io.BytesIO(content), name) for name, content in files] or (io.BytesIO(), "")
    return browser.client.post("/documents", data={**form, "file": brought})


def number_of(model: type[Base]) -> int:
    db.session.commit()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def sent_until_answered(send: Callable[[], TestResponse], number: int) -> tuple[TestResponse, bool, bool]:
    """Send, while the answer to the commit of this number is lost, and send the same again if it was.

    Returns the last answer, whether one was lost, and whether the page said that nothing was saved.
    """
    db.session.remove()  # so that no commit of the test itself is counted
    with failing(nth.lost_commit, number, is_lasting=False) as struck:
        answer = send()
    if answer.status_code != BUSY:
        return answer, struck.has_struck, False
    return send(), True, True


def test_each_form_has_a_token_of_its_own_that_nobody_guesses(browser: Browser) -> None:
    tokens = {form_of(browser)["form"] for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 32
    form = form_of(browser)
    send(browser, {**form, "title": ""})
    browser.response = send(browser, {**form, "title": ""})
    assert browser.status == 422
    assert browser.one('input[name="form"]').get("value") == form["form"]


def test_save_whose_answer_was_lost_makes_one_document_when_it_is_sent_again(browser: Browser) -> None:
    was_lost = []
    for number in count(1):
        form = {**form_of(browser), "text": f"{ARTICLE} {number}"}
        before = number_of(Document)
        answer, has_struck, is_repeated = sent_until_answered(partial(send, browser, form), number)
        assert answer.status_code == DONE
        assert number_of(Document) == before + 1
        assert browser.open(answer.location).status == 200
        was_lost.append(is_repeated)
        if not has_struck:
            break
    assert any(was_lost)
    assert violations() == []


def test_two_clicks_at_once_make_one_document(app: Flask, browser: Browser) -> None:
    form, cookie = form_of(browser), browser.client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie

    def click() -> TestResponse:
        client = Client(app, app.response_class)
        client.set_cookie(cookie.key, cookie.value)
        return client.post("/documents", data=form)

    answers = together(app, 6, click)
    assert {answer.status_code for answer in answers} == {DONE}  # type: ignore[attr-defined]
    assert len({answer.location for answer in answers}) == 1  # type: ignore[attr-defined]
    assert (number_of(Document), number_of(Revision), number_of(Summary)) == (1, 1, 1)
    assert violations() == []


def test_way_back_and_the_same_again_lead_to_the_document_as_it_is_by_now(
    browser: Browser, alice: Member
) -> None:
    form = form_of(browser)
    location = send(browser, form).location
    document = db.session.scalars(select(Document)).one()
    document.revise(alice, title="Lamps", text=ARTICLE + " Edited.")
    assert send(browser, form).location == location
    assert number_of(Document) == 1
    assert browser.open(location).text(".prose").endswith("Edited.")


@pytest.mark.parametrize("changed", [{"text": "Other words."}, {"title": "Other"}, {"format": "markdown"}])
def test_what_was_changed_before_it_was_sent_again_is_a_document_of_its_own(
    browser: Browser, changed: dict[str, str]
) -> None:
    form = form_of(browser)
    locations = [send(browser, each).location for each in (form, form | changed, form, form | changed)]
    assert locations[:2] == locations[2:]
    assert len(set(locations)) == number_of(Document) == 2


def test_forms_of_others_and_of_before_mean_nothing(app: Flask, browser: Browser) -> None:
    form = form_of(browser)
    bob = Browser(app).sign_in(add_member("Bob", Role.EDITOR).email, PASSWORD)
    theirs = {**form, "csrf_token": bob.token()}
    old = {**form, "form": ""}
    sent = [send(browser, form), send(bob, theirs), send(browser, old), send(browser, old)]
    assert len({answer.location for answer in sent}) == 4


def test_what_was_deleted_can_be_sent_again(browser: Browser) -> None:
    form = form_of(browser)
    first = send(browser, form).location
    db.session.scalars(select(Document)).one().remove()
    assert browser.open(send(browser, form).location).status == 200
    assert browser.path != first


def test_files_and_a_link_whose_answer_was_lost_are_brought_in_once(browser: Browser) -> None:
    was_lost = []
    for number in count(1):
        form = {**form_of(browser), "title": "", "text": "", "url": f"https://a.example/{number}"}
        files = [("a.txt", f"{ARTICLE} {number}".encode()), ("b.txt", b"B.")]
        before = number_of(Import)
        answer, has_struck, is_repeated = sent_until_answered(partial(send, browser, form, *files), number)
        assert answer.status_code == DONE
        assert number_of(Import) == before + 3
        was_lost.append(is_repeated)
        if not has_struck:
            break
    assert any(was_lost)
    assert violations() == []


def test_file_that_was_added_before_the_form_was_sent_again_is_brought_in(browser: Browser) -> None:
    form = {**form_of(browser), "title": "", "text": ""}
    for files in ([("a.txt", b"A.")], [("a.txt", b"A."), ("b.txt", b"B.")], [("a.txt", b"Else.")]):
        assert send(browser, form, *files).status_code == DONE
    assert sorted(db.session.scalars(select(Import.name))) == ["a.txt", "a.txt", "b.txt"]


def test_edit_whose_answer_was_lost_is_no_conflict_when_it_is_sent_again(
    browser: Browser, alice: Member
) -> None:
    was_lost = []
    for number in count(1):
        document = alice.documents.add(title="Lamps", text=ARTICLE)
        path = f"/documents/{document.id}"
        form = {
            "csrf_token": browser.token(),
            "title": "Lamps",
            "text": f"{ARTICLE} {number}",
            "version": "1",
        }
        answer, has_struck, is_repeated = sent_until_answered(
            partial(browser.client.post, path, data=form), number
        )
        assert answer.status_code == DONE
        assert db.session.get_one(Document, document.id, populate_existing=True).version == 2
        was_lost.append(is_repeated)
        if not has_struck:
            break
    assert any(was_lost)
