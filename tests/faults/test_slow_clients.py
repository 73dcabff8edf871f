"""Real processes and sockets: who sends or reads slowly holds up nobody else."""

import http.client
import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Self

import httpx2
import pytest

from tests.conftest import ARTICLE
from tests.support.precis import Precis, until
from tests.support.slow import Trickle
from tests.support.visitor import Visitor
from tests.support.watch import Watch

PATIENCE_SECONDS = 3
PLACES = 3  # for large forms, of a web process
LARGE = 10_000_000
BOUNDARY = "a-line-that-is-in-no-file"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def precis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    settings = {
        "PRECIS_PATIENCE_SECONDS": str(PATIENCE_SECONDS),
        "PRECIS_MAX_UPLOADS": str(PLACES),
        "PRECIS_MAX_TEXT_BYTES": "1000000",
        "PRECIS_WEB_WORKERS": "1",
    }
    with Precis(tmp_path_factory.mktemp("precis"), settings) as precis:
        yield precis


@pytest.fixture(scope="module")
def alice(precis: Precis) -> Iterator[Visitor]:
    alice = Visitor(precis.address, precis.add_member("Alice"))
    yield alice
    alice.close()


@pytest.fixture(scope="module")
def bob(precis: Precis) -> Iterator[Visitor]:
    bob = Visitor(precis.address, precis.add_member("Bob"))
    yield bob
    bob.close()


def cookies(visitor: Visitor) -> str:
    return "; ".join(f"{name}={value}" for name, value in visitor.client.cookies.items())


def head(visitor: Visitor, size: int, kind: str = "application/x-www-form-urlencoded") -> bytes:
    """The head of a request that brings a form of so many bytes."""
    lines = [
        "POST /documents HTTP/1.1",
        "Host: precis",
        f"Cookie: {cookies(visitor)}",
        f"Content-Type: {kind}",
    ]
    return "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode()


def form(visitor: Visitor, size: int) -> tuple[bytes, bytes]:
    """(head and beginning, end) of a form with a file of so many bytes."""
    begun = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{visitor.token}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    ).encode()
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return head(visitor, len(begun) + size + len(end), kind) + begun, end


def status(answer: bytes) -> int:
    return int(answer.split()[1]) if answer else 0


def test_sixty_slow_senders_hold_nobody_up_and_give_their_places_back(
    precis: Precis, alice: Visitor, bob: Visitor
) -> None:
    heads = [b"GET / HTTP/1.1\r\nHost: precis\r\nX-Slow: "] * 20
    texts = [head(alice, 5_000) + b"title=Slow&text="] * 20
    files = [form(alice, LARGE)[0]] * 20
    with Trickle(precis.port, [*heads, *texts, *files]) as slow:
        until(lambda: meanwhile(slow, bob), "all slow senders are hung up on")
    told = [status(answer) for answer in slow.answers]
    assert told.count(503) == 20 - PLACES, "further large forms are asked to come again"
    assert told.count(408) == 40 + PLACES, "all others are told that they are too slow"
    assert sum(b"Too slow" in answer for answer in slow.answers) == 20 + PLACES, "on a page of the site's"
    for _ in range(PLACES + 1):
        assert sent(precis, alice, LARGE, seconds=0) == 303, "each gives its place back"
    assert not list((precis.folder / "originals" / "incoming").iterdir()), "nothing half is left"


def meanwhile(slow: Trickle, bob: Visitor) -> bool:
    """Let the slow ones send a byte, and Bob a text, whose summary he reads. Whether no slow one is left."""
    slow.step()
    bob.pages_until(bob.save("Meanwhile", ARTICLE), "complete")
    return not slow.left


def sent(precis: Precis, visitor: Visitor, size: int, seconds: float) -> int:
    """Send a file of so many bytes, evenly over so many seconds. Returns the status code."""
    begun, end = form(visitor, size)
    portion = b"A line of words. " * 625
    with socket.create_connection(("127.0.0.1", precis.port), timeout=60) as client:
        client.sendall(begun)
        for start in range(0, size, len(portion)):
            client.sendall(portion[: size - start])
            time.sleep(seconds * len(portion) / size)
        client.sendall(end)
        return status(client.recv(65_536))


