"""An engine that asks any server which speaks OpenAI's chat completions API. Only it knows the SDK."""

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

import httpx2
import openai
from openai.types.chat import ChatCompletion

from webapp.summarizing.ahead import Ahead, Door, pieces_of
from webapp.summarizing.connections import Call, connections
from webapp.summarizing.diagnosis import Refusal, retry_after_seconds
from webapp.summarizing.draft import Draft
from webapp.summarizing.engine import USUAL, Ask, EngineFailure, FailureKind, Finished, Piece, Recipe, Style
from webapp.summarizing.parts import PartRequest
from webapp.summarizing.prompt import messages, new_fence
from webapp.summarizing.tokens import Budget, estimated_tokens, fewest_tokens

CONNECT_SECONDS = 8.0
USAGE_SECONDS = 2.0  # how long the token counts are waited for once the answer is whole
ANSWER_TOKENS = {  # room for the answer in the model's context
    Style.BRIEF: 512,
    Style.KEY_POINTS: 1_024,
    Style.DETAILED: 2_048,
}
SPARE_TOKENS = 40  # for the name of the language, and what the text itself may grow by as it is made safe
CUT_SHARE = 0.9  # of the fewest tokens that the prompt can be: a server that counts less has not read it all
LEAST_TOKENS_TO_JUDGE = 300
NO_KEY = "none"  # what servers without keys get, as the SDK insists on one

UNREACHABLE = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
)
_UNKNOWN_FIELD = re.compile(r"unknown|unrecognized|unexpected|unsupported|not permitted|not supported|extra")


Messages = list[dict[str, str]]


class AnswerStream(openai.Stream[Any]):
    """The chunks of one answer, as parsed JSON. Raises APIError for what the server reports in the middle of it.

    The SDK's own makes a typed object of each, which takes more of a core than all else that a summary needs.
    """

    def __stream__(self) -> Iterator[Any]:
        try:
            for event in self._iter_events():
                if event.data.startswith("[DONE]"):
                    break
                chunk = json.loads(event.data)
                if isinstance(chunk, Mapping) and chunk.get("error"):
                    raise self._reported(chunk["error"])
                yield chunk
        finally:
            self.response.close()

    def _reported(self, error: Any) -> openai.APIError:
        return openai.APIError("The server reported an error.", self.response.request, body=error)


