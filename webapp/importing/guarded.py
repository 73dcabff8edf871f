"""Connections that lead only where the guard lets them, and that end when the time is over (SECURITY.md S08).

A name is asked for once for each connection, its addresses are judged before anything is sent, the connection
goes to an address and not to the name, and its other end is judged again: no second answer is ever used.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from ipaddress import ip_address
from threading import Thread
from typing import Any

import httpcore2

from webapp.importing.extracted import ImportFailure
from webapp.importing.guard import Address, Guard

MOST_ADDRESSES_TRIED = 4

Resolve = Callable[[str], list[str]]


def system_resolve(host: str) -> list[str]:
    """The addresses of a host, in the system's order of preference. Raises OSError."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def permitted(guard: Guard, answers: list[str], host: str) -> list[Address]:
    """Those of a host's addresses that may be asked. Raises ImportFailure if it has others only."""
    found = [ip_address(answer) for answer in answers]
    allowed = [address for address in dict.fromkeys(found) if guard.is_permitted(address)]
    if found and not allowed:
        raise ImportFailure("forbidden_address", f"{host} is at {', '.join(map(str, found[:4]))}")
    return allowed[:MOST_ADDRESSES_TRIED]


def _resolved(resolve: Resolve, host: str, seconds: float) -> list[str]:
    """What `resolve` says, in time: the system's resolver has waits of its own, which nothing can end."""
    with suppress(ValueError):
        return [str(ip_address(host))]
    answer: Future[list[str]] = Future()
    Thread(target=_ask, args=(answer, resolve, host), daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout("no answer from the resolver") from error
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(str(error)) from error


def _ask(answer: "Future[list[str]]", resolve: Resolve, host: str) -> None:
    try:
        answer.set_result(resolve(host))
    except Exception as error:  # noqa: BLE001 whatever it is, the asking thread raises it
        answer.set_exception(error)


class GuardedBackend(httpcore2.SyncBackend):
    """Opens connections to permitted addresses only. After `ends_at` (monotonic) nothing is waited for."""

    def __init__(self, guard: Guard, ends_at: float, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve
        self._ends_at = ends_at

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        until = min(self._ends_at, time.monotonic() + (timeout or 0.0))
        addresses = permitted(self._guard, _resolved(self._resolve, host, _left(until)), host)
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address, seconds in _shares(addresses, until):
            try:
                return self._open(address, port, seconds)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def _open(self, address: Address, port: int, seconds: float) -> httpcore2.NetworkStream:
        stream = super().connect_tcp(str(address), port, seconds)
        try:
            self._guard.judge(ip_address(stream.get_extra_info("server_addr")[0]))
        except BaseException:
            stream.close()
            raise
        return _Stream(stream, self._ends_at)


def _shares(addresses: list[Address], until: float) -> Iterator[tuple[Address, float]]:
    """Each address with the seconds that it gets: a dead one leaves time for the next."""
    for tried, address in enumerate(addresses):
        yield address, _left(until) / (len(addresses) - tried)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore2.ConnectTimeout("the time is over")
    return left


class _Stream(httpcore2.NetworkStream):
    """A connection whose every wait ends when the time for the whole is over."""

    def __init__(self, stream: httpcore2.NetworkStream, ends_at: float) -> None:
        self._stream = stream
        self._ends_at = ends_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._wait(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._wait(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._wait(timeout))
        return _Stream(stream, self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _wait(self, timeout: float | None) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the time is over")
        return left if timeout is None else min(left, timeout)
