"""Connections to a model server that another thread can end, also while one thread waits for bytes.

httpcore2 hands out the socket only once response headers have come. A call that waits for headers must be
stoppable too, so the pool gets streams of ours, which tell the call of the running thread what it reads from.
"""

import socket
import ssl
import threading
import time
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from webapp.summarizing.addresses import is_near
from webapp.summarizing.ahead import Door

MAX_RESPONSE_BYTES = 64 * 1024 * 1024  # a line without an end would otherwise fill the memory
MOST_UNSENT_BYTES = 65_536
DRAIN_SECONDS = 0.1
KEEPALIVE_SECONDS = 4.0  # common servers hang up after 5 s: no call shall meet a connection that closes
KEEPALIVE_CONNECTIONS = 64

_running = threading.local()


class Call:
    """One exchange with a server. What a thread sends and receives within `with call:` belongs to it. `cancel` may be
    called from any thread, at any time.

    `heard_at` is when the last bytes came, on the monotonic clock; 0.0 before the first. With a `door` nobody is connected
    to until that is opened.
    """

    def __init__(self, door: Door | None = None) -> None:
        self.heard_at = 0.0
        self._door = door
        self._is_cancelled = False
        self._stream: _Stream | None = None
        self._ends_at: float | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        _running.call = self

    def __exit__(self, *_: object) -> None:
        _running.call = None

    def wait(self) -> None:
        """Go on once the call may be made."""
        if self._door is not None and not self._door.lets_through():
            raise httpx2.ReadError("nobody has asked for it")

    def cancel(self) -> None:
        """End the exchange: a blocked read returns at once."""
        if self._door is not None:
            self._door.shut()
        with self._lock:
            self._is_cancelled = True
            if self._stream is not None:
                self._stream.shut_down()

    def end_within(self, seconds: float) -> None:
        """The answer is whole: what may still follow is waited for no longer than this."""
        ends_at = time.monotonic() + seconds
        self._ends_at = ends_at if self._ends_at is None else min(self._ends_at, ends_at)

    @property
    def is_ending(self) -> bool:
        return self._ends_at is not None

    def hold(self, stream: "_Stream", timeout: float | None) -> float | None:
        """Note what the thread is about to wait for. Returns how long it may, in seconds."""
        with self._lock:
            if self._is_cancelled:
                raise httpcore2.ReadError("cancelled")
            self._stream = stream
        if self._ends_at is None:
            return timeout
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("nothing more is waited for")
        return left if timeout is None else min(left, timeout)

    def release(self) -> None:
        """The connection goes back to the pool: from now on `cancel` leaves it alone."""
        with self._lock:
            self._stream = None


def _call() -> Call | None:
    return getattr(_running, "call", None)


class _Stream(httpcore2.NetworkStream):
    """A connection. The head of a request waits for its body, so that both are sent together: each way to the network
    is one on which another thread of many gets in between.
    """

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        self._unsent: list[bytes] = []
        self._timeout: float | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with suppress(httpcore2.WriteError):  # as there may be an answer nevertheless
            self._send()
        call = _call()
        data = self._stream.read(max_bytes, call.hold(self, timeout) if call else timeout)
        if call:
            call.heard_at = time.monotonic()
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if call := _call():
            call.hold(self, timeout)
        self._unsent.append(buffer)
        self._timeout = timeout
        if sum(map(len, self._unsent)) > MOST_UNSENT_BYTES:
            self._send()

    def _send(self) -> None:
        if not self._unsent:
            return
        together = b"".join(self._unsent)
        self._unsent.clear()
        call = _call()
        self._stream.write(together, call.hold(self, self._timeout) if call else self._timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        self._send()
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def shut_down(self) -> None:
        """Wake whoever reads. SSLSocket's own method would take the TLS state from under the reader."""
        with suppress(OSError):
            socket.socket.shutdown(self._stream.get_extra_info("socket"), socket.SHUT_RDWR)


class _Backend(httpcore2.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(super().connect_tcp(host, port, timeout, local_address, socket_options))


class _Body(httpx2.SyncByteStream):
    """A response's bytes. Once the answer is whole, closing reads the few that are left, so that the
    connection is used again: the SDK closes at `[DONE]`, a few bytes before the end, which would throw the
    connection away."""

    def __init__(self, stream: httpx2.SyncByteStream, call: Call | None) -> None:
        self._stream = stream
        self._call = call
        self._parts = iter(stream)

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        for part in _without_mark(self._parts):
            received += len(part)
            if received > MAX_RESPONSE_BYTES:
                raise httpx2.RemoteProtocolError("the response has no end")
            yield part

    def close(self) -> None:
        if self._call is not None:
            self._drain(self._call)
            self._call.release()
        self._stream.close()

    def _drain(self, call: Call) -> None:
        if call.is_ending:
            call.end_within(DRAIN_SECONDS)
            with suppress(httpx2.HTTPError):
                for _ in self._parts:
                    pass


def _without_mark(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts without a byte order mark at the start, for which the SDK would pass over the first words."""
    start = b""
    for part in parts:
        start += part
        if len(start) >= len(BOM_UTF8) or not BOM_UTF8.startswith(start):
            break
    yield start.removeprefix(BOM_UTF8)
    yield from parts


class _Transport(httpx2.HTTPTransport):
    def __init__(self, proxy: str | None) -> None:
        limits = httpx2.Limits(
            max_connections=None,
            max_keepalive_connections=KEEPALIVE_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
        )
        super().__init__(limits=limits, proxy=proxy)
        self._pool._network_backend = _Backend()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        call = _call()
        if call:
            call.wait()
        response = super().handle_request(request)
        response.stream = _Body(cast("httpx2.SyncByteStream", response.stream), call)
        return response


@cache
def connections(base_url: str) -> httpx2.Client:
    """The kept connections to one server, shared by all threads of the process.

    Redirects are not followed, so that a document goes to the configured server and nowhere else.
    """
    return httpx2.Client(transport=_Transport(proxy_for(base_url)), trust_env=False, follow_redirects=False)


def proxy_for(url: str) -> str | None:
    """The environment's proxy for this address, if any. This machine and its network need none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_near(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"
