"""A model server that does what it is told: OpenAI's chat completions API over real TCP, scripted per
request.

In a test it runs in a thread of its own; other processes reach it at `base_url`. By hand:

    python -m tests.support.model_server --port 8100 --first-word 0.5 --delay 0.02
"""

import argparse
import asyncio
import itertools
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.listening import Listening

SUMMARY = """\
- Ada Lovelace published the first program for a machine in 1843, in the notes to her translation.
- Charles Babbage designed the Analytical Engine in 1837 but could not raise the money to build it.
- The engine was to hold 1,000 numbers of 40 digits and to read its orders from punched cards.
- The London Science Museum completed a working Difference Engine No. 2 in 1991.
- Its 8,000 parts weigh five tonnes and calculate to 31 digits."""

Event = Mapping[str, Any] | bytes | float | Callable[[], bool] | None
"""A chunk's JSON, raw bytes, a pause in seconds, a condition to wait for, or None: silence for ever."""
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Script:
    """What the server does with one request. The constructors below cover the usual cases; `but` changes any
    field."""

    events: tuple[Event, ...] = ()
    code: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None  # a plain body instead of a stream
    content_type: str = "text/event-stream"
    model: str = ""  # as named in the answer; the request's own by default
    usage: Mapping[str, int] | None = field(default_factory=dict)  # an empty one is counted, None sends none
    finish_reason: str | None = "stop"
    sends_done: bool = True
    newline: str = "\n"
    slice_bytes: int | None = None  # of one TCP write
    slice_seconds: float = 0.0  # between two of them
    cut_after: int | None = None  # bytes of the body
    cut_by_reset: bool = False
    answers: bool = True  # False: not even headers
    rejects: tuple[str, ...] = ()  # fields of the request that get a 400
    key: str | None = None  # the only key that is let in

    def but(self, **changes: Any) -> "Script":
        return replace(self, **changes)

    @classmethod
    def words(
        cls, text: str = SUMMARY, *, first_word: float = 0.0, every: float = 0.0, **changes: Any
    ) -> "Script":
        """Stream the text word by word: `first_word` seconds before the first, `every` seconds between
        them."""
        return cls.deltas(re.findall(r"\s*\S+|\s+\Z", text), first_word=first_word, every=every, **changes)

    @classmethod
    def deltas(
        cls, deltas: Sequence[str], *, first_word: float = 0.0, every: float = 0.0, **changes: Any
    ) -> "Script":
        """Stream these pieces of content, one a chunk."""
        events: list[Event] = [chunk({"role": "assistant", "content": ""}), first_word]
        for delta in deltas:
            events += [chunk({"content": delta}), every]
        return cls(tuple(events)).but(**changes)

    @classmethod
    def thoughts(cls, thoughts: str, text: str = SUMMARY, *, field: str = "reasoning_content") -> "Script":
        """Stream thoughts in a field of their own, as servers of reasoning models do, then the text."""
        thinking = [chunk({field: word}) for word in re.findall(r"\s*\S+", thoughts)]
        return cls((*thinking, *cls.words(text).events))

    @classmethod
    def status(cls, code: int, *, error: object = None, retry_after: str | None = None,
               headers: Mapping[str, str] | None = None) -> "Script":  # fmt: skip
        """Answer with an HTTP error. `error` is its JSON body, by default one in OpenAI's shape."""
        given = dict(headers or {})
        if retry_after is not None:
            given["Retry-After"] = retry_after
        body = (
            {"error": {"message": f"Scripted {code}", "type": None, "code": None}} if error is None else error
        )
        return cls(
            code=code,
            headers=tuple(given.items()),
            body=json.dumps(body).encode(),
            content_type="application/json",
        )

    @classmethod
    def error(
        cls, code: int, name: str, message: str = "Scripted", *, type: str = "invalid_request_error"
    ) -> "Script":
        """Answer with an HTTP error whose code is `name`, in OpenAI's shape."""
        return cls.status(
            code, error={"error": {"message": message, "type": type, "code": name, "param": None}}
        )

    @classmethod
    def out_of_quota(cls) -> "Script":
        return cls.error(
            429, "insufficient_quota", "You exceeded your current quota.", type="insufficient_quota"
        )

    @classmethod
    def too_long(cls) -> "Script":
        return cls.error(
            400, "context_length_exceeded", "This model's maximum context length is 4096 tokens."
        )

    @classmethod
    def no_such_model(cls) -> "Script":
        return cls.error(404, "model_not_found", "The model does not exist.")

    @classmethod
    def page(
        cls, body: bytes = b"<html><body><h1>Welcome</h1></body></html>", content_type: str = "text/html"
    ) -> "Script":
        """Answer 200 with something that is no stream."""
        return cls(body=body, content_type=content_type)

    @classmethod
    def silent(cls) -> "Script":
        """Take the request, and never send a byte."""
        return cls(answers=False)

    @classmethod
    def held(cls, until: Callable[[], bool], text: str = SUMMARY, **changes: Any) -> "Script":
        """Send headers, and the words once `until()` is true: `threading.Event().is_set` lets a test decide
        when."""
        words = cls.words(text, **changes)
        return words.but(events=(until, *words.events))

    @classmethod
    def stall(cls, after: int, text: str = SUMMARY) -> "Script":
        """Send so many words, then nothing more, with the connection open."""
        events = cls.words(text).events
        return cls((*events[: 2 + 2 * after], None))

    @classmethod
    def drip(cls, every: float, text: str = SUMMARY) -> "Script":
        """Send one byte at a time."""
        return cls.words(text, slice_bytes=1, slice_seconds=every)

    @classmethod
    def cut(
        cls, after_bytes: int, text: str = SUMMARY, *, by_reset: bool = False, **changes: Any
    ) -> "Script":
        """End the connection after so many bytes of the body, by FIN or by RST."""
        return cls.words(text, cut_after=after_bytes, cut_by_reset=by_reset, **changes)

    @classmethod
    def raw(cls, *events: Event, **changes: Any) -> "Script":
        """Send exactly these events, with nothing after them."""
        return cls(events, finish_reason=None, usage=None, sends_done=False).but(**changes)


