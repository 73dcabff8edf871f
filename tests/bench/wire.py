"""HTTP over asyncio, as little of it as there can be: whoever makes the load must not be what is measured."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
FORM = "application/x-www-form-urlencoded"
SECONDS = 60.0  # the longest that any answer is waited for
MOST_BYTES = 8_000_000


@dataclass
class Answer:
    """A response. `body` is empty while it is still to be read as a stream."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()


class Connection:
    """One kept-alive connection to a server on loopback."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: Mapping[str, str]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = headers

    @classmethod
    async def open(cls, port: int, headers: Mapping[str, str] | None = None) -> Self:
        """Connect. `headers` go with each request."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=MOST_BYTES)
        return cls(reader, writer, headers or {})

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def post(
        self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        body = urlencode(form).encode()
        return await self.ask("POST", path, body, {"Content-Type": FORM, **(headers or {})})

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and read the whole answer."""
        async with asyncio.timeout(SECONDS):
            answer = await self.begin(method, path, body, headers)
            if "content-length" in answer.headers:
                answer.body = await self._reader.readexactly(int(answer.headers["content-length"]))
            elif answer.headers.get("transfer-encoding") == "chunked":
                answer.body = await self._rest()
        return answer

    async def begin(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and read the head of its answer; `chunk` reads on."""
        fields = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **self._headers, **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.strip().split("\r\n")
        pairs = (line.partition(":") for line in rest)
        return Answer(int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs})

    async def chunk(self) -> bytes:
        """The next part of a chunked answer; empty at its end."""
        size = int(await self._reader.readuntil(b"\r\n"), 16)
        return (await self._reader.readexactly(size + 2))[:-2]

    async def _rest(self) -> bytes:
        parts = []
        while part := await self.chunk():
            parts.append(part)
        return b"".join(parts)

    async def close(self) -> None:
        self._writer.close()


@dataclass
class Person:
    """Somebody who is signed in."""

    port: int
    cookie: str = ""
    token: str = ""

    @classmethod
    async def sign_in(cls, port: int, email: str, password: str) -> Self:
        """Fill the sign-in form as a browser would. Raises AssertionError if it is not taken."""
        person = cls(port)
        door = await person.connect()
        person._keep(await door.get("/session/new"))
        form = {"csrf_token": person.token, "email": email, "password": password}
        answer = await (await person.connect()).post("/session", form)
        assert answer.status == 303, answer.text
        person._keep(answer)
        person._keep(await (await person.connect()).get("/documents/new"))
        return person

    async def connect(self) -> Connection:
        """A new connection that is signed in."""
        return await Connection.open(self.port, {"Cookie": self.cookie} if self.cookie else {})

    async def click(self, connection: Connection, path: str) -> Answer:
        """Press a button, as HTMX sends it."""
        return await connection.post(path, {"csrf_token": self.token}, HTMX)

    async def save(
        self, connection: Connection, title: str, text: str, document_id: int | None = None
    ) -> int:
        """Save a new document, or a new version of one. Returns its id."""
        path = "/documents" if document_id is None else f"/documents/{document_id}"
        answer = await connection.post(path, {"csrf_token": self.token, "title": title, "text": text})
        assert answer.status == 303, answer.text
        return int(answer.headers["location"].rpartition("/")[2])

    def _keep(self, answer: Answer) -> None:
        """The cookie and the CSRF token, where the answer brings them."""
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        if found:
            self.token = found.group(1)


class Listener:
    """An open event stream of a document's page."""

    def __init__(self, connection: Connection, document_id: int) -> None:
        self._connection = connection
        self._ended_at = 0.0
        self._words = re.compile(
            rf'(?:#|id=")document-{document_id}-words"[^>]*>(.*?)</(?:hx-partial|div)>'.encode(), re.DOTALL
        )

    @classmethod
    async def open(cls, person: Person, document_id: int) -> Self:
        """Connect, and read as far as the state that comes first."""
        connection = await person.connect()
        path = f"/documents/{document_id}/summary/events"
        answer = await connection.begin("GET", path, headers={**HTMX, "Accept": "text/event-stream"})
        assert answer.headers.get("content-type", "").startswith("text/event-stream"), answer
        listener = cls(connection, document_id)
        await listener.until(lambda event: listener._is_end(event) or b"data: " in event)
        return listener

    async def words(self) -> float:
        """When the first event with letters of a summary came, on the monotonic clock."""
        return await self.until(self._has_letters)

    async def end(self) -> float:
        """When the finished area came, which may have been the first event."""
        return self._ended_at or await self.until(self._is_end)

    async def until(self, is_it: Callable[[bytes], bool]) -> float:
        """When the first event came of which this holds. Raises AssertionError if the stream ends before."""
        async with asyncio.timeout(SECONDS):
            while event := await self._connection.chunk():
                now = time.monotonic()
                if is_it(event):
                    return now
        raise AssertionError("the stream has ended")

    async def close(self) -> None:
        await self._connection.close()

    def _is_end(self, event: bytes) -> bool:
        is_end = b'data-status="complete"' in event
        self._ended_at = time.monotonic() if is_end else self._ended_at
        return is_end

    def _has_letters(self, event: bytes) -> bool:
        found = self._words.search(event.replace(b"\ndata: ", b"\n"))
        return found is not None and any(map(str.isalpha, re.sub(r"<[^>]*>", "", found.group(1).decode())))
