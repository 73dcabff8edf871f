"""How an open page gets what its audience is told, and what becomes of one that reads slowly: on sockets of this process."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.precis import until
from webapp.processes.line import Line
from webapp.views.seats import HELLO, STILL_HERE, Owed, Tube, Wire

PATIENCE_SECONDS = 30.0
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
Pair = tuple[Line, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """(a connection that was given away, the other end of it)"""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=10) as client,
    ):
        accepted, _ = server.accept()
        yield Line(accepted, PATIENCE_SECONDS).give_away(), client


def received(client: socket.socket) -> bytes:
    """All that comes, until the other side hangs up."""
    parts = []
    while part := client.recv(1_000_000):
        parts.append(part)
    return b"".join(parts)


def unframed(body: bytes) -> list[bytes]:
    """The chunks of a whole answer. Raises AssertionError where it is cut short."""
    chunks: list[bytes] = []
    while True:
        size, _, body = body.partition(b"\r\n")
        number = int(size, 16)
        assert body[number : number + 2] == b"\r\n"
        if not number:
            return chunks
        chunks.append(body[:number])
        body = body[number + 2 :]


def fallen_behind(line: Line) -> Wire:
    """A page that has not taken all of what it was sent."""
    wire = Wire(line, HEAD, is_chunked=True)
    while not wire._is_behind:
        wire.send(b"An early state. " * 10_000, is_state=True)
    return wire


def test_each_event_is_a_chunk_and_the_end_is_told(pair: Pair) -> None:
    line, client = pair
    wire = Wire(line, HEAD, is_chunked=True)
    wire.send(b"a state", is_state=True)
    wire.send(b"words")
    wire.close()
    head, _, body = received(client).partition(b"\r\n\r\n")
    assert head + b"\r\n\r\n" == HEAD
    assert unframed(body) == [HELLO, b"a state", b"words"]


def test_client_that_knows_no_chunks_gets_none(pair: Pair) -> None:
    line, client = pair
    wire = Wire(line, HEAD, is_chunked=False)
    wire.send(b"a state", is_state=True)
    wire.close()
    assert received(client) == HEAD + HELLO + b"a state"


@pytest.mark.parametrize("with_words", [True, False])
def test_page_that_reads_slowly_gets_the_last_state_and_the_last_words_since(
    pair: Pair, *, with_words: bool
) -> None:
    line, client = pair
    wire = fallen_behind(line)
    for state in b"state 1", b"state 2":
        wire.send(b"words before")
        wire.send(state, is_state=True)
    wire.send(STILL_HERE)
    if with_words:
        wire.send(b"words 1")
        wire.send(b"words 2")
    wire.close()
    chunks = unframed(received(client).partition(b"\r\n\r\n")[2])
    assert chunks[-1] == (b"state 2words 2" if with_words else b"state 2")
    assert all(chunk in (HELLO, b"An early state. " * 10_000) for chunk in chunks[:-1])


def test_page_that_has_caught_up_is_told_at_once_again(pair: Pair) -> None:
    line, client = pair
    wire = fallen_behind(line)
    reading = threading.Thread(target=lambda: seen.append(received(client)))
    seen: list[bytes] = []
    reading.start()
    until(lambda: not wire._is_behind, "it has caught up")
    wire.send(b"words")
    wire.close()
    reading.join()
    assert unframed(seen[0].partition(b"\r\n\r\n")[2])[-1] == b"words"


def test_page_that_takes_nothing_is_hung_up_on(pair: Pair) -> None:
    line, _ = pair
    line._patience = 0.05
    wire = fallen_behind(line)
    until(lambda: wire.is_gone, "it was waited for long enough")
    wire.close()
    assert line.fileno() == -1


def test_page_that_has_left_is_gone(pair: Pair) -> None:
    line, client = pair
    wire = Wire(line, HEAD, is_chunked=True)
    client.close()

    def is_noticed() -> bool:
        wire.send(STILL_HERE)
        return wire.is_gone

    until(is_noticed, "the kernel says so")
    wire.close()


def test_request_that_stays_receives_what_is_sent_until_the_end() -> None:
    tube = Tube()
    receives = tube.receives()
    assert next(receives) == HELLO
    tube.send(b"state 1", is_state=True)
    tube.send(b"words")
    assert next(receives) == b"state 1words"
    tube.send(b"state 2", is_state=True)
    tube.close()
    assert list(receives) == [b"state 2"]
    assert tube.is_gone


def test_request_whose_client_has_left_is_gone() -> None:
    tube = Tube()
    receives = tube.receives()
    next(receives)
    assert not tube.is_gone
    receives.close()  # type: ignore[attr-defined]
    assert tube.is_gone


def test_sign_of_life_is_owed_to_nobody_who_is_owed_words() -> None:
    owed = Owed()
    owed.add(b"words", is_state=False)
    owed.add(STILL_HERE, is_state=False)
    assert owed.take() == b"words"
    owed.add(STILL_HERE, is_state=False)
    assert owed.take() == STILL_HERE
    assert owed.take() == b""
