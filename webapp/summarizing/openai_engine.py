"""An engine that asks any server which speaks OpenAI's chat completions API: the only module that knows the
SDK."""

import codecs
import os
import re
from collections.abc import Generator, Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Protocol, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

from webapp.summarizing.diagnosis import Refusal, retry_after_seconds
from webapp.summarizing.engine import (
    EngineFailure,
    FailureKind,
    Finished,
    Piece,
    Recipe,
    Reset,
    Thinking,
    Words,
)
from webapp.summarizing.interrupts import Call, InterruptibleTransport
from webapp.summarizing.prompt import RULES, messages, new_fence
from webapp.summarizing.thinking import PreambleFilter, ThoughtFilter
from webapp.summarizing.tokens import estimated_tokens, fewest_tokens

CONNECT_SECONDS = 8.0
USAGE_SECONDS = 2.0  # how long the token counts are waited for once the answer is whole
MAX_CHARACTERS = 20_000
ANSWER_TOKENS = 1_024  # room for the answer in the model's context
NO_KEY = "none"  # what servers without keys get, as the SDK insists on one
ECHO_CHARACTERS = (
    200  # a longer answer without bullets that stands word for word in the document was not written
)
CUT_SHARE = 0.9  # of the fewest tokens that the prompt can be: a server that counts less has not read it all
LEAST_TOKENS_TO_JUDGE = 300
PRIVATE_SUFFIXES = (".local", ".lan", ".internal", ".home.arpa", ".localhost")

WHOLE = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"})
TOO_SHORT = frozenset({"length", "max_tokens"})
REFUSED = frozenset({"content_filter", "refusal", "safety"})
NOT_WORDS = frozenset({"tool_calls", "function_call"})

_UNKNOWN_FIELD = re.compile(
    r"unknown|unrecognized|unexpected|unsupported|not permitted|not supported|additional propert|extra"
)
_HOST = re.compile(r"(?:https?://(?:www\.)?|www\.)([\w.-]*\w)", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+", re.MULTILINE)
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(13, 32), 127))


