"""An engine on the scripted server, and what comes out of it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.support.model_server import ModelServer
from webapp.summarizing.engine import USUAL, Ask, EngineFailure, Finished, Piece, Recipe, Reset, Words
from webapp.summarizing.openai_engine import OpenAIEngine
from webapp.summarizing.prompt import PARAMETERS

KEY = "sk-canary-1234567890"
DOCUMENT = (
    "Ada Lovelace met Charles Babbage in 1833, at a party in London. "
    "He showed her the part of the Difference Engine that was finished. "
    "Ten years later she translated an article on his next machine and added notes of her own, "
    "which were longer than the article and held what is called the first program."
)
RECIPE = Recipe("openai", "scripted", "1", parameters=PARAMETERS)


@dataclass(frozen=True)
class Server:
    """The settings that an engine reads."""

    openai_base_url: str
    openai_api_key: str | None = KEY
    context_tokens: int | None = None
    attempt_seconds: float = 60.0
    recipe: Recipe = RECIPE


def engine_on(server: ModelServer, **settings: object) -> OpenAIEngine:
    return OpenAIEngine(Server(server.base_url, **settings))  # type: ignore[arg-type]


def shown(pieces: Iterable[Piece]) -> str:
    """What a reader sees in the end."""
    text = ""
    for piece in pieces:
        if isinstance(piece, Reset):
            text = ""
        elif isinstance(piece, Words):
            text += piece.text
    return text


def written(engine: OpenAIEngine, document: str = DOCUMENT, ask: Ask = USUAL) -> tuple[str, Finished]:
    """The whole text, and how it ended."""
    pieces = list(engine.write(document, title="Ada", ask=ask))
    assert isinstance(pieces[-1], Finished)
    return shown(pieces), pieces[-1]


def failure_of(engine: OpenAIEngine, document: str = DOCUMENT, ask: Ask = USUAL) -> EngineFailure:
    """How the writing fails. An AssertionError if it does not."""
    try:
        list(engine.write(document, title="Ada", ask=ask))
    except EngineFailure as failure:
        return failure
    raise AssertionError("nothing failed")


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
