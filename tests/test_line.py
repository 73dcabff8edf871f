"""A client's connection, and how long it is waited for: on sockets of this process."""

import socket
from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from webapp.processes.line import IDLE_SECONDS, PORTION_BYTES, Line, TooSlow

PATIENCE_SECONDS = 0.1
Pair = tuple[Line, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """(the line, the other end of it)"""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=10) as client,
    ):
        accepted, _ = server.accept()
        with accepted:
            yield Line(accepted, PATIENCE_SECONDS), client


def test_idle_connection_seems_to_have_hung_up(pair: Pair) -> None:
    line, client = pair
    assert line.recv(100) == b""
    line.close()
    assert client.recv(100) == b""


def test_half_a_head_is_answered_and_then_read_no_more(pair: Pair) -> None:
    line, client = pair
    client.sendall(b"GET / HT")
    assert line.recv(100) == b"GET / HT"
    assert line.recv(100) == b""
    client.sendall(b"TP/1.1\r\n\r\n")
    assert line.recv(100) == b""
    assert client.recv(100).startswith(b"HTTP/1.1 408 ")


def test_half_a_body_is_an_error_and_the_last_request_of_its_connection(pair: Pair) -> None:
    line, client = pair
    request = Mock()
    client.sendall(b"half of it")
    line.receive(request)
    assert line.recv(100) == b"half of it"
    with pytest.raises(TooSlow):
        line.recv(100)
    request.force_close.assert_called_once_with()
    line.sendall(b"Too slow")
    client.sendall(b"the other half")
    line.close()
    assert client.recv(100) == b"Too slow"


class Sender:
    """A socket from which so many bytes come, each time after so many seconds, by a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *arrivals: tuple[float, int]) -> None:
        self.now = 0.0
        self._arrivals = iter(arrivals)
        self._patience = 0.0
        monkeypatch.setattr("webapp.processes.line.time", Mock(monotonic=lambda: self.now))

    def setsockopt(self, *_: object) -> None: ...

    def settimeout(self, seconds: float) -> None:
        self._patience = seconds

    def recv(self, size: int) -> bytes:
        seconds, number = next(self._arrivals)
        if seconds > self._patience:
            raise TimeoutError
        self.now += seconds
        return b"x" * number


def test_each_portion_has_the_whole_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(Sender(monkeypatch, *[(0.09, PORTION_BYTES)] * 50), PATIENCE_SECONDS)
    line.receive(Mock())
    assert sum(len(line.recv(PORTION_BYTES)) for _ in range(50)) == 50 * PORTION_BYTES


def test_what_is_less_than_a_portion_has_it_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(Sender(monkeypatch, (0.06, 100), (0.06, 100)), PATIENCE_SECONDS)
    line.receive(Mock())
    line.recv(PORTION_BYTES)
    with pytest.raises(TooSlow):
        line.recv(PORTION_BYTES)


def test_time_that_our_own_work_takes_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender(monkeypatch, *[(0.01, 100)] * 5)
    line = Line(sender, PATIENCE_SECONDS)
    line.receive(Mock())
    for _ in range(5):
        assert line.recv(PORTION_BYTES)
        sender.now += 60


def test_who_takes_nothing_is_hung_up_on(pair: Pair) -> None:
    line, _ = pair
    with pytest.raises(TooSlow):
        line.sendall(b"x" * 50_000_000)


def test_kernel_keeps_little_for_who_does_not_read_and_gives_up_who_is_gone(pair: Pair) -> None:
    line, _ = pair
    assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1000 * PATIENCE_SECONDS
    assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 2 * PORTION_BYTES


def test_line_without_tcp_is_as_good() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"GET")
        assert Line(ours, IDLE_SECONDS).recv(100) == b"GET"
