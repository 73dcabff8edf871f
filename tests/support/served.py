"""A tiny application for claims about how the web process serves: `tests.support.served:app`."""

import sys
import time
from collections.abc import Iterable
from typing import Any

from gevent import monkey


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """/slow takes a second in two parts, /busy takes all of the process; others tell of it and of the request."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/slow":
        return _slow()
    if environ["PATH_INFO"] == "/busy":
        return _busy()
    facts = {
        "scheme": environ["wsgi.url_scheme"],
        "parser": "C" if "gunicorn_h1c" in sys.modules else "Python",
        "ssl": "patched" if monkey.is_module_patched("ssl") else "not patched",
    }
    return [" ".join(facts.values()).encode()]


def _slow() -> Iterable[bytes]:
    yield b"first "
    time.sleep(1.0)
    yield b"last"


def _busy() -> Iterable[bytes]:
    yield b"busy"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass
