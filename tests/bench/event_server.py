"""The limit of the event streams: a bare gevent server that sends one event to all who listen, in as many processes.

Run by gunicorn as Precis is. `POST /` sends an event of EVENT_BYTES to whoever listens in that process; each process hears of
it by a file that all of them watch.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gevent.event import Event

SIGNAL = Path(os.environ.get("EVENT_SIGNAL", "/nonexistent"))
BODY = b"data: " + b"x" * int(os.environ.get("EVENT_BYTES", "0")) + b"\n\n"
STEP_SECONDS = 0.001

_told = Event()
_watches: list[Any] = []


def application(
    environ: dict[str, Any], start_response: Callable[[str, Sequence[tuple[str, str]]], object]
) -> Iterator[bytes]:
    from gevent import spawn

    if not _watches:
        _watches.append(spawn(_watch))
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    yield b": hello\n\n"
    _told.wait()
    yield BODY + os.environ["EVENT_MARK"].encode() + b"\n\n"
    time.sleep(60)


def _watch() -> None:
    while not SIGNAL.exists():
        time.sleep(STEP_SECONDS)
    _told.set()
