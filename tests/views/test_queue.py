"""What a page says and a click gets when many people wait for summaries."""

import pytest
from flask import Flask

from tests.conftest import ARTICLE, MakeApp, add_member, llm_environ, staff
from tests.support.browser import Browser
from tests.support.model_server import ModelServer
from tests.support.worker import work
from webapp.models import Member, Role, queue

MOST = 2


@pytest.fixture
def app(make_app: MakeApp, model_server: ModelServer) -> Flask:
    app = make_app(**llm_environ(model_server), PRECIS_MAX_WAITING=str(MOST))
    staff()
    return app


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.EDITOR)


def save(alice: Member, title: str) -> int:
    return alice.documents.add(title=title, text=f"{title}. {ARTICLE}").id


@pytest.fixture
def ready(alice: Member) -> int:
    """A document with its summary."""
    document_id = save(alice, "Ready")
    work()
    return document_id


@pytest.fixture
def last(alice: Member, ready: int) -> int:
    """A document that was saved before those which wait, and that nobody has opened yet."""
    return save(alice, "The last one")


@pytest.fixture
def waiting(alice: Member, browser: Browser, ready: int) -> list[int]:
    """As many as may wait, opened by somebody; while nobody works."""
    ids = [save(alice, f"Waiting {number}") for number in range(MOST)]
    for each in ids:
        browser.open(f"/documents/{each}")
    assert queue.length() == MOST
    return ids


def test_click_when_too_many_wait_is_asked_to_come_again_and_sees_what_is_there(
    browser: Browser, ready: int, waiting: list[int]
) -> None:
    path = f"/documents/{ready}/summary"
    refused = browser.post(path).response
    assert refused is not None
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "120")
    assert browser.text("[role=alert] .error__message") == (
        "2 summaries that people wait for are before it. Try again in a few minutes."
    )
    assert browser.text("h1") == "Ready"
    assert "Ada Lovelace" in browser.text(".summary__text")
    assert browser.post(path, htmx=True).status == 503
    work()
    assert browser.post(path).status == 303
    assert queue.length() == 1


def test_wish_when_too_many_wait_keeps_its_words(browser: Browser, ready: int, waiting: list[int]) -> None:
    browser.post(f"/documents/{ready}/summary/wishes", instruction="for a lawyer")
    assert browser.status == 503
    assert browser.one("input[name=instruction]").get("value") == "for a lawyer"
    assert queue.length() == MOST


def test_save_view_and_click_on_what_waits_are_never_refused(browser: Browser, waiting: list[int]) -> None:
    saved = browser.write("Meanwhile", ARTICLE)
    assert browser.open(f"/documents/{saved}").status == 200
    assert queue.length() == MOST + 1
    assert browser.post(f"/documents/{waiting[0]}/summary").status == 303
    work()
    assert browser.open(f"/documents/{saved}").one("section[data-status]").get("data-status") == "complete"


def test_page_tells_its_place_in_the_queue_and_each_step_on(
    browser: Browser, last: int, waiting: list[int]
) -> None:
    assert "2 others are before it" in browser.open(f"/documents/{last}").text(".summary__progress")
    poll = browser.one("[hx-trigger^=every]").get("hx-get")
    assert browser.fragment(poll).status == 204
    assert not browser.open(f"/documents/{waiting[0]}").find(".summary__progress")
    assert "One other is before it" in browser.open(f"/documents/{waiting[1]}").text(".summary__progress")
    work()
    assert browser.fragment(poll).status == 200
