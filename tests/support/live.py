"""The application behind a real socket, with a worker thread beside it, and a client that reads event streams."""

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from lxml import html
from werkzeug.serving import make_server

from tests.support.worker import work_once
from webapp.extensions import db
from webapp.models import Lane, Presence


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    """Serve the application on loopback, a thread for each request. Gives the port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def working(app: Flask) -> Iterator[None]:
    """A worker that does what is due, beside the test."""
    stop = threading.Event()

    def run() -> None:
        with app.app_context():
            for lane in Lane:
                db.session.merge(Presence(token=lane, lane=lane, pid=1, seen_at=4e9))
            db.session.commit()
        while not stop.wait(0.005):
            with app.app_context():
                work_once()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@dataclass
class Event:
    """One server-sent event: its id, and the element that its partial carries to `target`."""

    id: str
    data: str
    at: float

    @property
    def target(self) -> str:
        found = re.search(r'hx-target="#([^"]+)"', self.data)
        return found.group(1) if found else ""

    @property
    def content(self) -> str:
        return re.sub(r"</?hx-partial[^>]*>", "", self.data)

    @property
    def text(self) -> str:
        """What it says, without the links behind the sentences of a summary."""
        root = html.fromstring(f"<div>{self.content}</div>")
        for mark in root.cssselect(".passages"):
            mark.drop_tree()
        return " ".join(root.text_content().split())

    @property
    def status(self) -> str | None:
        """The status of the area, if it carries one."""
        found = re.search(r'data-status="(\w+)"', self.data)
        return found.group(1) if found else None


class EventStream:
    """An open event stream. Iterate over its events; `close` is a browser that leaves."""

    def __init__(self, port: int, path: str, cookie: str, last_event_id: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"Cookie": cookie, "Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        try:
            self._connection.request("GET", path, headers=headers)
            self.response = self._connection.getresponse()
        except BaseException:
            self._connection.close()
            raise
        self.status = self.response.status

    def __iter__(self) -> Iterator[Event]:
        event_id, data = "", []
        for raw in self.response:
            line = raw.decode().rstrip("\n")
            if line.startswith("id: "):
                event_id = line[4:]
            elif line.startswith("data: "):
                data.append(line[6:])
            elif not line and data:
                yield Event(event_id, "\n".join(data), time.monotonic())
                data = []

    def close(self) -> None:
        self._connection.close()
        self.response.close()
