"""Clients that keep their connections and never pause, in a process of their own: one request over and over again.

All that each answer costs here is a read, a look at its head and a write: what is measured is the server.
"""

import json
import re
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.precis import ROOT

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
READ_BYTES = 262_144


@dataclass(frozen=True)
class Load:
    """What they saw: answers a second, milliseconds, the bytes of an answer, and how many had which status."""

    rate: float
    p50: float
    p99: float
    answer_bytes: float
    statuses: dict[str, int]


def load(port: int, request: bytes, *, connections: int, seconds: float) -> Load:
    """Let them loose on a server on loopback. Raises CalledProcessError."""
    command = [sys.executable, "-m", "tests.bench.load", str(port), str(connections), str(seconds)]
    done = subprocess.run(command, input=request, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Load(**json.loads(done.stdout))


def request(path: str, headers: dict[str, str]) -> bytes:
    fields = {"Host": "127.0.0.1", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


@dataclass(eq=False)
class _Client:
    line: socket.socket
    asked_at: float = 0.0
    answer: bytearray = field(default_factory=bytearray)

    def ask(self, request: bytes) -> None:
        self.answer.clear()
        self.line.send(request)
        self.asked_at = time.perf_counter()

    def read(self) -> bool:
        """Take what has come. Returns whether that is the whole answer."""
        part = self.line.recv(READ_BYTES)
        assert part, "the server has hung up"
        self.answer += part
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = LENGTH.search(self.answer, 0, end)
        return len(self.answer) >= end + 4 + (int(length.group(1)) if length else 0)


def _run(port: int, request: bytes, connections: int, seconds: float) -> dict[str, Any]:
    poll, clients = select.epoll(), {}
    for _ in range(connections):
        client = _Client(socket.create_connection(("127.0.0.1", port)))
        clients[client.line.fileno()] = client
        poll.register(client.line, select.EPOLLIN)
        client.ask(request)
    times: list[float] = []
    statuses: Counter[str] = Counter()
    total, begun_at = 0, time.perf_counter()
    end_at = begun_at + seconds
    while (now := time.perf_counter()) < end_at:
        for number, _ in poll.poll(1.0):
            client = clients[number]
            if client.read():
                times.append(time.perf_counter() - client.asked_at)
                statuses[client.answer[9:12].decode()] += 1
                total += len(client.answer)
                client.ask(request)
    times.sort()
    return {
        "rate": len(times) / (now - begun_at),
        "p50": 1000 * times[len(times) // 2],
        "p99": 1000 * times[len(times) * 99 // 100],
        "answer_bytes": total / len(times),
        "statuses": statuses,
    }


if __name__ == "__main__":
    port, connections, seconds = sys.argv[1:]
    print(json.dumps(_run(int(port), sys.stdin.buffer.read(), int(connections), float(seconds))))