def chunk(delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """One chunk of a streamed answer, without what the server fills in."""
    return {"choices": [{"index": 0, "delta": dict(delta), "finish_reason": finish_reason}]}


@dataclass
class Request:
    """A request as it came, and what became of it.

    `outcome`: running, complete, cut (by the script), disconnected (by the client) or "status <code>".
    """

    at: float  # monotonic
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: int
    outcome: str = "running"
    ended_at: float | None = None

    @property
    def prompt(self) -> str:
        """All that the model gets to read."""
        return "\n".join(str(message.get("content")) for message in self.body.get("messages", []))

    @property
    def key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


Scripts = Script | Sequence[Script] | Callable[[Request], Script]


class Cut(Exception):
    """The script ends the connection here."""


class Gone(Exception):
    """The client has left."""


class ModelServer(Listening):
    """The server. Scripts are used up in order and the last one repeats, or a function picks one for each
    request.

    A context manager: it listens on loopback within. `calls` counts the chat completions that were asked for.
    """

    def __init__(self, scripts: Scripts = (), *, port: int = 0) -> None:
        super().__init__(port)
        self.requests: list[Request] = []
        self.running = 0  # how many are being answered now
        self.script(scripts)
        self._numbers = itertools.count(1)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def calls(self) -> int:
        return len(self.requests)

    def script(self, scripts: Scripts) -> None:
        """What to do from the next request on."""
        if callable(scripts):
            self._choose = scripts
            return
        queue = [scripts] if isinstance(scripts, Script) else list(scripts) or [Script.words()]
        left = iter(queue)
        self._choose = lambda _: next(left, queue[-1])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer, next(self._numbers))
        try:
            while await self._serve_one(connection):
                pass
        except (Gone, Cut, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve_one(self, connection: "_Connection") -> bool:
        """Answer one request. False: the client wants no more of this connection."""
        request = await connection.request()
        if request is None:
            return False
        if not request.path.endswith("/chat/completions"):
            await connection.send_plain(_models() if request.path.endswith("/models") else Script.status(404))
            return True
        self.requests.append(request)
        self.running += 1
        script = _checked(self._choose(request), request)
        try:
            request.outcome = await connection.answer(script, request)
        except (Cut, asyncio.CancelledError):
            request.outcome = "cut"
            raise
        except (Gone, ConnectionError):
            request.outcome = "disconnected"
            raise
        finally:
            request.ended_at = time.monotonic()
            self.running -= 1
        return True


def _models() -> Script:
    return Script.status(200, error={"object": "list", "data": [{"id": "scripted", "object": "model"}]})


def _checked(script: Script, request: Request) -> Script:
    if script.key is not None and request.key != script.key:
        return Script.error(401, "invalid_api_key", f"Incorrect API key provided: {request.key}.")
    for name in script.rejects:
        if name in request.body:
            return Script.error(400, "unknown_parameter", f"Unrecognized request argument supplied: {name}")
    return script


class _Connection:
    """One client: reads its requests, and notices when it leaves in the middle of an answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self._reader = reader
        self._writer = writer
        self._number = number
        self._early = b""  # what came of the next request while the last one was answered

    async def request(self) -> Request | None:
        try:
            head = self._early + await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        self._early = b""
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Request(time.monotonic(), method, path, headers, json.loads(body or b"{}"), self._number)

    async def answer(self, script: Script, request: Request) -> str:
        """Play the script, while watching whether the client stays. Returns the outcome."""
        playing = asyncio.ensure_future(self._play(script, request))
        leaving = asyncio.ensure_future(self._reader.read(1))
        try:
            await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                self._early = leaving.result()
                if not self._early and not playing.done():
                    raise Gone
            return await playing
        finally:
            for task in (playing, leaving):
                task.cancel()
            await asyncio.gather(playing, leaving, return_exceptions=True)

    async def _play(self, script: Script, request: Request) -> str:
        if not script.answers:
            await asyncio.Event().wait()
        if script.body is not None:
            await self.send_plain(script)
            return "complete" if script.code == 200 else f"status {script.code}"
        if not request.body.get("stream"):
            await self.send_plain(_whole(script, request))
            return "complete"
        await self._head(script, "Transfer-Encoding: chunked")
        await self._stream(script, request)
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
        return "complete"

    async def send_plain(self, script: Script) -> None:
        body = script.body or b""
        await asyncio.sleep(sum(event for event in script.events if isinstance(event, float | int)))
        await self._head(script, f"Content-Length: {len(body)}")
        sent = body if script.cut_after is None else body[: script.cut_after]
        self._writer.write(sent)
        await self._writer.drain()
        if len(sent) < len(body):
            await self._cut(script)

    async def _head(self, script: Script, framing: str) -> None:
        lines = [f"HTTP/1.1 {script.code} Scripted", f"Content-Type: {script.content_type}", framing]
        lines += [f"{name}: {value}" for name, value in script.headers]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        await self._writer.drain()

    async def _stream(self, script: Script, request: Request) -> None:
        sent = 0
        for event in _events(script, request):
            if event is None:
                await asyncio.Event().wait()
            elif isinstance(event, float | int):
                await asyncio.sleep(event)
            elif callable(event):
                while not event():  # noqa: ASYNC110 - the condition is of another thread, and no asyncio.Event
                    await asyncio.sleep(POLL_SECONDS)
            else:
                data = event if isinstance(event, bytes) else _sse(event, script.newline)
                if script.cut_after is not None and sent + len(data) >= script.cut_after:
                    await self._send(data[: script.cut_after - sent], script)
                    await self._cut(script)
                await self._send(data, script)
                sent += len(data)

    async def _send(self, data: bytes, script: Script) -> None:
        size = script.slice_bytes or len(data) or 1
        for start in range(0, len(data), size):
            part = data[start : start + size]
            self._writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await self._writer.drain()
            if script.slice_bytes:
                await asyncio.sleep(script.slice_seconds)

    async def _cut(self, script: Script) -> None:
        if script.cut_by_reset:
            connection: socket.socket = self._writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        raise Cut


def _events(script: Script, request: Request) -> list[Event]:
    """The script's events, completed by what ends a well-formed stream."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": int(time.time()),
            "model": script.model or request.body.get("model", "")}  # fmt: skip
    events: list[Event] = list(script.events)
    if script.finish_reason is not None:
        events.append(chunk({}, script.finish_reason))
    if script.usage is not None and (request.body.get("stream_options") or {}).get("include_usage"):
        events.append({"choices": [], "usage": dict(script.usage) or _counted(script, request)})
    if script.sends_done:
        events.append(b"data: [DONE]" + 2 * script.newline.encode())
    return [
        {**base, **event} if isinstance(event, Mapping) and "choices" in event else event for event in events
    ]


