"""A model's answer while it is being written: what shows, when it is whole, and if it is of use."""

import codecs
import re
from collections.abc import Iterator, Sequence

from webapp.summarizing.engine import EngineFailure, FailureKind, Piece, Reset, Thinking, Words
from webapp.summarizing.prompt import RULES
from webapp.summarizing.thinking import PreambleFilter, Shown, ThoughtFilter

MAX_CHARACTERS = 20_000
ECHO_CHARACTERS = 200  # without bullets, a longer passage of the document was copied, not summarised

WHOLE = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"})
FAILURES = {
    "length": (FailureKind.UNUSABLE, "length"),
    "max_tokens": (FailureKind.UNUSABLE, "length"),
    "content_filter": (FailureKind.PERMANENT, "refused"),
    "refusal": (FailureKind.PERMANENT, "refused"),
    "safety": (FailureKind.PERMANENT, "refused"),
    "tool_calls": (FailureKind.UNUSABLE, "unusable"),
    "function_call": (FailureKind.UNUSABLE, "unusable"),
}
UNKNOWN_END = (FailureKind.TRANSIENT, "cut")

_HOST = re.compile(r"(?:https?://(?:www\.)?|www\.)([\w.-]*\w)", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+", re.MULTILINE)
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(13, 32), 127))  # all but tab and newline


class Draft:
    """Turns a server's chunks into pieces. Nothing in a chunk is sure to be there, or of its type."""

    def __init__(self, document: str, fence: str) -> None:
        self.model = ""
        self.is_whole = False
        self._usage: object = None
        self._document = document
        self._fence = fence
        self._text = ""
        self._has_thought = False
        self._thoughts = ThoughtFilter()
        self._preamble = PreambleFilter()
        # Some servers split an emoji's two halves over two chunks, as JSON escapes.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("replace")

    def add(self, chunk: object) -> Iterator[Piece]:
        """The pieces of one chunk. Raises EngineFailure if it makes the answer useless."""
        self.model = _text_of(chunk, "model") or self.model
        self._usage = getattr(chunk, "usage", None) or self._usage
        choices = getattr(chunk, "choices", None)
        if isinstance(choices, list) and choices:
            yield from self._add_delta(getattr(choices[0], "delta", None))
            self._end(_text_of(choices[0], "finish_reason").lower())

    def finish(self) -> list[Piece]:
        """The last words. Raises EngineFailure if there is nothing to be used."""
        rest = self._halves.decode(b"", final=True)
        pieces = self._write([*self._thoughts.feed(rest), *self._thoughts.finish()])
        pieces += self._show(self._preamble.finish())
        if not self._text:
            has_thought = self._has_thought or self._thoughts.has_thought
            raise EngineFailure(FailureKind.UNUSABLE, "only_thought" if has_thought else "empty")
        if self._thoughts.is_open or self._is_echo() or self._has_strange_address():
            raise EngineFailure(FailureKind.UNUSABLE, "unusable")
        return pieces

    @property
    def has_counts(self) -> bool:
        return self._usage is not None

    @property
    def tokens_in(self) -> int | None:
        return _count_of(self._usage, "prompt_tokens")

    @property
    def tokens_cached(self) -> int:
        return _count_of(getattr(self._usage, "prompt_tokens_details", None), "cached_tokens") or 0

    @property
    def tokens_out(self) -> int | None:
        return _count_of(self._usage, "completion_tokens")

    def _add_delta(self, delta: object) -> Iterator[Piece]:
        if _text_of(delta, "refusal"):
            raise EngineFailure(FailureKind.PERMANENT, "refused")
        if _text_of(delta, "reasoning_content") or _text_of(delta, "reasoning"):
            self._has_thought = True
            yield Thinking()
        if content := _text_of(delta, "content"):
            yield from self._write(self._thoughts.feed(self._clean(content))) or [Thinking()]

    def _end(self, reason: str) -> None:
        if reason in WHOLE:
            self.is_whole = True
        elif reason:
            kind, code = FAILURES.get(reason, UNKNOWN_END)
            raise EngineFailure(kind, code, detail="the server ended the answer")

    def _write(self, shown: list[Shown]) -> list[Piece]:
        pieces: list[Piece] = []
        for piece in shown:
            if isinstance(piece, Words):
                pieces += self._show(self._preamble.feed(piece.text))
            elif isinstance(piece, Reset):
                self._preamble = PreambleFilter()
                pieces += self._show([piece])
        return pieces

    def _show(self, pieces: Sequence[Words | Reset]) -> Sequence[Piece]:
        for piece in pieces:
            self._text = self._text + piece.text if isinstance(piece, Words) else ""
        if len(self._text) > MAX_CHARACTERS:
            detail = f"more than {MAX_CHARACTERS} characters"
            raise EngineFailure(FailureKind.UNUSABLE, "unusable", detail=detail)
        return pieces

    def _clean(self, text: str) -> str:
        text = self._halves.decode(text.encode("utf-16-le", "surrogatepass"))
        return text.translate(_CONTROLS)

    def _is_echo(self) -> bool:
        """Whether the answer is what the model was sent: the fence, the rules, or the document itself."""
        answer, document = _plain(self._text), _plain(self._document)
        is_passage = len(answer) > ECHO_CHARACTERS and not _BULLET.search(self._text)
        is_copied = (is_passage or 2 * len(answer) > len(document)) and answer in document
        return is_copied or self._fence in self._text or RULES[:80] in self._text

    def _has_strange_address(self) -> bool:
        """Whether the answer names a web address that the document does not: a way to carry something out."""
        document = self._document.lower()
        return any(host.lower() not in document for host in _HOST.findall(self._text))


def _text_of(thing: object, name: str) -> str:
    value = getattr(thing, name, None)
    return value if isinstance(value, str) else ""


def _count_of(usage: object, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value >= 0 else None


def _plain(text: str) -> str:
    """The words alone: no bullets, line ends or capitals."""
    return " ".join(_BULLET.sub("", text).lower().split())
