"""Row 5: 10,000 pages that listen to one document: when the last of them has its summary, and what a listener takes."""

import asyncio
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import OK
from pathlib import Path

from tests.bench import library
from tests.bench.crowd import END, crowd, moments
from tests.bench.house import memory_bytes, precis
from tests.bench.model import Model, end
from tests.bench.rows import p99
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Person
from tests.support.precis import Precis, free_port, until
from webapp.config import Settings
from webapp.processes import web

STREAMS = 10_000
PARTS = 4
RUNS = 3
VIEWS = 150
P99_MS, STREAM_KB = 300.0, 20.0
EVENT_BYTES = 6_000
FIRST_WORD_SECONDS = 4.0  # for the views meanwhile


def measure() -> list[Line]:
    """From the last byte of the model server to the final event of each listener; beside a bare event server's."""
    with (
        Model(FIRST_WORD_SECONDS) as model,
        precis({**model.settings, "PRECIS_MAX_STREAMS": str(STREAMS)}, finished=1, cold=RUNS) as house,
    ):
        empty = memory_bytes(house)  # what one run has taken, the next need not take anew
        found = [asyncio.run(_run(house, model, 2 + number, empty)) for number in range(RUNS)]
        bare = [_bare(house) for _ in range(RUNS)]
    pairs = list(zip(found, bare, strict=True))
    return [
        Line(5, f"{STREAMS:,} listeners: the finished summary, p99", [Run(each[0], limit) for each, limit in pairs], "ms", Reach(P99_MS, "itself")),
        Line(5, "memory for each", [Run(each[1]) for each in found], "kB", Reach(STREAM_KB, "itself")),
        Line(5, "a page view meanwhile, p99", [each[2] for each in found], "ms", Reach(2.0)),
    ]  # fmt: skip


async def _run(house: Precis, model: Model, document_id: int, empty: int) -> tuple[float, float, Run]:
    """Milliseconds to the last but a hundredth, kilobytes for each, and a view meanwhile against a quiet one."""
    person = await Person.sign_in(house.port, library.EMAIL, library.PASSWORD)
    quiet = await _views(person)
    path = f"/documents/{document_id}/summary/events"
    with crowd(house.port, path, person.cookie, END, [STREAMS // PARTS] * PARTS) as parts:
        taken = (memory_bytes(house) - empty) / STREAMS / 1000
        meanwhile = await _views(person)
        await person.click(await person.connect(), f"/documents/{document_id}/summary")
        ends = await asyncio.to_thread(moments, parts)
    late = p99([1000 * (at - model.last("ended")) for at in ends]) if len(ends) == STREAMS else float("inf")
    return late, taken, Run(meanwhile, quiet)


async def _views(person: Person) -> float:
    connection = await person.connect()
    found = []
    for _ in range(VIEWS):
        start = time.monotonic()
        assert (await connection.get("/documents/1")).status == OK
        found.append(1000 * (time.monotonic() - start))
    await connection.close()
    return p99(found)


def _bare(house: Precis) -> float:
    """The same of the bare server: milliseconds from the signal."""
    with (
        tempfile.TemporaryDirectory(prefix="precis-bench-") as name,
        _event_server(house, Path(name) / "go") as port,
        crowd(port, "/", "", END, [STREAMS // PARTS] * PARTS) as parts,
    ):
        begun_at = time.monotonic() + 1.0
        threading.Timer(1.0, (Path(name) / "go").touch).start()
        ends = moments(parts)
    return p99([1000 * (at - begun_at) for at in ends])


@contextmanager
def _event_server(house: Precis, signal: Path) -> Iterator[int]:
    port = free_port()
    environ = {
        **house.settings, "PORT": str(port), "EVENT_SIGNAL": str(signal), "EVENT_BYTES": str(EVENT_BYTES), "EVENT_MARK": END.decode()}  # fmt: skip
    command = [*web.command(Settings.load(environ))[:-1], "tests.bench.event_server:application"]
    process = subprocess.Popen(command, cwd=house.folder, env=environ, text=True)
    try:
        until(lambda: _answers(port), "the event server answers")
        yield port
    finally:
        end(process)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