class ServerSettings(Protocol):
    """What the engine needs to know of a model server. Seconds bound one read, and are the caller's last
    resort."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def openai_base_url(self) -> str: ...
    @property
    def openai_api_key(self) -> str | None: ...
    @property
    def context_tokens(self) -> int | None: ...
    @property
    def attempt_seconds(self) -> float: ...


class OpenAIEngine:
    """Writes summaries with a model server. One for the process: threads share its connections.

    What a server does not know of our request it may reject; it is then asked again without that, and from
    then on.
    """

    format = "markdown"

    def __init__(self, settings: ServerSettings) -> None:
        self.recipe = settings.recipe
        self._key = settings.openai_api_key or NO_KEY
        self._context_tokens = settings.context_tokens
        self._options: dict[str, object] = {
            "stream_options": {"include_usage": True},
            **{name: float(value) for name, value in settings.recipe.parameters},
        }
        timeout = httpx2.Timeout(settings.attempt_seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        self._client = openai.OpenAI(
            api_key=self._key if self._key.isascii() else NO_KEY,
            base_url=settings.openai_base_url,
            max_retries=0,
            timeout=timeout,
            default_headers={"Accept-Encoding": "identity"},  # compressing a stream holds its words back
            http_client=_connections(settings.openai_base_url, os.getpid()),
        )

    def write(self, text: str, *, title: str) -> "Answer":
        """Ask for the summary of `text`. The iterator raises EngineFailure; `cancel` ends it from another
        thread."""
        call = Call()
        return Answer(self._pieces(text, title, call), call)

    def _pieces(self, text: str, title: str, call: Call) -> Generator[Piece, None, None]:
        fence = new_fence()
        asked = messages(text, title=title, fence=fence)
        self._check(asked[-1]["content"])
        draft = _Draft(f"{title}\n{text}", fence)
        try:
            stream = self._open(asked)
            try:
                yield from self._read(stream, draft, call)
            finally:
                stream.close()
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            if not draft.is_whole:
                raise self._failure(error) from None  # the SDK's errors quote what was sent and received
        yield from draft.finish()
        yield Finished(draft.model or self.recipe.model, "stop", *self._counts(draft.usage, asked))

    def _check(self, question: str) -> None:
        if not self._key.isascii():
            raise EngineFailure(FailureKind.MISCONFIGURED, "key_rejected", detail="the key is not ASCII")
        if self._context_tokens and estimated_tokens(RULES + question) + ANSWER_TOKENS > self._context_tokens:
            raise EngineFailure(FailureKind.PERMANENT, "too_long", detail="longer than PRECIS_CONTEXT_TOKENS")

    def _open(self, asked: list[dict[str, str]]) -> openai.Stream[ChatCompletionChunk]:
        """Ask, with as many of our options as the server takes, and remember which those are."""
        options = self._options
        while True:
            try:
                stream = self._request(asked, options)
                break
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                rejected = _rejected(error, options)
                if not rejected:
                    raise
                options = {name: value for name, value in options.items() if name not in rejected}
        self._options = options
        return stream

    def _request(
        self, asked: list[dict[str, str]], options: dict[str, object]
    ) -> openai.Stream[ChatCompletionChunk]:
        return self._client.chat.completions.create(
            model=self.recipe.model, messages=cast(Any, asked), stream=True, extra_body=options
        )

    def _read(
        self, stream: openai.Stream[ChatCompletionChunk], draft: "_Draft", call: Call
    ) -> Iterator[Piece]:
        """Pass the answer on until it is whole, and its token counts came or will not come."""
        has_chunks = False
        for chunk in stream:
            has_chunks = True
            yield from draft.add(chunk)
            if draft.is_whole:
                call.end_within(USAGE_SECONDS)
                if draft.usage is not None:
                    return
        if not draft.is_whole:
            is_stream = has_chunks or "event-stream" in stream.response.headers.get("content-type", "")
            raise EngineFailure(FailureKind.TRANSIENT, "cut" if is_stream else "malformed")

    def _failure(self, error: Exception) -> EngineFailure:
        if isinstance(error, openai.APIStatusError):
            refusal = Refusal.read(error.status_code, error.body)
            return refusal.failure(secret=self._key, retry_after=retry_after_seconds(error.response.headers))
        if isinstance(error, openai.APIConnectionError):
            return _broken(error.__cause__ or error)
        if isinstance(error, openai.APIError):
            return self._reported(error)
        if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL):
            return _broken(error)
        return EngineFailure(FailureKind.TRANSIENT, "malformed", detail=type(error).__name__)

    def _reported(self, error: openai.APIError) -> EngineFailure:
        """What the server reports in the middle of the stream, where no status can tell it any more."""
        told = Refusal.read(400, error.body).failure(secret=self._key)
        if told.code in ("too_long", "refused", "quota"):
            return EngineFailure(told.kind, told.code, detail="reported in the stream")
        return EngineFailure(FailureKind.TRANSIENT, "cut", detail="an error was reported in the stream")

    def _counts(
        self, usage: CompletionUsage | None, asked: list[dict[str, str]]
    ) -> tuple[int | None, int | None]:
        """The tokens in and out. Raises EngineFailure if the server has read less than was sent, as some do
        silently."""
        tokens_in = _count(usage, "prompt_tokens")
        fewest = fewest_tokens("\n".join(turn["content"] for turn in asked))
        if tokens_in and fewest >= LEAST_TOKENS_TO_JUDGE:
            cached = _count(getattr(usage, "prompt_tokens_details", None), "cached_tokens") or 0
            if tokens_in + cached < CUT_SHARE * fewest:
                detail = f"the server has read {tokens_in} tokens of at least {fewest}"
                raise EngineFailure(FailureKind.PERMANENT, "input_cut", detail=detail)
        return tokens_in, _count(usage, "completion_tokens")


class Answer:
    """The pieces of one summary as they come. `heard_at` tells when the last bytes came, on the monotonic
    clock."""

    def __init__(self, pieces: Generator[Piece, None, None], call: Call) -> None:
        self._pieces = pieces
        self._call = call

    def __iter__(self) -> Iterator[Piece]:
        return self

    def __next__(self) -> Piece:
        with self._call.running():
            return next(self._pieces)

    @property
    def heard_at(self) -> float:
        return self._call.heard_at

    def cancel(self) -> None:
        """End the call at once, from any thread: whoever waits for its next piece gets an EngineFailure."""
        self._call.cancel()

    def close(self) -> None:
        """Free the connection, in the thread that reads."""
        with self._call.running():
            self._pieces.close()


class _Draft:
    """The answer so far: turns the server's chunks into pieces, and knows when it is whole or can't be
    used."""

    def __init__(self, document: str, fence: str) -> None:
        self.model = ""
        self.usage: CompletionUsage | None = None
        self.is_whole = False
        self._document = document
        self._fence = fence
        self._text = ""
        self._has_thought = False
        self._thoughts = ThoughtFilter()
        self._preamble = PreambleFilter()
        # Some servers split an emoji's two halves over two chunks, as JSON escapes.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("replace")

    def add(self, chunk: ChatCompletionChunk) -> Iterator[Piece]:
        """The pieces of one chunk. The SDK does not validate chunks, so nothing in it is sure to be there."""
        self.model = _text_of(chunk, "model") or self.model
        self.usage = getattr(chunk, "usage", None) or self.usage
        choices = getattr(chunk, "choices", None)
        if not isinstance(choices, list) or not choices:
            return
        delta = getattr(choices[0], "delta", None)
        if _text_of(delta, "refusal"):
            raise EngineFailure(FailureKind.PERMANENT, "refused")
        if _text_of(delta, "reasoning_content") or _text_of(delta, "reasoning"):
            self._has_thought = True
            yield Thinking()
        if content := _text_of(delta, "content"):
            yield from self._write(self._thoughts.feed(self._clean(content))) or [Thinking()]
        if reason := _text_of(choices[0], "finish_reason"):
            self._end(reason.lower())

    def finish(self) -> list[Piece]:
        """The last words. Raises EngineFailure if there is nothing to be used."""
        pieces = self._write(
            [*self._thoughts.feed(self._halves.decode(b"", final=True)), *self._thoughts.finish()]
        )
        pieces += self._words(self._preamble.finish())
        if not self._text:
            has_thought = self._has_thought or self._thoughts.has_thought
            raise EngineFailure(FailureKind.UNUSABLE, "only_thought" if has_thought else "empty")
        if self._thoughts.is_open or self._is_echo() or self._has_strange_address():
            raise EngineFailure(FailureKind.UNUSABLE, "unusable")
        return pieces

    def _write(self, shown: list[Words | Thinking | Reset]) -> list[Piece]:
        pieces: list[Piece] = []
        for piece in shown:
            if isinstance(piece, Words):
                pieces += self._words(self._preamble.feed(piece.text))
            elif isinstance(piece, Reset):
                self._text, self._preamble = "", PreambleFilter()
                pieces.append(piece)
        return pieces

    def _words(self, text: str) -> list[Piece]:
        self._text += text
        if len(self._text) > MAX_CHARACTERS:
            raise EngineFailure(
                FailureKind.UNUSABLE, "unusable", detail=f"more than {MAX_CHARACTERS} characters"
            )
        return [Words(text)] if text else []

    def _clean(self, text: str) -> str:
        text = self._halves.decode(text.encode("utf-16-le", "surrogatepass"))
        return text.translate(_CONTROLS)

    def _end(self, reason: str) -> None:
        if reason in TOO_SHORT:
            raise EngineFailure(FailureKind.UNUSABLE, "length")
        if reason in REFUSED:
            raise EngineFailure(FailureKind.PERMANENT, "refused")
        if reason in NOT_WORDS:
            raise EngineFailure(FailureKind.UNUSABLE, "unusable", detail="the model called a tool")
        if reason not in WHOLE:
            raise EngineFailure(
                FailureKind.TRANSIENT, "cut", detail="the server named no known reason to end"
            )
        self.is_whole = True

    def _is_echo(self) -> bool:
        """Whether the answer is no summary but our own words: the fence, the rules, or the document as it
        stands."""
        answer, document = _plain(self._text), _plain(self._document)
        is_long = len(answer) > ECHO_CHARACTERS and not _BULLET.search(self._text)
        is_copied = (is_long or 2 * len(answer) > len(document)) and answer in document
        return is_copied or self._fence in self._text or RULES[:80] in self._text

    def _has_strange_address(self) -> bool:
        """Whether the answer names a web address that the document does not: a way to carry something out."""
        return any(host.lower() not in self._document.lower() for host in _HOST.findall(self._text))


@lru_cache(maxsize=8)
def _connections(base_url: str, pid: int) -> httpx2.Client:
    """The connections to one server, shared by all threads of the process `pid`: sockets don't survive a
    fork.

    Redirects are not followed, so that a document goes to the configured server and nowhere else.
    """
    transport = InterruptibleTransport(proxy=_proxy_for(base_url))
    return httpx2.Client(transport=transport, trust_env=False, follow_redirects=False)


def _proxy_for(url: str) -> str | None:
    """The environment's proxy for this address, if any. What is on this machine or its network is reached
    directly."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_near(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _is_near(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(PRIVATE_SUFFIXES)


