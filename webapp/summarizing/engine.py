"""What an engine is: a recipe, the pieces it writes, and the ways in which it fails."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a summary besides the text. Two equal recipes have equal hashes."""

    engine: str
    model: str
    prompt_version: str
    style: str = "key points"
    language: str = "document"
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of all fields, as 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Words:
    """The next words of the answer, to be appended to those before."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """The server is at work, with nothing to show: it breaks the silence."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The words so far were not the answer: forget them."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole. Token counts are None where the server sends none."""

    model: str
    finish_reason: str = "stop"
    tokens_in: int | None = None
    tokens_out: int | None = None


Piece = Words | Thinking | Reset | Finished


class FailureKind(StrEnum):
    """What a failure says about the next try."""

    TRANSIENT = "transient"  # this try failed; the next may work
    UNUSABLE = "unusable"  # the answer can't be used: asked once more, then failed for good
    PERMANENT = "permanent"  # this text will fail each time
    UNAVAILABLE = "unavailable"  # the server did not take the call: nobody's attempt, the lane pauses
    LIMITED = "limited"  # the server asks for a pause
    MISCONFIGURED = "misconfigured"  # a person must mend a setting or an account


class EngineFailure(Exception):
    """Why there is no summary. `code` names the reason, `detail` is for the log and never holds a secret.

    `retry_after` is in seconds, where the server asked for a wait.
    """

    def __init__(
        self, kind: FailureKind, code: str, *, detail: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(f"{kind}: {code}" + (f" ({detail})" if detail else ""))
        self.kind = kind
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class Engine(Protocol):
    """Writes summaries. `format` says what `rendering.summary_html` makes of the text."""

    recipe: Recipe
    format: str

    def write(self, text: str, *, title: str) -> Iterator[Piece]:
        """Yield the pieces of a summary of `text`, `Finished` last. Raises EngineFailure."""
        ...
