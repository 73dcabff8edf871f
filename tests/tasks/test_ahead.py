"""A nudge makes the worker ready, and does nothing else: what is written is decided by the claim."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from flask import Flask
from sqlalchemy import QueuePool, select

from tasks import ahead as following
from tasks.ahead import get_ready
from tasks.summaries import engine, generate_now
from tests.conftest import ARTICLE, add_member, fresh
from tests.support.long_texts import paragraphs
from tests.support.model_server import ModelServer
from tests.support.valkey import Valkey
from webapp import nudges
from webapp.extensions import current_settings, db
from webapp.models import Document, Member, ModelLimits, Role, Summary
from webapp.models.model_server import ModelServer as Health
from webapp.models.prompt import Prompt
from webapp.models.revision import Revision
from webapp.summarizing import ahead
from webapp.summarizing.ahead import Door
from webapp.summarizing.engine import Ask, Style
from webapp.summarizing.openai_engine import OpenAIEngine

OTHER = "Another text, which somebody saved while the first one was being read. " * 20
RUBBISH = (
    b"",
    b"?",
    b"12",
    b"-1?",
    b"x?y",
    b"\xff\xfe?",
    b"1" * 500 + b"?",
    "٣?".encode(),
    b"12?style=none",
    b"99?",
)


@pytest.fixture
def alice(llm_app: Flask) -> Member:
    return add_member("Alice", Role.ADMIN)


@pytest.fixture
def document(alice: Member) -> Document:
    return alice.documents.add(title="Analytical Engine", text=ARTICLE)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "HELD_SECONDS", 30.0)


@contextmanager
def nudged(app: Flask, document_id: int, monkeypatch: pytest.MonkeyPatch, query: str = "") -> Iterator[None]:
    """A thread of the worker's has made the call for this document ready, as it is now."""
    arrived, waits = threading.Event(), Door.lets_through

    def noted(door: Door) -> bool:
        arrived.set()
        return waits(door)

    monkeypatch.setattr(Door, "lets_through", noted)

    def heed() -> None:
        with app.app_context():
            get_ready(document_id, query)

    threading.Thread(target=heed, daemon=True).start()
    assert arrived.wait(10)
    yield
    _shut(app)


def _shut(app: Flask) -> None:
    """What nobody has asked for need not be waited for."""
    writer = engine(current_settings())
    assert isinstance(writer, OpenAIEngine)
    if held := writer._ahead._held:
        held.door.shut()


def _dump() -> list[tuple[object, ...]]:
    """All that is in the tables that a claim reads or writes."""
    db.session.commit()
    tables = (Document, Revision, Summary, Health, ModelLimits)
    return [tuple(row) for each in tables for row in db.session.execute(select(each.__table__))]


def test_click_that_was_made_ready_is_one_call(
    llm_app: Flask, document: Document, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nudged(llm_app, document.id, monkeypatch):
        generate_now(document.summary_id or 0)
    assert (fresh(document).summary_status, model_server.calls) == ("complete", 1)


def test_nudge_changes_nothing_and_calls_nobody(
    llm_app: Flask, document: Document, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _dump()
    with nudged(llm_app, document.id, monkeypatch):
        assert _dump() == before
    assert (_dump(), model_server.calls, model_server.open_connections) == (before, 0, 0)


def test_call_that_waits_holds_no_connection(
    llm_app: Flask, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = document.id
    db.session.remove()
    with nudged(llm_app, document_id, monkeypatch):
        assert cast("QueuePool", db.engine.pool).checkedout() == 0


def test_text_that_was_saved_meanwhile_is_what_is_sent(
    llm_app: Flask,
    document: Document,
    alice: Member,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with nudged(llm_app, document.id, monkeypatch):
        document.revise(alice, title="Analytical Engine", text=OTHER)
        generate_now(fresh(document).summary_id or 0)
    assert fresh(document).summary_status == "complete"
    assert [OTHER.strip() in request.prompt for request in model_server.requests] == [True]
    assert ARTICLE[:200] not in model_server.requests[0].prompt


def test_other_style_than_was_made_ready_is_written_as_it_is_asked_for(
    llm_app: Flask, document: Document, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nudged(llm_app, document.id, monkeypatch, "style=brief"):
        generate_now(document.summary_id or 0)
    assert model_server.calls == 1 and "at most 50 words" not in model_server.requests[0].prompt


def test_what_somebody_else_has_claimed_is_not_sent(
    llm_app: Flask, document: Document, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate_now(document.summary_id or 0)
    with nudged(llm_app, document.id, monkeypatch):
        generate_now(document.summary_id or 0)
    assert model_server.calls == 1


def test_text_of_several_calls_is_left_to_its_claim(
    alice: Member, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready: list[str] = []
    monkeypatch.setattr(OpenAIEngine, "get_ready", lambda self, text, **_: ready.append(text))
    long = alice.documents.add(title="Long", text="\n\n".join(paragraphs(400)))
    short = alice.documents.add(title="Short", text=ARTICLE)
    get_ready(long.id, "")
    get_ready(short.id, "")
    assert ready == [ARTICLE]


@pytest.mark.parametrize("nudge", RUBBISH, ids=repr)
def test_rubbish_is_passed_over(llm_app: Flask, model_server: ModelServer, nudge: bytes) -> None:
    before = _dump()
    if found := nudges.read(nudge):
        get_ready(*found)
    assert (_dump(), model_server.calls) == (before, 0)


def test_listener_outlives_redis_and_what_it_can_not_do(
    llm_app: Flask, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[int, str]] = []

    def heed(document_id: int, query: str) -> None:
        heard.append((document_id, query))
        raise RuntimeError("scripted")

    monkeypatch.setattr(following, "get_ready", heed)
    monkeypatch.setattr(following, "RECONNECT_SECONDS", 0.02)
    with Valkey() as server:
        following.listen(llm_app, server.url)
        _until_heard(server.url, heard, (1, ""))
        server.kill()
        server.start()
        _until_heard(server.url, heard, (2, "style=brief"))


def test_embedded_engine_has_nothing_to_make_ready(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread that nobody needs"))
    following.listen(app, "unix:///nowhere")
    get_ready(1, "")


def test_team_s_own_prompt_is_made_ready(
    llm_app: Flask, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready: list[Ask] = []
    monkeypatch.setattr(OpenAIEngine, "get_ready", lambda self, text, ask, **_: ready.append(ask))
    own = "Name each person in the document with what they did, one line for each of them."
    Prompt.save(db.session.get_one(Member, 1), Style.KEY_POINTS, own, edition=0)
    get_ready(document.id, "")
    assert [ask.task for ask in ready] == [own]


def _until_heard(url: str, heard: list[tuple[int, str]], nudge: tuple[int, str]) -> None:
    """Send it until it is heard: who listens may not listen yet."""
    sender, end = nudges.Nudges(url), time.monotonic() + 20
    while nudge not in heard:
        assert time.monotonic() < end
        sender.send(*nudge)
        time.sleep(0.02)