def test_large_file_over_a_slow_line_gets_through(precis: Precis, alice: Visitor) -> None:
    assert sent(precis, alice, 1_000_000, seconds=3 * PATIENCE_SECONDS) == 303


def test_idle_connection_is_closed_without_a_word(precis: Precis) -> None:
    with (
        socket.create_connection(("127.0.0.1", precis.port), timeout=60) as new,
        closing(http.client.HTTPConnection("127.0.0.1", precis.port, timeout=60)) as kept,
    ):
        kept.request("GET", "/healthz")
        kept.getresponse().read()
        assert kept.sock.recv(1) == b""
        assert new.recv(1) == b""


# --- slow readers -------------------------------------------------------------------------------------------------


class Deaf:
    """Connections that ask for something and read nothing of it, within a `with`."""

    def __init__(self, precis: Precis, visitor: Visitor, paths: Iterable[str]) -> None:
        self._precis = precis
        self._clients = [_asked(precis, visitor, path) for path in paths]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()

    @property
    def left(self) -> int:
        """How many are not hung up on. The server is asked: who reads nothing may not hear of it."""
        ours = {client.getsockname() for client in self._clients}
        served = [
            line.raddr for process in self._precis.processes("web") for line in process.net_connections()
        ]
        return len(ours.intersection(served))


def _asked(precis: Precis, visitor: Visitor, path: str) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", precis.port))
    lines = [f"GET {path} HTTP/1.1", "Host: precis", f"Cookie: {cookies(visitor)}", "", ""]
    client.sendall("\r\n".join(lines).encode())
    return client


def test_fifty_who_do_not_read_take_no_memory_and_hold_nobody_up(
    precis: Precis, alice: Visitor, bob: Visitor
) -> None:
    long = alice.save("Long", "A line of words, which nobody reads.\n" * 27_000)
    answer = alice.client.post(
        "/documents", data={"csrf_token": alice.token}, files={"file": ("long.txt", b"Words. " * 140_000)}
    )
    assert answer.status_code == 303
    until(lambda: "long.txt" in alice.client.get("/imports").text, "the file is there")
    original = long + 1
    until(lambda: alice.client.get(f"/documents/{original}/original").status_code == 200, "it is a document")
    text, file, page = (
        f"/documents/{long}/markdown",
        f"/documents/{original}/original",
        f"/documents/{long}?whole=1",
    )
    sizes = [len(alice.client.get(path).content) for path in (text, file, page)]
    assert min(sizes) > 900_000, "what it takes to make one of each is there before"
    with Watch(precis, "web") as web, Deaf(precis, alice, [text] * 25 + [file] * 24 + [page]) as deaf:
        bob.pages_until(bob.save("Meanwhile", ARTICLE), "complete")
        until(lambda: deaf.left == 0, "all who do not read are hung up on")
    assert web.is_well() and web.grown_bytes < 50 * min(sizes) / 3, web


def test_who_does_not_read_a_stream_is_hung_up_on_and_others_hear_all(
    precis: Precis, alice: Visitor, bob: Visitor
) -> None:
    document_id = alice.save("Edited", ARTICLE)
    path = f"/documents/events?ids={document_id}"
    with Deaf(precis, alice, [path] * 30) as deaf, bob.client.stream("GET", path) as stream:
        heard = stream.iter_text()
        until(lambda: streams(precis) == 31, "all of them listen")

        def go_on() -> bool:
            alice.edit(document_id, f"Edited {time.monotonic()} {'again ' * 30}", ARTICLE)
            return deaf.left == 0

        until(go_on, "who does not read is hung up on")
        alice.edit(document_id, "The last edit", ARTICLE)
        assert any("The last edit" in event for event in heard)
        until(lambda: streams(precis) == 1, "the places of the others are free")


def streams(precis: Precis) -> int:
    found = re.search(
        r"^precis_streams ([\d.]+)$",
        httpx2.get(f"{precis.address}/metrics", trust_env=False).text,
        re.MULTILINE,
    )
    assert found
    return int(float(found[1]))
