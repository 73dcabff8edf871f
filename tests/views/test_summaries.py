"""The summary area, and its live stream over a real socket."""

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from unittest.mock import Mock

import pytest
from flask import Flask, render_template
from sqlalchemy import delete, select, update

from tests.conftest import ARTICLE, PASSWORD, add_member
from tests.support.browser import Browser
from tests.support.live import Event, EventStream, serving, working
from tests.support.model_server import SUMMARY, ModelServer, Script
from tests.support.valkey import Valkey
from tests.support.worker import work, work_once
from webapp import events
from webapp.extensions import db, transaction
from webapp.models import Document, Member, Role, SignIn, Summary
from webapp.models.area import read
from webapp.summarizing.engine import Ask
from webapp.views import readings
from webapp.views.summaries import Stream

SLOW = Script.words(SUMMARY, first_word=0.2, every=0.01)


@pytest.fixture
def app(staffed_app: Flask) -> Flask:
    return staffed_app


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.ADMIN)


@pytest.fixture
def document_id(alice: Member) -> int:
    return alice.documents.add(title="Skerrymore", text=ARTICLE).id


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    with serving(app) as port:
        yield port


Listen = Callable[..., EventStream]


@pytest.fixture
def listen(port: int, browser: Browser, document_id: int) -> Iterator[Listen]:
    """Open the event stream of the document, as this browser."""
    opened = []

    def open_stream(path: str = "", last_event_id: str = "") -> EventStream:
        opened.append(_opened(port, browser, path or events_of(document_id), last_event_id))
        return opened[-1]

    yield open_stream
    for stream in opened:
        stream.close()


# --- the area


def test_area_is_a_fragment_for_htmx_and_a_page_otherwise(browser: Browser, document_id: int) -> None:
    path = f"/documents/{document_id}/summary"
    assert browser.fragment(path).one("section").get("id") == f"document-{document_id}-summary"
    assert not browser.find("nav.top__nav")
    assert browser.open(path).find("nav.top__nav") and browser.find(f"#document-{document_id}-summary")
    assert browser.response is not None and "HX-Request" in browser.response.headers["Vary"]


def test_area_listens_and_polls_while_it_is_live_and_not_after(browser: Browser, document_id: int) -> None:
    path = f"/documents/{document_id}/summary"
    area = browser.fragment(path).one("section")
    assert area.get("data-status") == "pending"
    assert b"hx-sse:connect" in (browser.response.data if browser.response else b"")
    assert browser.find("[hx-trigger^=every]")
    work()
    area = browser.fragment(path).one("section")
    assert area.get("data-status") == "complete"
    assert b"hx-sse" not in (browser.response.data if browser.response else b"")
    assert not browser.find("[hx-trigger]")


def test_poll_answers_nothing_while_nothing_is_new(browser: Browser, document_id: int) -> None:
    browser.fragment(f"/documents/{document_id}/summary")
    poll = browser.one("[hx-trigger^=every]").get("hx-get")
    assert browser.fragment(poll).status == 204
    work()
    assert browser.fragment(poll).status == 200
    assert browser.one("section").get("data-status") == "complete"


