"""What an engine is: what it can be asked for, a recipe, the pieces it writes, and the ways in which it fails."""

import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Protocol

from webapp.summarizing.language import code_of

EXTRACT = "extract"  # the embedded engine's name in a recipe
OWN_LANGUAGE = "document"  # in a recipe: the summary is in the language of what it is of


class Style(StrEnum):
    """How much a summary tells, and in which form. The values are kept in rows and in hashes."""

    BRIEF = "brief"
    KEY_POINTS = "key points"
    DETAILED = "detailed"

    @property
    def label(self) -> str:
        """As a reader picks it."""
        return self.value.capitalize()

    @property
    def slug(self) -> str:
        """As addresses and settings have it."""
        return self.value.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants of a summary. By default what every document gets: its key points.

    `language` is an English name out of `language.LANGUAGES`, or None for the document's own. `instruction` is
    one reader's wish for this summary, `task` the team's own prompt for the style, or "" for the built-in one:
    both as `prompt.checked_instruction` and `prompt.checked_task` return them.
    Raises ValueError for a language that is not on the list, as its name becomes part of the prompt.
    """

    style: Style = Style.KEY_POINTS
    language: str | None = None
    instruction: str = ""
    task: str = ""

    def __post_init__(self) -> None:
        if self.language is not None and code_of(self.language) is None:
            raise ValueError(f"no summary can be had in {self.language!r}")

    @property
    def prompt_hash(self) -> str:
        """SHA-256 of the team's own prompt, as 64 hexadecimal digits; "" for the built-in one."""
        return hashlib.sha256(self.task.encode()).hexdigest() if self.task else ""


USUAL = Ask()


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a summary besides the text. Two equal recipes have equal hashes."""

    engine: str
    model: str
    prompt_version: str
    style: Style = Style.KEY_POINTS
    language: str = OWN_LANGUAGE
    parameters: tuple[tuple[str, str], ...] = ()
    instruction: str = ""
    prompt_hash: str = ""

    def asking(self, ask: Ask) -> "Recipe":
        """This recipe for what is asked. The embedded engine minds the style alone: the rest changes no word
        of it, and so no key."""
        if self.engine == EXTRACT:
            return replace(self, style=ask.style)
        return replace(
            self,
            style=ask.style,
            language=ask.language or OWN_LANGUAGE,
            instruction=ask.instruction,
            prompt_hash=ask.prompt_hash,
        )

    @property
    def hash(self) -> str:
        """SHA-256 of all fields, as 64 hexadecimal digits.

        A field that is younger than the first summaries counts only where it says something: theirs are kept.
        """
        return _hash_of(self)

    @property
    def format(self) -> str:
        """What `rendering.summary_html` is told of the text, from its first word on."""
        is_list = self.engine == EXTRACT and self.style != Style.DETAILED
        return "sentences" if is_list else "markdown"


@functools.lru_cache(maxsize=64)
def _hash_of(recipe: Recipe) -> str:
    """Asked for several times by each click."""
    told = asdict(recipe)
    for younger in ("instruction", "prompt_hash"):
        if not told[younger]:
            del told[younger]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


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
    """Writes summaries. `recipe` and `format` are those of the usual ask; of another, `recipe.asking(ask)` knows
    both."""

    recipe: Recipe
    format: str

    def write(self, text: str, *, title: str, ask: Ask = USUAL) -> Iterator[Piece]:
        """Yield the pieces of a summary of `text`, `Finished` last. Raises EngineFailure."""
        ...
