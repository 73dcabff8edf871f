"""A part of a crowd: so many open event streams of one document, in a process of its own. It says when each had its end.

Speaks in lines: "ready", then a JSON list of moments on the monotonic clock, once for each line that it is sent.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.bench.model import end
from tests.support.precis import ROOT

AT_ONCE = 50
END = b'data-status="complete"'
READ_BYTES = 262_144
PATIENCE_SECONDS = 60.0


@contextmanager
def crowd(
    port: int, path: str, cookie: str, mark: bytes, numbers: Sequence[int]
) -> Iterator["list[subprocess.Popen[str]]"]:
    """Open the streams, a process for each of the numbers."""
    commands = [
        [sys.executable, "-m", "tests.bench.crowd", str(port), path, cookie, mark.decode(), str(number)]
        for number in numbers
    ]
    parts = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    try:
        for part in parts:
            assert part.stdout is not None
            assert part.stdout.readline() == "ready\n"
        yield parts
    finally:
        for part in parts:
            end(part)


def moments(parts: "Sequence[subprocess.Popen[str]]") -> list[float]:
    """When each of all the listeners had its end."""
    found: list[float] = []
    for part in parts:
        assert part.stdin is not None and part.stdout is not None
        part.stdin.write("go\n")
        part.stdin.flush()
    for part in parts:
        assert part.stdout is not None
        found += json.loads(part.stdout.readline())
    return found


def _main(port: int, path: str, cookie: str, mark: bytes, number: int) -> None:
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n"
        "HX-Request: true\r\nHX-Request-Type: partial\r\n\r\n"
    ).encode()
    poll = select.epoll()
    lines: dict[int, socket.socket] = {}
    for _ in range(0, number, AT_ONCE):
        some = [
            socket.create_connection(("127.0.0.1", port)) for _ in range(min(AT_ONCE, number - len(lines)))
        ]
        for line in some:
            line.sendall(request)
        for line in some:
            assert b" 200 " in line.recv(READ_BYTES)[:20]
            line.setblocking(False)
            lines[line.fileno()] = line
            poll.register(line, select.EPOLLIN)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(_ends(poll, lines, mark)), flush=True)
    sys.stdin.readline()


def _ends(poll: Any, lines: dict[int, socket.socket], mark: bytes) -> list[float]:
    """The moment at which each line had the mark."""
    found: dict[int, float] = {}
    tails = dict.fromkeys(lines, b"")
    until = time.monotonic() + PATIENCE_SECONDS
    while len(found) < len(lines) and time.monotonic() < until:
        for number, _ in poll.poll(1.0):
            part = lines[number].recv(READ_BYTES)
            assert part, "the server has hung up"
            told = tails[number] + part
            if mark in told:
                found[number] = time.monotonic()
                poll.unregister(number)
            tails[number] = told[-len(mark) :]
    return list(found.values())


if __name__ == "__main__":
    port, path, cookie, mark, number = sys.argv[1:]
    _main(int(port), path, cookie, mark.encode(), int(number))