def _rejected(error: openai.APIStatusError, options: dict[str, object]) -> set[str]:
    """Which of our optional fields the server did not like: those that it names, or all if it names none."""
    refusal = Refusal.read(error.status_code, error.body)
    named = {name for name in options if refusal.says(re.compile(name))}
    if named or refusal.failure(secret="").code != "bad_request":
        return named
    return set(options) if refusal.says(_UNKNOWN_FIELD) else set()


def _broken(cause: BaseException) -> EngineFailure:
    """What an error of the connection means: nobody there, nobody speaking, or cut off."""
    detail = type(cause).__name__
    if isinstance(
        cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ProxyError
    ):
        return EngineFailure(FailureKind.UNAVAILABLE, "unreachable", detail=detail)
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return EngineFailure(FailureKind.UNAVAILABLE, "unreachable", detail=detail)
    if isinstance(cause, httpx2.TimeoutException):
        return EngineFailure(FailureKind.TRANSIENT, "silent", detail=detail)
    return EngineFailure(FailureKind.TRANSIENT, "cut", detail=detail)


def _text_of(thing: object, name: str) -> str:
    value = getattr(thing, name, None)
    return value if isinstance(value, str) else ""


def _count(usage: object, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value >= 0 else None


def _plain(text: str) -> str:
    """The words alone: no bullets, line ends or capitals."""
    return " ".join(_BULLET.sub("", text).lower().split())
