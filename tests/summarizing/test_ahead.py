"""A call is made ready, and nothing of it leaves before somebody asks for the very same."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.summarizing.servers import DOCUMENT, engine_on, eventually, failure_of, shown, written
from tests.support.model_server import SUMMARY, ModelServer, Script
from webapp.summarizing import ahead
from webapp.summarizing.ahead import Door
from webapp.summarizing.engine import Ask, EngineFailure, FailureKind, Finished, Style
from webapp.summarizing.openai_engine import OpenAIEngine
from webapp.summarizing.prompt import messages

OTHERS = {
    "text": (f"{DOCUMENT} ", "Ada", Ask()),
    "title": (DOCUMENT, "Ada!", Ask()),
    "style": (DOCUMENT, "Ada", Ask(Style.BRIEF)),
    "prompt": (DOCUMENT, "Ada", Ask(task="Name the people in the document, and nothing else.")),
}


@pytest.fixture
def engine(model_server: ModelServer) -> OpenAIEngine:
    return engine_on(model_server)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready calls wait for as long as a test takes, unless it says otherwise."""
    monkeypatch.setattr(ahead, "HELD_SECONDS", 30.0)


@contextmanager
def ready(engine: OpenAIEngine) -> Iterator[threading.Thread]:
    """The call for DOCUMENT is made ready, up to the door, in the thread that is given."""
    arrived = threading.Event()
    waits = Door.lets_through

    def noted(door: Door) -> bool:
        arrived.set()
        return waits(door)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Door, "lets_through", noted)
        thread = threading.Thread(
            target=engine.get_ready, args=[DOCUMENT], kwargs={"title": "Ada"}, daemon=True
        )
        thread.start()
        assert arrived.wait(10)
        yield thread


def test_ready_call_is_made_once_it_is_asked_for(model_server: ModelServer, engine: OpenAIEngine) -> None:
    model_server.script(Script.words(usage={"prompt_tokens": 321, "completion_tokens": 45}))
    with ready(engine) as thread:
        text, finished = written(engine)
        thread.join(10)
    assert (text, finished) == (SUMMARY, Finished("scripted", "stop", 321, 45))
    assert model_server.calls == 1 and DOCUMENT in model_server.requests[0].prompt


def test_call_that_is_asked_for_too_soon_is_waited_for(
    model_server: ModelServer, engine: OpenAIEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on, made = threading.Event(), threading.Event(), messages

    def slowly(*given: Any, **more: Any) -> list[dict[str, str]]:
        begun.set()
        assert may_go_on.wait(10)
        return made(*given, **more)

    monkeypatch.setattr("webapp.summarizing.openai_engine.messages", slowly)
    threading.Thread(target=engine.get_ready, args=[DOCUMENT], kwargs={"title": "Ada"}, daemon=True).start()
    assert begun.wait(10)
    answer = engine.write(DOCUMENT, title="Ada")
    assert model_server.calls == 0
    may_go_on.set()
    assert (shown(answer), model_server.calls) == (SUMMARY, 1)


def test_what_breaks_while_it_is_made_ready_is_its_readers(
    engine: OpenAIEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        assert engine._ahead._held is not None
        answers.append(engine.write(DOCUMENT, title="Ada"))
        raise RuntimeError("scripted")

    answers: list[Any] = []
    monkeypatch.setattr("webapp.summarizing.openai_engine.messages", broken)
    engine.get_ready(DOCUMENT, title="Ada")
    with pytest.raises(RuntimeError, match="scripted"):
        list(answers[0])


def test_nobody_is_connected_to_before_it_is_asked_for(
    model_server: ModelServer, engine: OpenAIEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "HELD_SECONDS", 0.05)
    engine.get_ready(DOCUMENT, title="Ada")
    assert (model_server.calls, model_server.open_connections) == (0, 0)
    assert written(engine)[0] == SUMMARY and model_server.calls == 1


@pytest.mark.parametrize("other", OTHERS)
def test_what_differs_is_asked_for_by_itself(
    model_server: ModelServer, engine: OpenAIEngine, other: str
) -> None:
    text, title, ask = OTHERS[other]
    with ready(engine) as thread:
        own = list(engine.write(text, title=title, ask=ask))
        assert thread.is_alive(), "what was ready still waits"
        theirs = written(engine)[0]
    assert (shown(own), theirs, model_server.calls) == (SUMMARY, SUMMARY, 2)
    first, second = (request.prompt for request in model_server.requests)
    assert first != second and (title in first or ask.task in first)


def test_each_ready_call_is_made_at_most_once(model_server: ModelServer, engine: OpenAIEngine) -> None:
    with ready(engine):
        texts = [written(engine)[0], written(engine)[0]]
    assert texts == [SUMMARY, SUMMARY]
    fences = {request.prompt.partition("[[document ")[2][:16] for request in model_server.requests}
    assert (model_server.calls, len(fences)) == (2, 2)


def test_door_that_was_shut_in_time_stays_shut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "HELD_SECONDS", 0.01)
    door = Door()
    assert not door.lets_through()
    assert not door.open()


@pytest.mark.parametrize("script", [Script.status(401), Script.page(), Script.cut(40)])
def test_failure_of_a_ready_call_is_its_readers(
    model_server: ModelServer, engine: OpenAIEngine, script: Script
) -> None:
    model_server.script(script)
    usual = failure_of(engine)
    with ready(engine):
        told = failure_of(engine)
    assert (told.kind, told.code) == (usual.kind, usual.code)
    assert model_server.calls == 2


def test_options_that_the_server_rejects_are_left_out(
    model_server: ModelServer, engine: OpenAIEngine
) -> None:
    model_server.script(Script.words(rejects=("stream_options",)))
    with ready(engine):
        assert written(engine)[0] == SUMMARY
    assert model_server.calls == 2


def test_ready_call_can_be_cancelled_while_it_waits_for_headers(
    model_server: ModelServer, engine: OpenAIEngine
) -> None:
    model_server.script(Script.silent())
    with ready(engine) as thread:
        answer = engine.write(DOCUMENT, title="Ada")
        assert eventually(lambda: model_server.calls == 1)
        threading.Timer(0.05, answer.cancel).start()
        with pytest.raises(EngineFailure) as caught:
            list(answer)
        thread.join(10)
    assert caught.value.kind is FailureKind.TRANSIENT and not thread.is_alive()


def test_connection_of_a_ready_call_is_kept(model_server: ModelServer, engine: OpenAIEngine) -> None:
    written(engine)
    with ready(engine):
        written(engine)
    written(engine)
    assert [request.connection for request in model_server.requests] == [1, 1, 1]


def test_many_threads_ask_while_calls_are_made_ready(model_server: ModelServer, engine: OpenAIEngine) -> None:
    """One call for each who asks, none for what is only ready."""
    stop = time.monotonic() + 1.0
    asked = []

    def ask() -> None:
        while time.monotonic() < stop:
            assert written(engine)[0] == SUMMARY
            asked.append(1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "HELD_SECONDS", 0.002)
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        while time.monotonic() < stop:
            engine.get_ready(DOCUMENT, title="Ada")
        for thread in threads:
            thread.join(20)
    assert len(asked) == model_server.calls > 3
