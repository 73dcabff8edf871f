"""The engine against a real HTTP server, through the real SDK: whatever the server does, the outcome is
named."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.summarizing.servers import DOCUMENT, KEY, Server, engine_on, eventually, failure_of, shown, written
from tests.support.model_server import SUMMARY, ModelServer, Script, chunk
from webapp.summarizing.connections import Call, proxy_for
from webapp.summarizing.diagnosis import LONGEST_RETRY_AFTER_SECONDS, Refusal, retry_after_seconds
from webapp.summarizing.draft import MAX_CHARACTERS
from webapp.summarizing.engine import EngineFailure, FailureKind, Finished, Thinking, Words
from webapp.summarizing.openai_engine import OpenAIEngine

TRANSIENT, UNUSABLE, PERMANENT = FailureKind.TRANSIENT, FailureKind.UNUSABLE, FailureKind.PERMANENT
UNAVAILABLE, LIMITED, MISCONFIGURED = FailureKind.UNAVAILABLE, FailureKind.LIMITED, FailureKind.MISCONFIGURED
UMLAUTS = "- Grüße aus Köln: 東京, Ελλάδα и 🇪🇺 👩‍💻 at once."


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def engine(server: ModelServer) -> OpenAIEngine:
    return engine_on(server)


# --- whole answers


def test_summary_arrives_word_by_word_with_its_provenance(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(
        Script.words(model="scripted-2026-11-01", usage={"prompt_tokens": 321, "completion_tokens": 45})
    )
    pieces = list(engine.write(DOCUMENT, title="Ada"))
    assert len([piece for piece in pieces if isinstance(piece, Words)]) > 50
    assert shown(pieces) == SUMMARY
    assert pieces[-1] == Finished("scripted-2026-11-01", "stop", 321, 45)


@pytest.mark.parametrize(
    "script",
    [
        Script.words(newline="\r\n"),
        Script.words(newline="\r"),
        Script.words(sends_done=False),
        Script.words(usage=None),
        Script.words(usage=None, sends_done=False),
        Script.words(slice_bytes=7),
        Script.words(content_type="text/plain"),
        Script.words(f"\n\n  {SUMMARY}\n \n"),
        Script.words(f"Here are the key points:\n\n{SUMMARY}"),
        Script.words(f"**以下は要約です：**\n{SUMMARY}"),
        Script.words(SUMMARY.replace("1843", "18\x0043\x07")),
        Script.thoughts("The user wants key points.", field="reasoning_content"),
        Script.thoughts("The user wants key points.", field="reasoning"),
        Script.words(f"<think>\nBabbage? Lovelace!\n</think>\n\n{SUMMARY}"),
        Script.words(f"The template opened this thought.\n</think>\n\n{SUMMARY}"),
        Script.words(
            f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>{SUMMARY}"
        ),
        Script.raw(b": keep-alive\n\n", *Script.words().events, b": ping\n\n", chunk({}, "stop")),
        Script.raw(*Script.words().events, chunk({"content": ""}, "STOP"), b"data: [DONE]\n\n"),
        Script.raw(*Script.words().events, {"choices": [], "usage": None}, chunk({}, "eos")),
        Script.words(finish_reason="stop", cut_after=len(SUMMARY) * 1000),
    ],
)
def test_servers_differ_and_the_text_is_the_same(
    server: ModelServer, engine: OpenAIEngine, script: Script
) -> None:
    server.script(script)
    text, finished = written(engine)
    assert text == SUMMARY
    assert finished.model == "scripted"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_letters_split_over_tcp_writes_stay_whole(
    server: ModelServer, engine: OpenAIEngine, size: int
) -> None:
    server.script(Script.deltas(list(UMLAUTS), slice_bytes=size))
    assert written(engine)[0] == UMLAUTS


def test_emoji_halves_in_two_chunks_are_joined_and_a_lone_half_is_marked(
    server: ModelServer, engine: OpenAIEngine
) -> None:
    halves = [rb"- On \ud83d", rb"\ude80 it", rb" went \ud83d", rb"."]
    events = [b'data: {"choices":[{"index":0,"delta":{"content":"' + half + b'"}}]}\n\n' for half in halves]
    server.script(Script.raw(*events, chunk({}, "stop")))
    text = written(engine)[0]
    assert text == "- On 🚀 it went \ufffd."
    assert text.encode()


def test_a_chunk_sent_twice_is_no_mojibake(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(Script.deltas(["- Grü", "- Grü", "ße 🚀"]))
    assert written(engine)[0] == "- Grü- Grüße 🚀"


def test_silence_after_the_last_word_costs_the_token_counts_only(
    server: ModelServer, engine: OpenAIEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.summarizing.openai_engine.USAGE_SECONDS", 0.1)
    server.script(Script.raw(*Script.words().events, chunk({}, "stop"), None))
    text, finished = written(engine)
    assert (text, finished.tokens_in) == (SUMMARY, None)


# --- cut answers


@pytest.mark.parametrize("by_reset", [True, False])
@pytest.mark.parametrize("after", [0, 120, 600])
def test_cut_stream_is_cut(server: ModelServer, engine: OpenAIEngine, after: int, by_reset: bool) -> None:
    server.script(Script.cut(after, by_reset=by_reset))
    assert (failure_of(engine).kind, failure_of(engine).code) == (TRANSIENT, "cut")


ERROR_CHUNK = {"error": {"message": "The server had an error", "type": "server_error", "code": None}}


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        (Script.words(finish_reason=None), TRANSIENT, "cut"),
        (Script.words(finish_reason=None, sends_done=False), TRANSIENT, "cut"),
        (Script.words(finish_reason="error"), TRANSIENT, "cut"),
        (Script.raw(), TRANSIENT, "cut"),
        (Script.raw(b"data: [DONE]\n\n"), TRANSIENT, "cut"),
        (Script.raw(chunk({"content": "- So"}), b'data: {"choices": [{"del\n\n'), TRANSIENT, "malformed"),
        (Script.raw(chunk({"content": "- So"}), b"data: \xff\xfe\n\n"), TRANSIENT, "malformed"),
        (Script.raw(chunk({"content": "- So"}), ERROR_CHUNK), TRANSIENT, "cut"),
        (
            Script.raw({"error": {"code": "context_length_exceeded", "message": "too long"}}),
            PERMANENT,
            "too_long",
        ),
        (Script.raw({"error": "out of memory"}), TRANSIENT, "cut"),
        (Script.page(), TRANSIENT, "malformed"),
        (Script.page(b"{}", "application/json"), TRANSIENT, "malformed"),
        (Script.page(b"", "text/html"), TRANSIENT, "malformed"),
        *[
            (Script.raw(b"data: " + junk + b"\n\n"), TRANSIENT, "cut")
            for junk in (
                b"5",
                b'"x"',
                b"[]",
                b"null",
                b'{"choices":5}',
                b'{"choices":[{"delta":7}],"usage":3}',
            )
        ],
    ],
)
def test_broken_stream_is_tried_again(
    server: ModelServer, engine: OpenAIEngine, script: Script, kind: FailureKind, code: str
) -> None:
    server.script(script)
    failure = failure_of(engine)
    assert (failure.kind, failure.code) == (kind, code)


def test_endless_line_is_not_kept_in_memory(
    server: ModelServer, engine: OpenAIEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.summarizing.connections.MAX_RESPONSE_BYTES", 100_000)
    server.script(Script.raw(*[b"data: " + b"x" * 10_000] * 20, None))
    assert failure_of(engine).code == "cut"
    assert eventually(lambda: server.requests[-1].outcome == "disconnected")


# --- unusable answers


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        (Script.words(finish_reason="length"), UNUSABLE, "length"),
        (Script.words("", finish_reason="length"), UNUSABLE, "length"),
        (Script.words(finish_reason="content_filter"), PERMANENT, "refused"),
        (Script.raw(chunk({"refusal": "I can't help with that."}), chunk({}, "stop")), PERMANENT, "refused"),
        (Script.words(finish_reason="tool_calls"), UNUSABLE, "unusable"),
        (Script.words(""), UNUSABLE, "empty"),
        (Script.deltas([" \n", "\t\u3000", "\x00"]), UNUSABLE, "empty"),
        (Script.thoughts("Hm, hm.", ""), UNUSABLE, "only_thought"),
        (Script.words("<think>Hm, hm."), UNUSABLE, "only_thought"),
        (Script.words("<think>Hm, hm.</think>"), UNUSABLE, "only_thought"),
        (Script.words("Hm, hm.</think>"), UNUSABLE, "only_thought"),
        (Script.words(f"{SUMMARY}\n<think>But is it so?"), UNUSABLE, "unusable"),
        (Script.words(DOCUMENT), UNUSABLE, "unusable"),
        (Script.words(f"- {DOCUMENT[:260]}"), UNUSABLE, "unusable"),
        (Script.words(f"{SUMMARY}\n- See https://evil.example/?q=secret."), UNUSABLE, "unusable"),
        (Script.deltas(["- " + "word " * 25_000] * 8), UNUSABLE, "unusable"),
    ],
)
def test_answer_that_is_no_summary_is_named(
    server: ModelServer, engine: OpenAIEngine, script: Script, kind: FailureKind, code: str
) -> None:
    server.script(script)
    failure = failure_of(engine)
    assert (failure.kind, failure.code) == (kind, code)


def test_prompt_given_back_is_no_summary(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(lambda request: Script.words(request.prompt))
    assert failure_of(engine).code == "unusable"


def test_reading_stops_when_an_answer_has_no_end(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(Script.deltas(["- word " * 100] * (MAX_CHARACTERS // 100), every=0.001))
    assert failure_of(engine).code == "unusable"
    assert eventually(lambda: server.requests[-1].outcome == "disconnected")


def test_summary_may_name_an_address_of_the_document(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(Script.words("- The notes are kept at https://www.example.org/ada."))
    assert written(engine, f"{DOCUMENT} See example.org for more.")[0].endswith("/ada.")


def test_input_that_the_server_cut_silently_is_noticed(server: ModelServer, engine: OpenAIEngine) -> None:
    long = "Every word of this counts for one token or more. " * 400
    server.script(Script.words(usage={"prompt_tokens": 2048, "completion_tokens": 90}))
    failure = failure_of(engine, long)
    assert (failure.kind, failure.code) == (PERMANENT, "input_cut")
    server.script(Script.words(usage={"prompt_tokens": 4400, "completion_tokens": 90}))
    assert written(engine, long)[1].tokens_in == 4400
    server.script(Script.words(usage={"prompt_tokens": 0, "completion_tokens": 0}))
    assert written(engine, long)[0] == SUMMARY


def test_text_over_the_known_context_is_not_sent(server: ModelServer) -> None:
    before = server.calls
    failure = failure_of(engine_on(server, context_tokens=2048), "word " * 4000)
    assert (failure.kind, failure.code, server.calls) == (PERMANENT, "too_long", before)
    assert written(engine_on(server, context_tokens=2048))[0] == SUMMARY


@pytest.fixture(autouse=True)
def _well_again(server: ModelServer) -> None:
    server.script(Script.words())


# --- refusals


def _google(status: int, message: str) -> Script:
    return Script.status(
        status, error=[{"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}]
    )


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        (Script.status(401), MISCONFIGURED, "key_rejected"),
        (Script.status(403), MISCONFIGURED, "key_rejected"),
        (_google(400, "API key not valid. Please pass a valid API key."), MISCONFIGURED, "key_rejected"),
        (Script.status(404), MISCONFIGURED, "model_not_found"),
        (Script.no_such_model(), MISCONFIGURED, "model_not_found"),
        (
            Script.status(404, error={"error": "model 'x' not found, try pulling it first"}),
            MISCONFIGURED,
            "model_not_found",
        ),
        (
            Script.status(400, error={"error": {"message": "Invalid model: x"}}),
            MISCONFIGURED,
            "model_not_found",
        ),
        (Script.status(405), MISCONFIGURED, "model_not_found"),
        (Script.status(307, headers={"Location": "http://127.0.0.1:1/v1"}), MISCONFIGURED, "model_not_found"),
        (Script.out_of_quota(), MISCONFIGURED, "quota"),
        (Script.error(429, "credit_balance_exhausted"), MISCONFIGURED, "quota"),
        (Script.error(429, "organization_spend_limit_exceeded"), MISCONFIGURED, "quota"),
        (Script.error(429, "project_spend_limit_exceeded"), MISCONFIGURED, "quota"),
        (Script.error(429, "organization_usage_limit_exceeded"), MISCONFIGURED, "quota"),
        (Script.status(402), MISCONFIGURED, "quota"),
        (
            Script.status(400, error={"error": {"message": "Your credit balance is too low"}}),
            MISCONFIGURED,
            "quota",
        ),
        (Script.status(429), LIMITED, "rate_limited"),
        (
            _google(429, "You exceeded your current quota, please check your plan and billing"),
            LIMITED,
            "rate_limited",
        ),
        (
            Script.error(429, "rate_limit_exceeded", "Request too large for gpt on tokens per min"),
            PERMANENT,
            "too_long",
        ),
        *[(Script.status(code), TRANSIENT, "server_error") for code in (408, 409, 500, 502, 503, 504, 529)],
        (Script.status(503, error={"error": {"message": "Loading model"}}), TRANSIENT, "server_error"),
        (Script.too_long(), PERMANENT, "too_long"),
        (Script.status(400, error={"message": "exceeds the available context size"}), PERMANENT, "too_long"),
        (Script.status(413, error="<html>"), PERMANENT, "too_long"),
        (Script.error(400, "content_filter"), PERMANENT, "refused"),
        (
            Script.status(403, error={"error": {"code": 403, "metadata": {"flagged_input": "…"}}}),
            PERMANENT,
            "refused",
        ),
        (Script.status(400), PERMANENT, "bad_request"),
        (
            Script.status(422, error={"detail": [{"loc": ["body", "messages"], "msg": "bad"}]}),
            PERMANENT,
            "bad_request",
        ),
        (Script.status(418, error=None), PERMANENT, "bad_request"),
    ],
)
def test_refusal_is_classified_after_one_call(
    server: ModelServer, engine: OpenAIEngine, script: Script, kind: FailureKind, code: str
) -> None:
    server.script(script)
    before = server.calls
    failure = failure_of(engine)
    assert (failure.kind, failure.code, server.calls - before) == (kind, code, 1)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("300", 300.0),
        ("0.5", 0.5),
        ("99999999", LONGEST_RETRY_AFTER_SECONDS),
        ("-5", 0.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_asked_wait_is_passed_on(
    server: ModelServer, engine: OpenAIEngine, status: int, value: str, seconds: float | None
) -> None:
    server.script(Script.status(status, retry_after=value))
    assert failure_of(engine).retry_after == seconds


def test_asked_wait_may_be_a_date_or_milliseconds(server: ModelServer, engine: OpenAIEngine) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    server.script(
        [Script.status(429, retry_after=date), Script.status(429, headers={"retry-after-ms": "1500"})]
    )
    assert 90 < (failure_of(engine).retry_after or 0) <= 100
    assert failure_of(engine).retry_after == 1.5


def test_date_in_the_past_asks_for_no_wait() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert retry_after_seconds({"retry-after": "Sun, 22 Nov 2026 23:59:00 GMT"}, now) == 0.0


def test_reasons_hold_neither_the_key_nor_the_document(server: ModelServer, engine: OpenAIEngine) -> None:
    for status in (400, 401, 404, 422, 429, 500):
        said = f"{KEY} can't read: {DOCUMENT}"
        error = {"message": said, "type": said, "code": said, "param": KEY, "metadata": {"raw": said}}
        server.script(Script.status(status, error={"error": error}))
        failure = failure_of(engine)
        assert "canary" not in str(failure), status
        assert "Lovelace" not in str(failure), status
        assert (failure.__cause__, failure.__suppress_context__) == (None, True)


def test_secret_that_looks_like_a_code_is_left_out() -> None:
    refusal = Refusal.read(400, {"code": "secret123", "type": "invalid_value"})
    assert refusal.failure(secret="SECRET123").detail == "HTTP 400 invalid_value"


# --- requests


def test_request_holds_one_document_no_tools_and_no_secrets(
    server: ModelServer, engine: OpenAIEngine
) -> None:
    written(engine)
    request = server.requests[-1]
    assert request.key == KEY
    assert set(request.body) == {"model", "messages", "stream", "stream_options", "temperature"}
    assert [message["role"] for message in request.body["messages"]] == ["system", "user"]
    assert request.prompt.count(DOCUMENT) == 1
    assert KEY not in request.prompt
    assert request.headers["accept-encoding"] == "identity"


def test_each_request_has_a_fence_of_its_own(server: ModelServer, engine: OpenAIEngine) -> None:
    written(engine)
    written(engine)
    assert server.requests[-1].prompt != server.requests[-2].prompt


def test_server_without_keys_gets_a_placeholder(server: ModelServer) -> None:
    written(engine_on(server, openai_api_key=None))
    assert server.requests[-1].key == "none"


def test_key_that_no_header_can_carry_is_a_wrong_key(server: ModelServer) -> None:
    failure = failure_of(engine_on(server, openai_api_key="schlüssel"))
    assert (failure.kind, failure.code) == (MISCONFIGURED, "key_rejected")


def test_right_key_is_let_in_and_a_wrong_one_is_not(server: ModelServer) -> None:
    server.script(Script.words(key=KEY))
    assert written(engine_on(server))[0] == SUMMARY
    assert failure_of(engine_on(server, openai_api_key="sk-other")).code == "key_rejected"


@pytest.mark.parametrize(
    "rejection",
    [
        Script.words(rejects=("stream_options",)),
        Script.words(rejects=("stream_options", "temperature")),
        Script.words(rejects=("temperature",)),
    ],
)
def test_rejected_options_are_dropped_and_stay_dropped(
    server: ModelServer, engine: OpenAIEngine, rejection: Script
) -> None:
    server.script(rejection)
    before = server.calls
    assert written(engine)[0] == SUMMARY
    assert server.calls - before == 1 + len(rejection.rejects)
    assert written(engine)[0] == SUMMARY
    assert server.calls - before == 2 + len(rejection.rejects)


def test_options_rejected_without_a_name_are_all_dropped(server: ModelServer, engine: OpenAIEngine) -> None:
    strict = Script.status(422, error={"detail": [{"msg": "Extra inputs are not permitted"}]})
    server.script(lambda request: strict if "stream_options" in request.body else Script.words())
    assert written(engine)[0] == SUMMARY
    assert set(server.requests[-1].body) == {"model", "messages", "stream"}


# --- connections


def test_connection_is_kept_between_summaries(server: ModelServer, engine: OpenAIEngine) -> None:
    for _ in range(5):
        written(engine)
    assert len({request.connection for request in server.requests[-5:]}) == 1


def test_refused_connection_is_unreachable_until_the_server_is_back(
    server: ModelServer, engine: OpenAIEngine
) -> None:
    written(engine)
    server.refuse()
    failure = failure_of(engine)
    server.open()
    assert (failure.kind, failure.code) == (UNAVAILABLE, "unreachable")
    assert written(engine)[0] == SUMMARY


@pytest.mark.parametrize(
    "url", ["http://no-such-host.invalid/v1", "http://127.0.0.1:1/v1", "https://{plain}/v1"]
)
def test_server_that_cannot_be_had_is_unreachable(
    server: ModelServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.summarizing.openai_engine.CONNECT_SECONDS", 0.3)
    plain = f"127.0.0.1:{server.port}"
    failure = failure_of(OpenAIEngine(Server(url.format(plain=plain))))
    assert (failure.kind, failure.code) == (UNAVAILABLE, "unreachable")


@pytest.mark.parametrize("script", [Script.silent(), Script.stall(3), Script.raw(None)])
def test_silent_server_is_given_up(server: ModelServer, script: Script) -> None:
    server.script(script)
    failure = failure_of(engine_on(server, attempt_seconds=0.2))
    assert (failure.kind, failure.code) == (TRANSIENT, "silent")
    assert eventually(lambda: server.requests[-1].outcome == "disconnected")


def test_cancel_wakes_a_call_that_waits_for_headers(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(Script.silent())
    assert _cancelled(server, engine).code == "cut"


def test_cancel_wakes_a_call_on_a_connection_that_was_used_before(
    server: ModelServer, engine: OpenAIEngine
) -> None:
    written(engine)
    server.script(Script.silent())
    assert _cancelled(server, engine).code == "cut"
    assert server.requests[-1].connection == server.requests[-2].connection


def test_cancel_wakes_a_call_in_the_middle_of_its_words(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(Script.stall(4))
    assert _cancelled(server, engine).code == "cut"


def test_cancel_before_the_start_sends_nothing(server: ModelServer, engine: OpenAIEngine) -> None:
    before = server.calls
    answer = engine.write(DOCUMENT, title="Ada")
    answer.cancel()
    with pytest.raises(EngineFailure):
        next(answer)
    assert server.calls == before


def test_cancel_of_a_finished_answer_harms_nobody_else(server: ModelServer, engine: OpenAIEngine) -> None:
    done = engine.write(DOCUMENT, title="Ada")
    assert shown(done) == SUMMARY
    server.script(Script.words(every=0.002))
    other = engine.write(DOCUMENT, title="Ada")
    next(other)
    assert server.requests[-1].connection == server.requests[-2].connection
    done.cancel()
    assert shown(other).endswith("31 digits.")


def test_closing_in_the_middle_frees_the_connection(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(Script.stall(4))
    answer = engine.write(DOCUMENT, title="Ada")
    next(answer)
    answer.close()
    assert eventually(lambda: server.requests[-1].outcome == "disconnected")


def test_64_threads_write_side_by_side(server: ModelServer, engine: OpenAIEngine) -> None:
    gate = threading.Event()

    def all_are_here() -> bool:
        if server.running == 64:
            gate.set()
        return gate.is_set()

    server.script(Script.held(all_are_here))
    with ThreadPoolExecutor(64) as pool:
        texts = list(pool.map(lambda _: written(engine)[0], range(64)))
    assert texts == [SUMMARY] * 64


def test_thoughts_are_a_sign_of_life_and_show_nothing(server: ModelServer, engine: OpenAIEngine) -> None:
    server.script(Script.thoughts("one two three"))
    pieces = list(engine.write(DOCUMENT, title="Ada"))
    assert pieces[:3] == [Thinking()] * 3


def test_near_servers_are_reached_without_the_proxy(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "models.example.org")
    for near in (
        server.base_url,
        "http://localhost:11434/v1",
        "http://192.168.1.9/v1",
        "http://ollama:11434",
        "http://nas.local/v1",
    ):
        assert proxy_for(near) is None, near
    assert proxy_for("https://models.example.org/v1") is None
    assert proxy_for("https://api.openai.com/v1") == "http://127.0.0.1:1"


def test_far_server_is_reached_through_the_proxy(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    assert written(OpenAIEngine(Server("http://models.example.net/v1")))[0] == SUMMARY
    assert server.requests[-1].path == "http://models.example.net/v1/chat/completions"


def _cancelled(server: ModelServer, engine: OpenAIEngine) -> EngineFailure:
    before = server.calls
    answer = engine.write(DOCUMENT, title="Ada")

    def cancel() -> None:
        eventually(lambda: server.calls > before)
        time.sleep(0.05)
        answer.cancel()

    threading.Thread(target=cancel).start()
    with pytest.raises(EngineFailure) as raised:
        list(answer)
    assert eventually(lambda: server.requests[-1].outcome == "disconnected")
    return raised.value


def test_call_that_was_cancelled_can_hold_no_stream() -> None:
    call = Call()
    call.cancel()
    with pytest.raises(Exception, match="cancelled"):
        call.hold(object(), None)  # type: ignore[arg-type]
