"""One GET for a link that somebody wants in the library: bounded in time and size, and only where the guard lets it."""

import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import Message
from functools import cache
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO, Self, cast
from urllib.parse import unquote, urlsplit

import httpx2

from webapp.importing.extracted import ImportFailure
from webapp.importing.guard import Guard
from webapp.importing.guarded import GuardedBackend, Resolve, system_resolve
from webapp.importing.recognizing import SUFFIXES

REDIRECTS = {301, 302, 303, 307, 308}
REFUSALS = {"not_found": {404, 410}, "server_error": {408, 425, 429, *range(500, 600)}}
ENCODINGS = {"gzip", "deflate", "identity"}
LONGEST_NAME_CHARS = 200

TYPES = {
    "text/html", "application/xhtml+xml", "text/plain", "text/markdown", "text/x-markdown", "application/pdf",
    "application/x-pdf", "application/rtf", "text/rtf", "application/epub+zip", "message/rfc822",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}  # fmt: skip
# Types that say nothing: here the name has to say that it is a document.
VAGUE_TYPES = {
    "", "application/octet-stream", "binary/octet-stream", "application/binary", "application/zip",
    "application/download", "application/x-download", "application/force-download",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """`seconds` is for everything, redirects and names included; `most_bytes` counts sent and unpacked bytes each."""

    connect_seconds: float = 10.0
    seconds: float = 30.0
    most_bytes: int = 50 * 1024 * 1024
    most_redirects: int = 5


STANDARD = FetchLimits()
PUBLIC = Guard()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a link led to. The body is a temporary file, at its start, which goes with the end of the `with` block.

    `address` is the last one after redirects, `content_type` in lower case without parameters and "" if unknown,
    `name` what the file would be called, `etag` and `last_modified` as the site wrote them.
    """

    address: str
    body: IO[bytes]
    size: int
    content_type: str
    charset: str | None
    name: str
    etag: str | None
    last_modified: str | None

    @property
    def path(self) -> Path:
        return Path(self.body.name)

    @property
    def is_page(self) -> bool:
        """Whether it says that it is HTML."""
        return self.content_type in ("text/html", "application/xhtml+xml")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.body.close()


def fetch(
    url: str, *, limits: FetchLimits = STANDARD, guard: Guard = PUBLIC, resolve: Resolve = system_resolve
) -> Fetched:
    """What is at a link. Use it in a `with` block. Raises ImportFailure."""
    address = guard.checked(url)
    backend = GuardedBackend(guard, time.monotonic() + limits.seconds, resolve)
    with _client(limits, backend) as client:
        for _ in range(limits.most_redirects + 1):
            with _telling_failures(), client.stream("GET", address) as response:
                location = response.headers.get("location")
                if response.status_code not in REDIRECTS or location is None:
                    return _fetched(response, limits)
            address = guard.checked(location, address)
    raise ImportFailure("too_many_redirects", f"{limits.most_redirects} and more, the last to {address}")


def _client(limits: FetchLimits, backend: GuardedBackend) -> httpx2.Client:
    """A client for one link, so that its cookies live as long as its redirects."""
    return httpx2.Client(
        transport=_Transport(backend, limits.most_bytes),
        headers={
            "User-Agent": f"Precis/{version('precis')}",
            "Accept": "text/html, application/xhtml+xml, text/*;q=0.9, application/*;q=0.8",
            "Accept-Encoding": "gzip, deflate",
        },
        timeout=httpx2.Timeout(limits.seconds, connect=min(limits.connect_seconds, limits.seconds)),
        trust_env=False,
        follow_redirects=False,
    )


@cache
def tls_context() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


class _Transport(httpx2.HTTPTransport):
    def __init__(self, backend: GuardedBackend, most_bytes: int) -> None:
        super().__init__(verify=tls_context(), trust_env=False)
        self._pool._network_backend = backend
        self._most_bytes = most_bytes

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        response.stream = _Counted(cast("httpx2.SyncByteStream", response.stream), self._most_bytes)
        return response


class _Counted(httpx2.SyncByteStream):
    """The bytes as they were sent, up to a limit: those that unpack to nothing are seen here only."""

    def __init__(self, stream: httpx2.SyncByteStream, most_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = most_bytes

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        for part in self._stream:
            received += len(part)
            if received > self._most_bytes:
                raise ImportFailure("too_large", f"more than {self._most_bytes} bytes were sent")
            yield part

    def close(self) -> None:
        self._stream.close()


@contextmanager
def _telling_failures() -> Iterator[None]:
    """What goes wrong on the way, as ImportFailure."""
    try:
        yield
    except (httpx2.ConnectTimeout, httpx2.ConnectError) as error:
        code = "bad_certificate" if _is_of_certificate(error) else "unreachable"
        raise ImportFailure(code, str(error)) from error
    except httpx2.TimeoutException as error:
        raise ImportFailure("slow_site", str(error)) from error
    except httpx2.HTTPError as error:
        raise ImportFailure("server_error", str(error)) from error
    except httpx2.InvalidURL as error:
        raise ImportFailure("bad_address", str(error)) from error


def _is_of_certificate(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def _fetched(response: httpx2.Response, limits: FetchLimits) -> Fetched:
    _judge_status(response.status_code)
    headers = response.headers
    name = _name(headers.get("content-disposition"), str(response.url))
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    _judge_type(content_type, name)
    _judge_length(response, limits.most_bytes)
    with ExitStack() as stack:
        body = stack.enter_context(NamedTemporaryFile(prefix="precis-"))
        size = _receive(response, body, limits.most_bytes)
        stack.pop_all()
    return Fetched(
        address=str(response.url),
        body=body,
        size=size,
        content_type=content_type,
        charset=response.charset_encoding,
        name=name,
        etag=headers.get("etag"),
        last_modified=headers.get("last-modified"),
    )


def _judge_status(status: int) -> None:
    if not 200 <= status < 300:
        code = next((code for code, statuses in REFUSALS.items() if status in statuses), None)
        raise ImportFailure(code or ("forbidden" if status >= 400 else "server_error"), f"status {status}")


def _judge_type(content_type: str, name: str) -> None:
    is_named = content_type in VAGUE_TYPES and PurePosixPath(name).suffix.lower() in SUFFIXES
    if content_type not in TYPES and not is_named:
        raise ImportFailure("wrong_type", f"{content_type[:100]!r}, {name!r}")


def _judge_length(response: httpx2.Response, most_bytes: int) -> None:
    """Refuse at once what says that it is too large, or is packed as we did not ask for, or twice."""
    encodings = response.headers.get_list("content-encoding", split_commas=True)
    if len(encodings) > 1 or any(encoding.strip().lower() not in ENCODINGS for encoding in encodings):
        raise ImportFailure("server_error", f"packed as {encodings[:4]}")
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most_bytes:
        raise ImportFailure("too_large", f"{declared} bytes are announced")


def _receive(response: httpx2.Response, body: IO[bytes], most_bytes: int) -> int:
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > most_bytes:
            raise ImportFailure("too_large", f"it unpacks to more than {most_bytes} bytes")
        body.write(part)
    if not size:
        raise ImportFailure("empty", "the answer has no body")
    body.seek(0)
    return size


def _name(disposition: str | None, address: str) -> str:
    """What the file is called: by its sender, or by the end of its address."""
    header = Message()
    header["content-disposition"] = disposition or ""
    path = header.get_filename() or unquote(urlsplit(address).path)
    name = "".join(char for char in path.replace("\\", "/").rpartition("/")[2] if char.isprintable())
    return name if len(name) <= LONGEST_NAME_CHARS else name[-LONGEST_NAME_CHARS:]