def test_polling_reader_sees_the_words_too(
    app: Flask, browser: Browser, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(Script.words("- One two three four five six.", every=0.3))
    with working(app):
        path = f"/documents/{document_id}/summary?poll=1"
        wait_for(lambda: "two" in browser.fragment(path).text("section"))
        assert browser.one("section").get("data-status") == "processing"
        wait_for(lambda: browser.fragment(path).one("section").get("data-status") == "complete")


def test_post_answers_202_with_the_area_or_leads_to_the_page(browser: Browser, document_id: int) -> None:
    work()
    browser.open(f"/documents/{document_id}")
    form = f'form[action="/documents/{document_id}/summary"]'
    browser.submit(form, htmx=True)
    assert (browser.status, browser.one("section").get("data-status")) == (202, "pending")
    work()
    browser.open(f"/documents/{document_id}").submit(form, follow=False)
    assert browser.status == 303
    assert browser.response is not None and browser.response.location == f"/documents/{document_id}"


def test_without_javascript_a_link_and_a_refresh_lead_on(browser: Browser, document_id: int) -> None:
    browser.open(f"/documents/{document_id}")
    assert browser.find("noscript meta[http-equiv=refresh]")
    check = [link.get("href") for link in browser.find("section a") if "Check again" in link.text_content()]
    work()
    browser.open(check[0])
    assert browser.find("section[data-status=complete]") and not browser.find(
        "noscript meta[http-equiv=refresh]"
    )


def test_failure_says_why_and_offers_a_button(
    browser: Browser, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(Script.error(400, "content_filter"))
    work()
    browser.open(f"/documents/{document_id}")
    assert browser.one("section[data-status]").get("data-status") == "failed"
    assert "The model refused to summarise this text" in browser.text("section[data-status]")
    model_server.script(Script.words())
    browser.submit("section[data-status] form.summary__action")
    work()
    assert (
        browser.open(f"/documents/{document_id}").one("section[data-status]").get("data-status") == "complete"
    )


def test_markup_in_a_summary_is_only_text(
    browser: Browser, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(
        Script.words(
            "- <script>x</script> <img src=x onerror=y> ![a](//e.example/b) [c](javascript:d) <b hx-get=/x>z</b>"
        )
    )
    work()
    browser.open(f"/documents/{document_id}")
    assert "<script>x</script>" in browser.text("section[data-status] .prose")
    assert not browser.find(".prose script, .prose img, .prose b, .prose a, .prose [hx-get]")


def test_switched_off_pages_are_clean_without_it(make_app) -> None:  # type: ignore[no-untyped-def]
    app = make_app(PRECIS_SUMMARIES="off")
    member = add_member("Alice", Role.ADMIN)
    document_id = member.documents.add(title="Skerrymore", text=ARTICLE).id
    browser = Browser(app)
    browser.sign_in(member.email, PASSWORD)
    assert "summary" not in browser.open(f"/documents/{document_id}").text("main").lower()
    assert not browser.find("[data-status]")
    assert "summary" not in browser.open("/").text("main .rows").lower()
    assert browser.post(f"/documents/{document_id}/summary").status == 404


# --- the stream


def test_stream_begins_with_the_current_state(listen: Listen, document_id: int) -> None:
    stream = listen()
    assert stream.response.getheader("Content-Type", "").startswith("text/event-stream")
    first = next(iter(stream))
    assert (first.status, first.target) == ("pending", f"document-{document_id}-summary")


def test_state_is_read_once_the_listening_has_begun(
    app: Flask, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B6: what happens between the two would be heard by nobody and read by nobody."""
    listen_to_redis = events.Hub.listen

    def finish_and_listen(
        hub: events.Hub, ids: list[int], *, pages: int
    ) -> AbstractContextManager[events.Listener]:
        work_once()
        return listen_to_redis(hub, ids, pages=pages)

    monkeypatch.setattr(events.Hub, "listen", finish_and_listen)
    assert next(iter(listen())).status == "complete"


def test_reconnect_that_missed_nothing_is_sent_nothing(
    app: Flask, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.summaries.PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr("webapp.views.streams.SILENCE_SECONDS", 0.02)
    last = next(iter(listen())).id
    assert last
    assert b": still here\n" in itertools.islice(listen(last_event_id=last).response, 3)


def test_reconnect_that_missed_something_gets_the_current_state(
    app: Flask, listen: Listen, document_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.summaries.PATIENCE_SECONDS", 0.02)
    last = next(iter(listen())).id
    assert Summary.claim(db.session.get_one(Document, document_id).summary_id or 0)
    lines = list(itertools.islice(listen(last_event_id=last).response, 4))
    assert [line for line in lines if line.startswith(b"data:")]


def test_stream_of_a_finished_summary_sends_it_and_ends(listen: Listen) -> None:
    work()
    received = list(listen())
    assert [event.status for event in received] == ["complete"]
    assert "hx-sse" not in received[0].data


def test_state_is_read_and_drawn_once_for_all_who_listen(
    app: Flask, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = [iter(listen()) for _ in range(30)]
    for stream in streams:
        next(stream)
    looked, drawn = Mock(wraps=read), Mock(wraps=render_template)
    monkeypatch.setattr(readings, "read", looked)
    monkeypatch.setattr(readings, "render_template", drawn)
    work()
    assert {list(stream)[-1].status for stream in streams} == {"complete"}
    assert (
        0 < looked.call_count < len(streams)
    )  # by itself each would twice: the writing has begun, and is over
    assert 0 < drawn.call_count < len(streams)


def test_each_who_listens_gets_what_the_role_allows_and_a_token_that_holds(
    app: Flask, port: int, browser: Browser, document_id: int
) -> None:
    bob = Browser(app).sign_in(add_member("Bob", Role.READER).email, PASSWORD)
    streams = {each: iter(_opened(port, each, events_of(document_id))) for each in (browser, bob)}
    for stream in streams.values():
        next(stream)
    work()
    data = {each: list(stream)[-1].data for each, stream in streams.items()}
    assert ("Edit the summary" in data[browser], "Edit the summary" in data[bob]) == (True, False)
    tokens = {each: set(re.findall(r'name="csrf_token" value="([^"]+)"', data[each])) for each in data}
    assert all(len(found) == 1 for found in tokens.values())
    for each, (token,) in tokens.items():
        path = f"/documents/{document_id}/summary"
        assert each.client.post(path, data={"csrf_token": token}).status_code == 303
        (other,) = tokens[bob if each is browser else browser]
        assert each.client.post(path, data={"csrf_token": other}).status_code == 400


def test_who_has_voted_sees_the_own_vote(app: Flask, port: int, browser: Browser, document_id: int) -> None:
    work()
    bob = Browser(app).sign_in(add_member("Bob", Role.READER).email, PASSWORD)
    shown = db.session.scalar(select(Summary.id))
    bob.post(f"/documents/{document_id}/summary/feedback", summary=shown, vote="yes")
    said = {each: list(_opened(port, each, events_of(document_id)))[-1].data for each in (browser, bob)}
    assert ("You found it useful" in said[bob], "You found it useful" in said[browser]) == (True, False)


def test_state_that_has_changed_is_not_passed_over_for_who_arrives() -> None:
    listener = events.Listener()
    for fact in events.Fact("state", 1), events.ARRIVAL, events.Fact("words", 1):
        listener.put(fact)
    assert [fact and fact.kind for fact in (Stream(1, Ask()).next(listener) for _ in range(2))] == [
        "state",
        "words",
    ]


def test_words_give_way_to_a_state_and_not_to_who_arrives() -> None:
    listener = events.Listener()
    for fact in events.Fact("words", 1), events.ARRIVAL:
        listener.put(fact)
    assert not listener.has_more_than_words
    listener.put(events.Fact("state", 1))
    assert listener.has_more_than_words


def events_of(document_id: int) -> str:
    return f"/documents/{document_id}/summary/events"


def _opened(port: int, browser: Browser, path: str, last_event_id: str = "") -> EventStream:
    cookie = browser.client.get_cookie("precis")
    assert cookie
    return EventStream(port, path, f"precis={cookie.value}", last_event_id)


def test_words_stream_in_and_the_last_event_is_the_final_state(
    app: Flask, listen: Listen, model_server: ModelServer
) -> None:
    model_server.script(SLOW)
    stream = listen()
    with working(app):
        received = list(stream)
    words = [event.text for event in received if event.target.endswith("-words")]
    assert len(words) >= 3
    assert words == sorted(words, key=len)
    assert all(plain(SUMMARY).startswith(text.removesuffix("…")) for text in words)
    assert (received[-1].status, received[-1].target.endswith("-summary")) == ("complete", True)
    assert plain(SUMMARY) in received[-1].text


def test_listener_that_comes_late_gets_all_the_words(
    app: Flask, listen: Listen, model_server: ModelServer
) -> None:
    model_server.script(Script.words("- One two three four five six seven eight nine ten.", every=0.15))
    with working(app):
        wait_for(lambda: model_server.calls == 1)
        time.sleep(0.6)
        received = list(listen())
    assert "One two" in received[0].text
    assert received[-1].status == "complete"


def test_broken_stream_resumes_without_loss_or_repeat(
    app: Flask, listen: Listen, model_server: ModelServer
) -> None:
    model_server.script(Script.words(SUMMARY, every=0.02))
    last, seen, rounds = "", [], 0
    with working(app):
        while True:
            stream = listen(last_event_id=last)
            received = first_of(stream, 3)
            stream.close()
            seen += received
            last = seen[-1].id
            rounds += 1
            if seen[-1].status == "complete":
                break
    assert rounds > 3
    texts = [event.text for event in seen if event.target.endswith("-words")]
    assert all(
        later.startswith(earlier[:40]) and len(later) >= len(earlier)
        for earlier, later in itertools.pairwise(texts)
    )
    assert plain(SUMMARY) in seen[-1].text


def test_every_transition_is_told(app: Flask, listen: Listen, model_server: ModelServer) -> None:
    """B5: not only success is pushed."""
    refused = Script.words("- One two.", first_word=0.5, finish_reason="content_filter")
    model_server.script([Script.status(500, retry_after="1"), refused])
    stream = listen()
    with working(app):
        received = list(stream)
    statuses = [event.status for event in received if event.status]
    assert statuses[-1] == "failed"
    assert any("error of its own" in event.text for event in received)
    assert {"pending", "processing", "failed"} <= set(statuses)


def test_listener_before_at_and_after_the_end_all_get_it(
    app: Flask, listen: Listen, document_id: int
) -> None:
    """B6: a push that nobody was there to hear is no loss."""
    results: list[list[Event]] = []
    early = threading.Thread(target=lambda: results.append(list(listen())))
    early.start()
    time.sleep(0.2)
    at = threading.Thread(target=lambda: results.append(list(listen())))
    at.start()
    work_once()
    early.join()
    at.join()
    results.append(list(listen()))
    assert [received[-1].status for received in results] == ["complete"] * 3


def test_lost_push_is_made_up_for(
    app: Flask, listen: Listen, document_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.summaries.PATIENCE_SECONDS", 0.02)
    lines = iter(listen().response)
    first = list(itertools.islice(lines, 40))
    assert b'data-status="pending"' in b"".join(first)
    monkeypatch.setattr("tasks.summaries.tell", lambda *_, **__: None)
    monkeypatch.setattr("tasks.summaries.Pen", lambda *_: Mock())
    work_once()
    assert b'data-status="complete"' in b"".join(itertools.islice(lines, 400))


def test_edit_is_seen_by_the_open_page(app: Flask, listen: Listen, alice: Member, document_id: int) -> None:
    received = iter(listen())
    assert next(received).status == "pending"
    alice.documents.get_or_404(document_id).revise(alice, title="t", text=ARTICLE + " More.")
    with working(app):
        assert list(received)[-1].status == "complete"
    assert db.session.scalars(select(Summary.status).order_by(Summary.id)).all() == ["superseded", "complete"]


def test_deletion_ends_the_stream_with_a_word(
    app: Flask, listen: Listen, alice: Member, document_id: int
) -> None:
    received = iter(listen())
    next(received)
    alice.documents.get_or_404(document_id).remove()
    assert "deleted" in list(received)[-1].text


@pytest.mark.parametrize("of", ["summary", "library"])
def test_stream_ends_when_the_sign_in_does(
    app: Flask, listen: Listen, document_id: int, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    monkeypatch.setattr("webapp.views.streams.CHECK_SECONDS", 0.05)
    monkeypatch.setattr("webapp.views.summaries.PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr("webapp.views.streams.SILENCE_SECONDS", 0.02)
    stream = listen("" if of == "summary" else f"/documents/events?ids={document_id}")
    assert next(iter(stream)).target == f"document-{document_id}-{'summary' if of == 'summary' else 'row'}"
    with transaction():
        db.session.execute(delete(SignIn))
    rest = list(itertools.islice(stream.response, 200))
    assert len(rest) < 200
    assert not [line for line in rest if line.startswith(b"data:")]


def test_one_sign_in_that_ends_takes_only_its_own_streams(
    app: Flask, port: int, browser: Browser, document_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.streams.CHECK_SECONDS", 0.05)
    monkeypatch.setattr("webapp.views.summaries.PATIENCE_SECONDS", 0.02)
    bob = add_member("Bob", Role.READER)
    theirs = Browser(app).sign_in(bob.email, PASSWORD)
    streams = [iter(_opened(port, each, events_of(document_id))) for each in (browser, theirs)]
    assert [next(stream).status for stream in streams] == ["pending"] * 2
    with transaction():
        db.session.execute(delete(SignIn).where(SignIn.member_id == bob.id))
    assert list(streams[1]) == []
    work()
    assert list(streams[0])[-1].status == "complete"


def test_pages_that_listen_are_counted_as_long_as_they_do(
    app: Flask, browser: Browser, listen: Listen, document_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.summaries.PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr("webapp.views.streams.SILENCE_SECONDS", 0.02)
    hub = app.extensions["hub"]
    streams = [listen() for _ in range(3)]
    for stream in streams:
        next(iter(stream))
    assert browser.client.head(events_of(document_id)).status_code == 200
    assert hub.count == 3
    streams[0].close()
    wait_for(lambda: hub.count == 2)
    work()
    assert [list(stream)[-1].status for stream in streams[1:]] == ["complete"] * 2
    wait_for(lambda: hub.count == 0)


def test_open_stream_holds_no_database_connection(app: Flask, listen: Listen) -> None:
    streams = [listen() for _ in range(10)]
    for stream in streams:
        next(iter(stream))
    db.session.commit()
    time.sleep(0.2)
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_all_listeners_share_one_redis_connection(app: Flask, listen: Listen, valkey) -> None:  # type: ignore[no-untyped-def]
    with valkey.client() as client:
        wait_for(lambda: client.pubsub_numsub(events.CHANNEL)[0][1] == 0)  # other tests' have gone
        for _ in range(10):
            next(iter(listen()))
        wait_for(lambda: client.pubsub_numsub(events.CHANNEL)[0][1] == 1)


def test_too_many_streams_poll(make_app, model_server: ModelServer) -> None:  # type: ignore[no-untyped-def]
    app = make_app(PRECIS_MAX_STREAMS="0", OPENAI_BASE_URL=model_server.base_url)
    member = add_member("Alice", Role.ADMIN)
    document_id = member.documents.add(title="Skerrymore", text=ARTICLE).id
    browser = Browser(app)
    browser.sign_in(member.email, PASSWORD)
    browser.fragment(f"/documents/{document_id}/summary/events")
    assert browser.status == 200
    assert b"hx-sse" not in (browser.response.data if browser.response else b"")
    assert browser.find("[hx-trigger='every 2s']")


def test_draining_ends_open_streams_so_that_they_come_back(app: Flask, listen: Listen) -> None:
    received = iter(listen())
    next(received)
    app.extensions["hub"].drain()
    assert list(received) == []


def test_library_statuses_are_live(app: Flask, listen: Listen, document_id: int) -> None:
    received = iter(listen(f"/documents/events?ids={document_id},999"))
    first = next(received)
    assert first.target == f"document-{document_id}-row"
    with working(app):
        assert any("Ada Lovelace" in event.text for event in received)


def test_library_stream_begins_with_what_may_be_news_to_the_page(
    app: Flask, browser: Browser, listen: Listen, document_id: int
) -> None:
    with working(app):
        assert any("Ada Lovelace" in event.text for event in listen(f"/documents/events?ids={document_id}"))
    waiting = browser.write("Waiting", ARTICLE)
    path = browser.open("/").one("#library-stream").get("hx-sse:connect")
    assert next(iter(listen(path))).target == f"document-{waiting}-row"
    db.session.get_one(Document, document_id).title = "Another title"
    db.session.commit()
    received = iter(listen(path))
    assert {next(received).target for _ in range(2)} == {
        f"document-{each}-row" for each in (document_id, waiting)
    }


def test_redis_that_comes_back_brings_the_listeners_up_to_date(
    app: Flask,
    listen: Listen,
    valkey: Valkey,
) -> None:
    received = iter(listen())
    next(received)
    with valkey.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    with transaction():
        db.session.execute(update(Summary).values(next_attempt_at=0))
    work_once()
    assert list(received)[-1].status == "complete"


def first_of(events_: Iterator[Event] | EventStream, number: int) -> list[Event]:
    return [event for event, _ in zip(events_, range(number), strict=False)]


def plain(text: str) -> str:
    return " ".join(text.replace("- ", "").split())


def wait_for(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
