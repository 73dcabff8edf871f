"""Websites on loopback, and a promise that nothing else is asked."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, Self

import pytest

Answer = Callable[["Visit"], None]


@contextmanager
def loopback_only() -> Iterator[list[str]]:
    """Within, a connection to another machine or a question for a name is an error. Yields what was connected to."""
    attempts: list[str] = []
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def noted(self: socket.socket, address: Any) -> None:
        if isinstance(address, str):  # a file of this machine
            return connect(self, address)
        attempts.append(address[0])
        assert ip_address(address[0]).is_loopback, f"a test would have sent something to {address}"
        return connect(self, address)

    def numbers_only(host: Any, *args: Any, **kwargs: Any) -> Any:
        ip_address(host)
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", noted)
        patch.setattr(socket, "getaddrinfo", numbers_only)
        yield attempts


class Visit(BaseHTTPRequestHandler):
    """One request to a site, and the ways to answer it."""

    server: "Site"

    def do_GET(self) -> None:
        self.server.visits.append(self)
        with suppress(OSError, KeyError):  # a visitor who has seen enough hangs up
            self.server.answers[self.path](self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.begin(status, content_length=str(len(body)), **headers)
        self.wfile.write(body)

    def begin(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_type": "text/html", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class Site(ThreadingHTTPServer):
    """Answers by path on a loopback address."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.answers: dict[str, Answer] = {}
        self.visits: list[Visit] = []
        self.certificate = certificate

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.certificate is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.certificate.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def address(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
