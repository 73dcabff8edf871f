"""Who nudges the workers, and what it may cost: nothing."""

import time

import pytest
from flask import Flask
from redis import Redis

from tests.conftest import ARTICLE, PASSWORD
from tests.support.browser import Browser
from tests.support.valkey import Blackhole, Valkey
from webapp import nudges
from webapp.models import Document, Member
from webapp.nudges import CHANNEL, Nudges, read

Sent = list[tuple[int, str]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The nudges so far."""
    seen: Sent = []
    monkeypatch.setattr(Nudges, "send", lambda self, *nudge: seen.append(nudge))
    return seen


@pytest.fixture
def document(alice: Member) -> Document:
    return alice.documents.add(title="Analytical Engine", text=ARTICLE)


def _click(browser: Browser, document: Document, query: str = "") -> int:
    return browser.client.post(f"/documents/{document.id}/summary{query}").status_code


def test_click_of_a_member_nudges(app: Flask, alice: Member, document: Document, sent: Sent) -> None:
    browser = Browser(app).sign_in(alice.email, PASSWORD)
    browser.open(f"/documents/{document.id}")
    assert sent == []
    _click(browser, document)
    _click(browser, document, "?style=brief")
    assert sent == [(document.id, ""), (document.id, "style=brief")]


def test_who_is_no_member_nudges_nobody(app: Flask, document: Document, sent: Sent) -> None:
    stranger = Browser(app)
    stranger.open("/session/new")
    stranger.open(f"/documents/{document.id}")
    _click(stranger, document)
    stranger.client.set_cookie("precis", "anything")
    _click(stranger, document)
    assert sent == []


def test_cookie_counts_for_a_while(
    app: Flask, alice: Member, document: Document, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(app).sign_in(alice.email, PASSWORD)
    browser.open("/")
    monkeypatch.setattr(nudges, "LET_IN_SECONDS", -1.0)
    _click(browser, document)
    assert sent == []


def test_so_many_cookies_are_remembered(
    app: Flask, alice: Member, document: Document, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nudges, "MOST_COOKIES", 1)
    first, second = (Browser(app).sign_in(alice.email, PASSWORD) for _ in range(2))
    first.open("/")
    second.open("/")
    assert (_click(first, document), _click(second, document)) != (202, 202)
    assert sent == [(document.id, "")]


@pytest.mark.parametrize("path", ["/documents/1", "/documents/1/summary/events", "/documents/x/summary", "/"])
def test_what_is_no_click_nudges_nobody(app: Flask, alice: Member, sent: Sent, path: str) -> None:
    browser = Browser(app).sign_in(alice.email, PASSWORD)
    browser.open("/")
    browser.client.post(path)
    browser.client.get(path)
    assert sent == []


def test_nudge_is_heard_and_nothing_answered(valkey: Valkey) -> None:
    sender = Nudges(valkey.url)
    with Redis.from_url(valkey.url) as client, client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(CHANNEL)
        channel.get_message(timeout=5)
        for number in range(3):
            sender.send(number, "style=brief")
        heard = [channel.get_message(timeout=5) for _ in range(3)]
    assert [read(each["data"]) for each in heard] == [(number, "style=brief") for number in range(3)]
    assert not sender._connection.can_read(0.05), "an answer that somebody would have to read"


def test_redis_that_is_away_or_silent_costs_one_short_wait() -> None:
    with Blackhole() as hole:
        for url in (hole.url, "unix:///nowhere"):
            sender = Nudges(url)
            sender.send(1, "")
            assert sender._connection is None and sender._away_until > time.monotonic()
            sender.send(1, "")
            assert sender._connection is None, "nobody was waited for again"


def test_nudges_go_on_after_redis_was_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudges, "AWAY_SECONDS", 0.0)
    with Valkey() as server:
        sender = Nudges(server.url)
        sender.send(1, "")
        server.kill()
        sender.send(2, "")
        server.start()
        with Redis.from_url(server.url) as client, client.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(CHANNEL)
            channel.get_message(timeout=5)
            sender.send(3, "")
            sender.send(3, "")
            heard = channel.get_message(timeout=5)
    assert heard and read(heard["data"]) == (3, "")
