"""Styles and languages of a summary on the page: by links and a form, each at an address of its own."""

import pytest
from flask import Flask

from tests.conftest import ARTICLE, PASSWORD, MakeApp, add_member
from tests.support.browser import Browser
from tests.support.live import EventStream, serving, working
from tests.support.model_server import ModelServer, Script
from tests.support.worker import work
from webapp.models import Member, Role

OUTCOME = "Ada Lovelace kept the lighthouse at Skerrymore for eleven years."


@pytest.fixture
def app(staffed_app: Flask) -> Flask:
    return staffed_app


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.ADMIN)


@pytest.fixture
def document_id(alice: Member) -> int:
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    work()
    return document_id


def styles(browser: Browser) -> dict[str, str]:
    return {link.text_content(): link.get("href") for link in browser.find("nav.ways a")}


def shown(browser: Browser) -> list[str]:
    return [link.text_content() for link in browser.find("nav.ways a[aria-current]")]


def test_a_page_offers_the_styles_and_marks_the_one_that_it_shows(browser: Browser, document_id: int) -> None:
    page = f"/documents/{document_id}"
    browser.open(page)
    assert styles(browser) == {
        "Brief": f"{page}?style=brief",
        "Key points": page,
        "Detailed": f"{page}?style=detailed",
    }
    assert shown(browser) == ["Key points"]
    browser.open(f"{page}?style=brief")
    assert shown(browser) == ["Brief"]


def test_without_javascript_a_style_is_picked_written_and_read(
    browser: Browser, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(Script.words(OUTCOME))
    browser.open(f"/documents/{document_id}").open(styles(browser)["Brief"])
    area = browser.one("section[data-status]")
    assert (area.get("id"), area.get("data-status")) == (f"document-{document_id}-summary", "pending")
    assert browser.find("noscript meta[http-equiv=refresh]")
    work()
    (check,) = [
        link.get("href") for link in browser.find("section a") if "Check again" in link.text_content()
    ]
    browser.open(check)
    assert browser.one("section[data-status]").get("data-status") == "complete"
    assert OUTCOME in browser.text(".summary__text")


def test_what_is_live_of_one_style_is_not_taken_for_that_of_another(
    browser: Browser, document_id: int
) -> None:
    browser.fragment(f"/documents/{document_id}/summary?style=brief&language=de")
    live = browser.one("[hx-trigger=load]")
    assert live.get("id") == f"document-{document_id}-stream-brief-de"
    assert b"summary/events?style=brief&amp;language=de" in (
        browser.response.data if browser.response else b""
    )
    assert "style=brief" in browser.one("[hx-trigger^=every]").get("hx-get")


def test_the_button_writes_the_style_that_is_shown_again(
    browser: Browser, document_id: int, model_server: ModelServer
) -> None:
    page = f"/documents/{document_id}?style=brief"
    browser.open(page)
    work()
    calls = model_server.calls
    form = f'form[action="/documents/{document_id}/summary?style=brief"]'
    browser.open(page).submit(form, follow=False)
    assert browser.response is not None and browser.response.location == page
    work()
    assert model_server.calls == calls + 1
    browser.open(page).submit(form, htmx=True)
    assert (browser.status, shown(browser)) == (202, ["Brief"])


def test_a_language_is_picked_by_a_form_that_keeps_the_style(browser: Browser, document_id: int) -> None:
    browser.open(f"/documents/{document_id}?style=detailed").submit("form.languages", language="de")
    assert shown(browser) == ["Detailed"]
    assert browser.one("form.languages option[selected]").get("value") == "de"
    assert styles(browser)["Key points"] == f"/documents/{document_id}?language=de"
    browser.submit("form.languages", language="")
    assert not browser.find("form.languages option[selected]")


@pytest.mark.parametrize("query", ["style=long", "language=xx", "style=brief&language=<b>"])
@pytest.mark.parametrize("path", ["", "/summary", "/summary/events"])
def test_what_there_is_not_is_404(browser: Browser, document_id: int, path: str, query: str) -> None:
    assert browser.open(f"/documents/{document_id}{path}?{query}").status == 404


def test_a_style_comes_live(
    app: Flask, browser: Browser, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(Script.words(OUTCOME, first_word=0.1, every=0.02))
    path = f"/documents/{document_id}/summary"
    browser.fragment(f"{path}?style=brief")
    cookie = browser.client.get_cookie("precis")
    assert cookie
    with serving(app) as port, working(app):
        stream = EventStream(port, f"{path}/events?style=brief", f"precis={cookie.value}")
        events = list(stream)
        stream.close()
    assert [event.status for event in events if event.status][-1] == "complete"
    assert {event.target for event in events} <= {
        f"document-{document_id}-summary",
        f"document-{document_id}-words-brief",
    }
    assert OUTCOME in events[-1].text


def test_the_embedded_engine_offers_styles_and_no_languages(make_app: MakeApp, alice: Member) -> None:
    app = make_app()
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    browser.open(f"/documents/{document_id}?style=detailed")
    assert shown(browser) == ["Detailed"]
    assert not browser.find("form.languages")


def test_switched_off_there_are_no_styles(make_app: MakeApp, alice: Member) -> None:
    browser = Browser(make_app(PRECIS_SUMMARIES="off"))
    browser.sign_in(alice.email, PASSWORD)
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    assert not browser.open(f"/documents/{document_id}?style=brief").find("nav.ways, [data-status]")