class ServerSettings(Protocol):
    """What the engine needs to know of a model server. No single read takes longer than `attempt_seconds`."""

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

    A server that rejects an optional field of the request is asked again without it, and so from then on.
    """

    format = "markdown"

    def __init__(self, settings: ServerSettings) -> None:
        self.recipe = settings.recipe
        self._key = settings.openai_api_key or NO_KEY
        self._context_tokens = settings.context_tokens
        self._ahead = Ahead()
        self._options: dict[str, object] = {
            "stream_options": {"include_usage": True},
            **{name: float(value) for name, value in settings.recipe.parameters},
        }
        self._client = openai.OpenAI(
            api_key=self._key if self._key.isascii() else NO_KEY,
            base_url=settings.openai_base_url,
            max_retries=0,
            timeout=httpx2.Timeout(settings.attempt_seconds, connect=CONNECT_SECONDS),
            default_headers={"Accept-Encoding": "identity"},  # compressing a stream holds its words back
            http_client=connections(settings.openai_base_url),
        )

    def write(
        self, text: str, *, title: str, ask: Ask = USUAL, document_words: int | None = None
    ) -> "Answer":
        """Ask for the summary of `text`. The iterator raises EngineFailure and can be cancelled.

        `document_words` is how many the document has, where `text` is notes on it.
        """
        ready: Answer | None = self._ahead.taken((text, title, ask, document_words))
        if ready:
            return ready
        return self._answer(*_asked(text, title, ask, document_words), ask)

    def get_ready(self, text: str, *, title: str, ask: Ask = USUAL) -> None:
        """Make ready what `write` with the same does, and wait whether it comes: see `ReadyEngine`."""
        door, begun = Door(), Future[Iterator[Piece]]()
        call = Call(door)
        with self._ahead.held((text, title, ask, None), door, Answer(pieces_of(begun), call)), call:
            _settle(begun, partial(self._begun, text, title, ask, call))

    def _begun(self, text: str, title: str, ask: Ask, call: Call) -> Iterator[Piece]:
        """The pieces of an answer whose headers have come."""
        asked, draft = _asked(text, title, ask)
        opened = Future[AnswerStream]()
        _settle(opened, partial(self._open, asked))
        return self._pieces(asked, draft, ask, call, opened.result)

    def write_part(self, request: PartRequest) -> "Answer":
        """Ask for notes on a part of a long document, or on notes. Otherwise like `write`."""
        fence = new_fence()
        return self._answer(request.messages(fence), Draft("\n".join(request.passages), fence), USUAL)

    def budget(self, *, title: str, ask: Ask = USUAL) -> Budget:
        """What one call may hold, as far as the settings tell."""
        rules = messages("", title=title, fence=new_fence(), ask=ask)
        prompt_tokens = sum(estimated_tokens(turn["content"]) for turn in rules) + SPARE_TOKENS
        return Budget(self._context_tokens, ANSWER_TOKENS[ask.style], prompt_tokens)

    def _answer(self, asked: Messages, draft: Draft, ask: Ask) -> "Answer":
        """One that is asked for once somebody reads it."""
        call = Call()
        return Answer(self._pieces(asked, draft, ask, call, partial(self._open, asked)), call)

    def _pieces(
        self, asked: Messages, draft: Draft, ask: Ask, call: Call, opened: Callable[[], "AnswerStream"]
    ) -> Generator[Piece, None, None]:
        self._check(asked, ANSWER_TOKENS[ask.style])
        try:
            stream = opened()
            try:
                yield from _read(stream, draft, call)
            finally:
                stream.close()
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            if not draft.is_whole:
                raise self._failure(error) from None  # the SDK's errors quote what was sent and received
        yield from draft.finish()
        _check_input(draft, asked)
        yield Finished(draft.model or self.recipe.model, "stop", draft.tokens_in, draft.tokens_out)

    def _check(self, asked: Messages, answer_tokens: int) -> None:
        """Raise EngineFailure for what no server needs to be asked about."""
        if not self._key.isascii():
            raise EngineFailure(FailureKind.MISCONFIGURED, "key_rejected", detail="the key is not ASCII")
        if self._context_tokens is None:
            return
        needed = sum(estimated_tokens(turn["content"]) for turn in asked) + answer_tokens
        if needed > self._context_tokens:
            raise EngineFailure(FailureKind.PERMANENT, "too_long", detail="more than PRECIS_CONTEXT_TOKENS")

    def _open(self, asked: Messages) -> AnswerStream:
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

    def _request(self, asked: Messages, options: dict[str, object]) -> AnswerStream:
        """The SDK's plain call: its typed one goes through the whole body again, which takes as long as to send it."""
        body = {"model": self.recipe.model, "messages": asked, "stream": True, **options}
        return self._client.post(
            "/chat/completions", body=body, cast_to=ChatCompletion, stream=True, stream_cls=AnswerStream
        )

    def _failure(self, error: Exception) -> EngineFailure:
        if isinstance(error, openai.APIStatusError):
            refusal = Refusal.read(error.status_code, error.body)
            return refusal.failure(secret=self._key, retry_after=retry_after_seconds(error.response.headers))
        if isinstance(error, openai.APIConnectionError):
            return _broken(error.__cause__ or error)
        if isinstance(error, openai.APIError):
            return _reported(error)
        if isinstance(error, ValueError):
            return EngineFailure(FailureKind.TRANSIENT, "malformed", detail=type(error).__name__)
        return _broken(error)


