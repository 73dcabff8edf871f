"""The limit of a page: the same server, gunicorn as Precis sets it up, that answers a constant 200 or 304.

As a program it is what gunicorn loads. CONSTANT_BYTES says how many an answer has, its head included.
"""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import OK
from typing import Any

from tests.bench.model import end
from tests.support.precis import Precis, free_port, until
from webapp.config import Settings
from webapp.processes import web

HEAD_BYTES = 150


def application(
    environ: dict[str, Any], start_response: Callable[[str, Sequence[tuple[str, str]]], object]
) -> list[bytes]:
    body = _body
    start_response(
        "200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
    )
    return [body]


_body = b"x" * max(0, int(os.environ.get("CONSTANT_BYTES", "0")) - HEAD_BYTES)


@contextmanager
def constant(house: Precis, answer_bytes: float) -> Iterator[int]:
    """Run it beside a Precis, with that one's settings. Yields its port."""
    port = free_port()
    environ = {**house.settings, "PORT": str(port), "CONSTANT_BYTES": str(round(answer_bytes))}
    command = [*web.command(Settings.load(environ))[:-1], "tests.bench.constant:application"]
    process = subprocess.Popen(command, cwd=house.folder, env=environ, text=True)
    try:
        until(lambda: house.status("/", port) == OK, "the constant server answers")
        yield port
    finally:
        end(process)
