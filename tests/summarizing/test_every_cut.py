"""An answer that is cut or split anywhere: the right text, or a failure with a name. Never half of a text as the whole."""

import json
from collections.abc import Iterator

import pytest

from tests.summarizing.servers import engine_on, failure_of, written
from tests.support.model_server import SUMMARY, ModelServer, Script, chunk
from webapp.summarizing.engine import EngineFailure, FailureKind
from webapp.summarizing.openai_engine import OpenAIEngine

TEXT = "- Grüße aus Köln: 東京, Ελλάδα und 🇪🇺 👩‍💻.\n- Ada wrote the first program, and Zoë read it."
DONE = b"data: [DONE]\n\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def engine(server: ModelServer) -> OpenAIEngine:
    return engine_on(server)


def stream(newline: bytes = b"\n", size: int = 12) -> bytes:
    """The bytes of a whole answer, told in pieces of so many letters."""
    pieces = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
    events = [*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop")]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    lines = [b"data: " + json.dumps({**head, **event}, ensure_ascii=False).encode() for event in events]
    return (b"\n\n".join([*lines, DONE.strip()]) + b"\n\n").replace(b"\n\n", 2 * newline)


def outcome(engine: OpenAIEngine) -> str | tuple[FailureKind, str]:
    """The text, or what went wrong."""
    try:
        return written(engine)[0]
    except EngineFailure as failure:
        return failure.kind, failure.code


@pytest.mark.parametrize("by_reset", [False, True], ids=["fin", "rst"])
def test_an_answer_of_2_kb_is_whole_or_cut_wherever_its_line_breaks(
    server: ModelServer, engine: OpenAIEngine, by_reset: bool
) -> None:
    body = stream(size=9)
    assert len(body) > 2_000
    end = body.index(b'"stop"')  # from here on all words are there, and said to be all
    for after in range(len(body)):
        server.script(Script.raw(body, cut_after=after, cut_by_reset=by_reset))
        found = outcome(engine)
        assert found == (FailureKind.TRANSIENT, "cut") or (found == TEXT and after > end), after


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_an_answer_may_be_split_into_chunks_at_every_byte(
    server: ModelServer, engine: OpenAIEngine, newline: bytes
) -> None:
    body = stream(newline, size=40)
    for at in range(1, len(body)):
        server.script(Script.raw(body[:at], body[at:]))
        assert outcome(engine) == TEXT, at


@pytest.mark.parametrize(
    "before",
    [
        b"\xef\xbb\xbf",
        b": ping\n\n: pong\n\n",
        b"event: message\nid: 7\nretry: 10\n",
        b": " + b"x" * 1_000_000 + b"\n\n",
    ],
    ids=["byte order mark", "comments", "other fields", "huge comment"],
)
def test_what_stands_before_the_data_changes_no_word(
    server: ModelServer, engine: OpenAIEngine, before: bytes
) -> None:
    server.script(Script.raw(before + stream()))
    assert outcome(engine) == TEXT


@pytest.mark.parametrize("damage", [b"\xff", b"\x00", b"\n\n", b"\r", b'"'], ids=repr)
def test_a_byte_too_much_within_the_data_is_never_a_shorter_text(
    server: ModelServer, engine: OpenAIEngine, damage: bytes
) -> None:
    body = stream(size=40)
    for at in range(0, len(body), 3):
        if body.rfind(b"{", body.rfind(b"\n", 0, at) + 1, at) < 0:
            continue  # a line that is not called data is to be passed over
        server.script(Script.raw(body[:at] + damage + body[at:]))
        found = outcome(engine)
        assert isinstance(found, tuple) or len(found) >= len(TEXT), (at, found)


@pytest.mark.parametrize(
    "text",
    [
        "![A chart](https://evil.example/?q=secret)",
        "![](chart.png)",
        "- ![A chart](data:image/png;base64,AAAA)\n- ![",
        "\u200b\u2060\ufeff\U000e0041",
        "---\n***\n- \n1. …",
    ],
)
def test_what_has_no_words_is_no_summary(server: ModelServer, engine: OpenAIEngine, text: str) -> None:
    server.script(Script.words(text))
    assert failure_of(engine).kind is FailureKind.UNUSABLE


def test_a_megabyte_of_words_is_no_summary_and_is_not_read_to_its_end(
    server: ModelServer, engine: OpenAIEngine
) -> None:
    server.script(Script.deltas([f"{SUMMARY}\n"] * 2_000))
    assert failure_of(engine).code == "unusable"
