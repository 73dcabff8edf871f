"""A model's answer while it is being written: what shows, when it is whole, and if it is of use."""

import codecs
import re
from collections.abc import Iterator, Sequence

from webapp.summarizing.engine import (
    USUAL,
    Ask,
    EngineFailure,
    FailureKind,
    Piece,
    Reset,
    Style,
    Thinking,
    Words,
)
from webapp.summarizing.language import is_plainly_other
from webapp.summarizing.parts import RULES as PART_RULES
from webapp.summarizing.prompt import FRAME, OWN_REMINDER, wish_fence
from webapp.summarizing.sanitizing import visible
from webapp.summarizing.thinking import PreambleFilter, Shown, ThoughtFilter

MAX_CHARACTERS = 20_000
ECHO_CHARACTERS = 200  # without bullets, a longer passage of the document was copied, not summarised
BRIEF_ECHO_CHARACTERS = 400  # two sentences may well be the document's own
MOST_COPIED = 0.9  # of the letters of sections that are more than half the document
LEAKS = (FRAME[:80], OWN_REMINDER[:80], *(rules[:80] for rules in PART_RULES.values()))

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
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)?")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+", re.MULTILINE)
_HEADING = re.compile(r"^\s*#{1,6}\s+", re.MULTILINE)
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(13, 32), 127))  # all but tab and newline


class Draft:
    """Turns a server's chunks, as parsed JSON, into pieces. Nothing in a chunk is sure to be there, or of its type."""

    def __init__(self, document: str, fence: str, ask: Ask = USUAL) -> None:
        self.model = ""
        self.is_whole = False
        self._named = ""
        self._usage: object = None
        self._document = document
        self._fences = (fence, wish_fence(fence))
        self._ask = ask
        self._text = ""
        self._has_thought = False
        self._thoughts = ThoughtFilter()
        self._preamble = self._new_preamble()
        # Some servers split an emoji's two halves over two chunks, as JSON escapes.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("replace")

    def add(self, chunk: object) -> Iterator[Piece]:
        """The pieces of one chunk. Raises EngineFailure if it makes the answer useless."""
        named = _text_of(chunk, "model")
        if named != self._named:  # as it is once, not in each chunk
            self._named, self.model = named, visible(named).strip() or self.model
        usage = _field(chunk, "usage")
        self._usage = self._usage if usage is None else usage
        choices = _field(chunk, "choices")
        if isinstance(choices, list) and choices:
            yield from self._add_delta(_field(choices[0], "delta"))
            self._end(_text_of(choices[0], "finish_reason").lower())

    def finish(self) -> list[Piece]:
        """The last words. Raises EngineFailure if there is nothing to be used."""
        rest = self._halves.decode(b"", final=True)
        pieces = self._write([*self._thoughts.feed(rest), *self._thoughts.finish()])
        pieces += self._show(self._preamble.finish())
        if self._is_wordless():
            has_thought = self._has_thought or self._thoughts.has_thought
            raise EngineFailure(FailureKind.UNUSABLE, "only_thought" if has_thought else "empty")
        if self._thoughts.is_open or self._is_echo() or self._has_strange_address():
            raise EngineFailure(FailureKind.UNUSABLE, "unusable")
        if self._ask.language and is_plainly_other(self._text, self._ask.language):
            raise EngineFailure(FailureKind.UNUSABLE, "wrong_language")
        return pieces

    @property
    def has_counts(self) -> bool:
        return self._usage is not None

    @property
    def tokens_in(self) -> int | None:
        return _count_of(self._usage, "prompt_tokens")

    @property
    def tokens_cached(self) -> int:
        return _count_of(_field(self._usage, "prompt_tokens_details"), "cached_tokens") or 0

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
                self._preamble = self._new_preamble()
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

    def _new_preamble(self) -> PreambleFilter:
        return PreambleFilter(is_prose=self._ask.style is Style.BRIEF)

    def _is_wordless(self) -> bool:
        """Whether there is nothing to be read: pictures, marks and what nobody sees are no words."""
        return not any(letter.isalnum() for letter in _BULLET.sub("", _IMAGE.sub("", self._text)))

    def _is_echo(self) -> bool:
        """Whether the answer is what the model was sent: a fence, the rules, or the document itself."""
        return self._is_copy() or any(sent in self._text for sent in (*self._fences, *LEAKS))

    def _is_copy(self) -> bool:
        answer, document = _plain(self._text), _plain(self._document)
        is_most = 2 * len(answer) > len(document)
        if self._ask.style is Style.BRIEF:
            longest = ECHO_CHARACTERS if is_most else BRIEF_ECHO_CHARACTERS
            return len(answer) > longest and answer in document
        if self._ask.style is Style.DETAILED and is_most:
            lines = [_plain(line) for line in self._text.split("\n")]
            return sum(len(line) for line in lines if line in document) > MOST_COPIED * len(answer)
        is_passage = len(answer) > ECHO_CHARACTERS and not _BULLET.search(self._text)
        return (is_passage or is_most) and answer in document

    def _has_strange_address(self) -> bool:
        """Whether the answer names a web address that the document does not: a way to carry something out."""
        document = self._document.lower()
        return any(host.lower() not in document for host in _HOST.findall(self._text))


def _field(thing: object, name: str) -> object:
    return thing.get(name) if isinstance(thing, dict) else None


def _text_of(thing: object, name: str) -> str:
    value = _field(thing, name)
    return value if isinstance(value, str) else ""


def _count_of(usage: object, name: str) -> int | None:
    value = _field(usage, name)
    return value if isinstance(value, int) and value >= 0 else None


def _plain(text: str) -> str:
    """The words alone: no bullets, heading marks, line ends or capitals."""
    return " ".join(_HEADING.sub("", _BULLET.sub("", text)).lower().split())
