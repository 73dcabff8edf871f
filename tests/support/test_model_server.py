"""The scripted model server does what its scripts say, on a plain socket as on many."""

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.summarizing.servers import eventually
from tests.support.model_server import SUMMARY, ModelServer, Request, Script, chunk

BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def ask(server: ModelServer, key: str = "sk-1", **body: Any) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps({**BODY, **body}), headers)
    response = connection.getresponse()
    try:
        return response.status, response.read(), dict(response.headers)
    finally:
        connection.close()


def content(stream: bytes) -> str:
    chunks = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: {")]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])


def test_default_is_a_whole_summary(server: ModelServer) -> None:
    status, stream, headers = ask(server)
    assert (status, content(stream)) == (200, SUMMARY)
    assert headers["Content-Type"] == "text/event-stream"
    assert stream.endswith(b"data: [DONE]\n\n")
    assert b'"finish_reason": "stop"' in stream


def test_scripts_are_used_up_in_order_and_the_last_repeats(server: ModelServer) -> None:
    server.script([Script.status(500), Script.status(429, retry_after="7"), Script.words("yes")])
    assert [ask(server)[0] for _ in range(4)] == [500, 429, 200, 200]
    assert server.calls == 4


def test_script_may_depend_on_the_request(server: ModelServer) -> None:
    server.script(lambda request: Script.words(request.body["model"]))
    assert content(ask(server, model="this one")[1]) == "this one"


def test_usage_is_sent_if_asked_for(server: ModelServer) -> None:
    assert b"prompt_tokens" not in ask(server)[1]
    assert b"prompt_tokens" in ask(server, stream_options={"include_usage": True})[1]


def test_requests_are_recorded(server: ModelServer) -> None:
    ask(server, key="sk-2")
    request: Request = server.requests[0]
    assert (request.key, request.prompt, request.body["stream"]) == ("sk-2", "Hi", True)
    assert eventually(lambda: request.outcome == "complete")
    assert request.ended_at is not None
    assert request.ended_at >= request.at


def test_client_that_leaves_is_noticed(server: ModelServer) -> None:
    for script in (Script.silent(), Script.stall(2), Script.words(first_word=30)):
        server.script(script)
        client = socket.create_connection(("127.0.0.1", server.port))
        body = json.dumps(BODY).encode()
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert eventually(lambda: server.running == 1)
        client.close()
        assert eventually(lambda: server.requests[-1].outcome == "disconnected")


@pytest.mark.parametrize("after", [0, 1, 300])
def test_cut_ends_after_so_many_bytes(server: ModelServer, after: int) -> None:
    server.script(Script.cut(after))
    with pytest.raises(http.client.IncompleteRead) as raised:
        ask(server)
    assert len(raised.value.partial) == after
    assert eventually(lambda: server.requests[-1].outcome == "cut")


def test_cut_by_reset_is_an_error_of_the_connection(server: ModelServer) -> None:
    server.script(Script.cut(0, by_reset=True))
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        ask(server)


def test_closed_port_refuses_and_opens_again(server: ModelServer) -> None:
    port = server.port
    server.refuse()
    with pytest.raises(ConnectionRefusedError):
        ask(server)
    server.open()
    assert server.port == port
    assert ask(server)[0] == 200


def test_fields_and_keys_are_rejected(server: ModelServer) -> None:
    server.script(Script.words(rejects=("seed",), key="sk-1"))
    assert [ask(server)[0], ask(server, seed=1)[0], ask(server, key="sk-2")[0]] == [200, 400, 401]


def test_unusual_streams_are_sent_as_scripted(server: ModelServer) -> None:
    server.script(Script.raw(b": hello\n\n", chunk({"content": "a"}), b"data: {\n\n"))
    stream = ask(server)[1]
    assert stream.startswith(b": hello\n\ndata: {")
    assert stream.endswith(b"data: {\n\n")
    server.script(Script.words("a b", newline="\r\n"))
    assert b"data: [DONE]\r\n\r\n" in ask(server)[1]


def test_words_are_held_until_the_test_says_so(server: ModelServer) -> None:
    gate = threading.Event()
    server.script(Script.held(gate.is_set))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, server)
        assert eventually(lambda: server.running == 1)
        gate.set()
        assert content(answer.result()[1]) == SUMMARY


def test_hundreds_of_streams_run_at_once(server: ModelServer) -> None:
    gate = threading.Event()
    server.script(Script.held(gate.is_set))
    body = json.dumps(BODY).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(300)]
    for client in clients:
        client.sendall(head + body)
    assert eventually(lambda: server.running == 300, 20)
    gate.set()
    assert eventually(lambda: all(request.outcome == "complete" for request in server.requests), 20)
    for client in clients:
        client.close()


def test_answer_without_a_stream_is_whole(server: ModelServer) -> None:
    answer = json.loads(ask(server, stream=False)[1])
    assert answer["choices"][0]["message"]["content"] == SUMMARY


def test_it_runs_by_hand() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.support.model_server",
        "--port",
        "0",
        "--first-word",
        "0",
        "--text",
        "a b",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline().removesuffix("/v1\n").rpartition(":")[2])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("POST", "/v1/chat/completions", json.dumps(BODY))
            assert content(connection.getresponse().read()) == "a b"
            connection.close()
        finally:
            process.terminate()