class Answer:
    """The pieces of one summary as they come."""

    def __init__(self, pieces: Generator[Piece, None, None], call: Call) -> None:
        self._pieces = pieces
        self._call = call

    def __iter__(self) -> Iterator[Piece]:
        return self

    def __next__(self) -> Piece:
        with self._call:
            return next(self._pieces)

    @property
    def heard_at(self) -> float:
        """When the last bytes came, on the monotonic clock; 0.0 before the first."""
        return self._call.heard_at

    def cancel(self) -> None:
        """End the call at once, from any thread: whoever waits for its next piece gets an EngineFailure."""
        self._call.cancel()

    def close(self) -> None:
        """Free the connection, in the thread that reads."""
        with self._call:
            self._pieces.close()


def _asked(text: str, title: str, ask: Ask, document_words: int | None = None) -> tuple[Messages, Draft]:
    """What a server is asked for the summary of a text, and what its answer is read into."""
    fence = new_fence()
    asked = messages(text, title=title, fence=fence, ask=ask, document_words=document_words)
    return asked, Draft(f"{title}\n{text}", fence, ask)


def _settle(future: Future[Any], make: Callable[[], Any]) -> None:
    """Make what is promised. What goes wrong is for whoever asks for it."""
    try:
        future.set_result(make())
    except Exception as error:  # noqa: BLE001
        future.set_exception(error)


def _read(stream: AnswerStream, draft: Draft, call: Call) -> Iterator[Piece]:
    """Pass the answer on until it is whole, and its token counts came or will not come."""
    has_chunks = False
    for chunk in stream:
        has_chunks = True
        yield from draft.add(chunk)
        if draft.is_whole:
            call.end_within(USAGE_SECONDS)
            if draft.has_counts:
                return
    if not draft.is_whole:
        is_stream = has_chunks or "event-stream" in stream.response.headers.get("content-type", "")
        raise EngineFailure(FailureKind.TRANSIENT, "cut" if is_stream else "malformed")


def _check_input(draft: Draft, asked: Messages) -> None:
    """Raise EngineFailure if the server has read less than it was sent: some cut long texts silently."""
    fewest = sum(fewest_tokens(turn["content"]) for turn in asked)
    read = (draft.tokens_in or 0) + draft.tokens_cached  # some servers leave out what they had cached
    if draft.tokens_in and fewest >= LEAST_TOKENS_TO_JUDGE and read < CUT_SHARE * fewest:
        detail = f"the server has read {read} tokens of at least {fewest}"
        raise EngineFailure(FailureKind.PERMANENT, "input_cut", detail=detail)


def _rejected(error: openai.APIStatusError, options: dict[str, object]) -> set[str]:
    """Which of our optional fields the server did not like: those that it names, or all if it names none."""
    refusal = Refusal.read(error.status_code, error.body)
    named = {name for name in options if refusal.says(re.compile(name))}
    if named or refusal.failure().code != "bad_request":
        return named
    return set(options) if refusal.says(_UNKNOWN_FIELD) else set()


def _reported(error: openai.APIError) -> EngineFailure:
    """What the server reports in the middle of the stream, where no status can tell it any more."""
    refusal = Refusal.read(400, error.body)
    told = refusal.failure()
    if told.code in ("too_long", "refused", "quota"):
        return EngineFailure(told.kind, told.code, detail=f"reported in the stream {refusal.context}".strip())
    return EngineFailure(FailureKind.TRANSIENT, "cut", detail="an error was reported in the stream")


def _broken(cause: BaseException) -> EngineFailure:
    """What an error of the connection means: nobody there, nobody speaking, or cut off."""
    detail = type(cause).__name__
    if isinstance(cause, UNREACHABLE):
        return EngineFailure(FailureKind.UNAVAILABLE, "unreachable", detail=detail)
    is_silence = isinstance(cause, httpx2.TimeoutException)
    return EngineFailure(FailureKind.TRANSIENT, "silent" if is_silence else "cut", detail=detail)
