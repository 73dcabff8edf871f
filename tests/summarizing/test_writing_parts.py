"""What a model server is asked about a part of a long document, and what its refusals tell of its context."""

from collections.abc import Iterator

import pytest

from tests.summarizing.servers import DOCUMENT, engine_on, failure_of, written
from tests.support.model_server import SUMMARY, ModelServer, Script
from webapp.summarizing.engine import EngineFailure, Finished, Words
from webapp.summarizing.openai_engine import OpenAIEngine
from webapp.summarizing.parts import RULES, Kind, PartRequest, leaf
from webapp.summarizing.tokens import context_told, token_weight
from webapp.summarizing.tree import TOO_LONG


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def engine(server: ModelServer) -> OpenAIEngine:
    return engine_on(server)


def test_budget_leaves_room_for_the_answer_and_the_rules(server: ModelServer) -> None:
    engine = engine_on(server, context_tokens=2048)
    room = engine.budget(title="Ada").whole_tokens
    assert written(engine, "Word. " * int(room / token_weight("Word. ")))[0] == SUMMARY
    assert failure_of(engine, "word " * int(room / token_weight("word ") + 200)).code == "too_long"


def notes(engine: OpenAIEngine, request: PartRequest) -> tuple[str, Finished]:
    *pieces, finished = engine.write_part(request)
    assert isinstance(finished, Finished)
    return "".join(piece.text for piece in pieces if isinstance(piece, Words)), finished


def test_notes_on_a_part_are_asked_for_with_its_own_rules(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(Script.words("- Ada met Charles.", usage={"prompt_tokens": 400, "completion_tokens": 7}))
    request = leaf(DOCUMENT, engine.recipe)
    text, finished = notes(engine, request)
    assert (text, finished.tokens_in, finished.tokens_out) == ("- Ada met Charles.", 400, 7)
    system, user = server.requests[-1].body["messages"]
    assert system["content"] == RULES[Kind.LEAF]
    assert DOCUMENT in user["content"]


@pytest.mark.parametrize("kind", Kind)
def test_rules_given_back_are_no_notes(server: ModelServer, engine: OpenAIEngine, kind: Kind) -> None:
    server.script(Script.words(f"- {RULES[kind][:200]}"))
    with pytest.raises(EngineFailure, match="unusable"):
        list(engine.write_part(leaf(DOCUMENT, engine.recipe)))


@pytest.mark.parametrize(
    "script",
    [
        Script.error(400, "context_length_exceeded", "This model's maximum context length is 4096 tokens."),
        Script.raw({"error": {"code": "context_length_exceeded", "message": "The limit is 4096 tokens."}}),
        Script.words(usage={"prompt_tokens": 4096, "completion_tokens": 1}),
    ],
)
def test_failure_names_the_context_that_the_server_told(
    server: ModelServer, engine: OpenAIEngine, script: Script
) -> None:
    server.script(script)
    failure = failure_of(engine, "Every word of this counts. " * 1_200)
    assert failure.code in TOO_LONG
    assert context_told(failure.detail) == 4_096
