"""Pages that are given again: only to whom they were made for, and only while all that they tell of stands."""

import socket
import time
from collections.abc import Callable

import pytest
from flask import Flask, template_rendered
from sqlalchemy import delete, event, update

from tests.conftest import ARTICLE, PASSWORD, add_member
from tests.support.browser import Browser
from tests.support.worker import work
from webapp.extensions import db, transaction
from webapp.kept_pages import OF_UNCHANGED
from webapp.models import Document, Member, Role, SignIn, Summary
from webapp.models.feedback import Feedback
from webapp.models.prompt import Prompt
from webapp.summarizing.engine import Style

Change = Callable[[Document, Member], None]


@pytest.fixture
def document(browser: Browser) -> Document:
    """A document with its summary, whose page was made some time ago."""
    document_id = browser.write("Skerrymore", ARTICLE)
    work()
    yesterday = time.time() - 86_400
    with transaction():
        db.session.execute(update(Document).values(created_at=yesterday, updated_at=yesterday))
        db.session.execute(update(Summary).values(finished_at=yesterday))
    browser.open(f"/documents/{document_id}")
    browser.open(f"/documents/{document_id}")
    return db.session.get_one(Document, document_id, populate_existing=True)


def is_kept(app: Flask, browser: Browser, document: Document) -> bool:
    """Whether the page comes without being made: by one question to the database."""
    asked: list[str] = []
    made: list[object] = []

    def note(sender: Flask, **extra: object) -> None:
        made.append(extra)

    event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with template_rendered.connected_to(note, app):
        browser.open(f"/documents/{document.id}")
    return not made and not asked


def test_page_of_a_finished_document_is_made_once(app: Flask, browser: Browser, document: Document) -> None:
    assert is_kept(app, browser, document)
    assert browser.status == 200
    assert browser.text("h1") == "Skerrymore"


def test_page_is_given_by_a_server_that_is_set_up_otherwise(browser: Browser, document: Document) -> None:
    with socket.socket() as connection:
        for path in f"/documents/{document.id}", f"/documents/{document.id}?whole=1", "/":
            answer = browser.client.get(path, environ_overrides={"gunicorn.socket": connection})
            assert answer.status_code == 200


def _rename(document: Document, member: Member) -> None:
    document.revise(member, title="Another", text=ARTICLE)


def _edit(document: Document, member: Member) -> None:
    document.revise(member, title=document.title, text=ARTICLE + "\n\nMore of it.")


def _ask_again(document: Document, member: Member) -> None:
    document.summarize_later(again=True)


def _make_reader(document: Document, member: Member) -> None:
    with transaction():
        db.session.execute(update(Member).where(Member.id == member.id).values(role=Role.READER))


def _judge(document: Document, member: Member) -> None:
    assert document.shown_summary_id is not None
    Feedback.say(member, document.shown_summary_id, is_useful=True)


def _withdraw(document: Document, member: Member) -> None:
    assert document.shown_summary_id is not None
    Feedback.withdraw(member, document.shown_summary_id)


def _save_prompt(document: Document, member: Member) -> None:
    with transaction():
        db.session.add(Prompt(style=Style.BRIEF, edition=1, task="Briefly.", member_id=member.id))


@pytest.mark.parametrize(
    "change", [_rename, _edit, _ask_again, _make_reader, _judge, _withdraw, _save_prompt]
)
def test_page_is_made_anew_after_a_change(
    app: Flask, browser: Browser, document: Document, alice: Member, change: Change
) -> None:
    change(document, alice)
    assert not is_kept(app, browser, document)


def test_who_has_become_a_reader_is_offered_no_edit(
    browser: Browser, document: Document, alice: Member
) -> None:
    assert browser.find(f'a[href="/documents/{document.id}/edit"]')
    _make_reader(document, alice)
    assert not browser.open(f"/documents/{document.id}").find(f'a[href="/documents/{document.id}/edit"]')


def test_who_is_signed_out_elsewhere_gets_no_page(browser: Browser, document: Document) -> None:
    with transaction():
        db.session.execute(delete(SignIn))
    assert browser.open(f"/documents/{document.id}").path.startswith("/session/new")


def test_sign_in_that_is_too_old_gets_no_page(browser: Browser, document: Document) -> None:
    with transaction():
        db.session.execute(update(SignIn).values(created_at=SignIn.created_at - 31 * 86_400))
    assert browser.open(f"/documents/{document.id}").path.startswith("/session/new")


def test_deleted_document_is_not_there(browser: Browser, document: Document) -> None:
    document.remove()
    assert browser.open(f"/documents/{document.id}").status == 404


def test_each_sign_in_has_a_page_of_its_own(app: Flask, browser: Browser, document: Document) -> None:
    bob, other = add_member("Bob", Role.EDITOR), Browser(app)
    other.sign_in(bob.email, PASSWORD)
    assert "Bob" in other.open(f"/documents/{document.id}").text("header.top")
    assert "Alice" in browser.open(f"/documents/{document.id}").text("header.top")


def test_a_message_is_shown_once_and_kept_by_nobody(app: Flask, browser: Browser, document: Document) -> None:
    with browser.client.session_transaction() as session:
        session["_flashes"] = [("success", "Said once.")]
    assert "Said once." in browser.open(f"/documents/{document.id}").text("main")
    assert "Said once." not in browser.open(f"/documents/{document.id}").text("main")


def test_form_in_a_kept_page_is_taken(app: Flask, browser: Browser, document: Document) -> None:
    assert is_kept(app, browser, document)
    assert browser.submit('form[action="/session/delete"]').status == 200
    assert browser.path == "/session/new"


def test_browser_that_has_the_page_is_told_so(app: Flask, browser: Browser, document: Document) -> None:
    path = f"/documents/{document.id}"
    answer = browser.client.get(path)
    again = browser.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert answer.headers["Cache-Control"] == again.headers["Cache-Control"] == "private, no-cache"
    assert again.headers["Vary"] == answer.headers["Vary"]
    assert set(again.headers.keys()) == set(OF_UNCHANGED), "what else there is it has, too"
    app.wsgi_app.clear()  # type: ignore[attr-defined]  # as in another process
    later = browser.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert later.status_code == 304


def test_words_about_times_make_a_page_anew(
    app: Flask, browser: Browser, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_now = time.time
    monkeypatch.setattr("webapp.kept_pages.time.time", lambda: is_now() + 3601)
    assert not is_kept(app, browser, document)


def test_each_view_of_a_kept_page_is_counted(app: Flask, browser: Browser, document: Document) -> None:
    counts = app.extensions["reads"]._counts
    before = counts[document.id]
    assert is_kept(app, browser, document)
    assert counts[document.id] == before + 1


def test_pages_make_room_for_others(
    app: Flask, browser: Browser, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.kept_pages.MOST_BYTES", 10)
    app.wsgi_app.clear()  # type: ignore[attr-defined]
    browser.open(f"/documents/{document.id}")
    assert not app.wsgi_app._pages  # type: ignore[attr-defined]