def _counted(script: Script, request: Request) -> dict[str, int]:
    prompt, completion = len(request.prompt) // 2, len(_text(script)) // 4 + 1
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _text(script: Script) -> str:
    chunks = [event for event in script.events if isinstance(event, Mapping) and event.get("choices")]
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in chunks)


def _whole(script: Script, request: Request) -> Script:
    """The same answer to a client that asked for no stream."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": _text(script)},
        "finish_reason": script.finish_reason,
    }
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": script.model or request.body.get("model", ""),
        "choices": [choice],
        "usage": _counted(script, request),
    }
    return Script.status(200, error=answer)


def _sse(event: Mapping[str, Any], newline: str) -> bytes:
    return (
        b"data: "
        + json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")
        + 2 * newline.encode()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted model server on loopback, until Ctrl-C.")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--first-word", type=float, default=0.5, metavar="SECONDS")
    parser.add_argument("--delay", type=float, default=0.02, metavar="SECONDS")
    parser.add_argument("--text", default=SUMMARY)
    given = parser.parse_args()
    script = Script.words(given.text, first_word=given.first_word, every=given.delay)
    with ModelServer(script, port=given.port) as server, suppress(KeyboardInterrupt):
        print(server.base_url, flush=True)  # noqa: T201 - it is what the command is for
        threading.Event().wait()


if __name__ == "__main__":
    main()
