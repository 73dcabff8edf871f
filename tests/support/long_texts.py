"""Texts that are too long for one call, and a model that takes notes on their parts."""

import random
import re
import threading
from collections.abc import Callable, Mapping

from tests.support.model_server import SUMMARY, Request, Script
from webapp.summarizing.prompt import FRAME

CONTEXT = {"PRECIS_CONTEXT_TOKENS": "2048"}  # parts of 250 tokens
WORDS = [
    f"{a}{b}{c}" for a in ("ba", "no", "tri", "sel") for b in ("lu", "ke", "ron") for c in ("", "m", "ta")
]


def paragraphs(count: int, seed: int = 0) -> list[str]:
    """So many paragraphs, about three of which make a part."""
    chance = random.Random(seed)
    return [_paragraph(chance) for _ in range(count)]


def _paragraph(chance: random.Random) -> str:
    lengths = [chance.randint(8, 16) for _ in range(4)]
    return " ".join(" ".join(chance.choices(WORDS, k=length)).capitalize() + "." for length in lengths)


class NoteTaker:
    """Answers a part with the first words of each of its passages, and a summary's call with SUMMARY.

    `delay` is in seconds before each first word. `instead` holds what it says to the part of that number, from 0.
    While `is_open` is false, parts wait.
    """

    def __init__(self, delay: float = 0.0, instead: Mapping[int, Script] | None = None) -> None:
        self.delay = delay
        self.instead = instead or {}
        self.is_open: Callable[[], bool] = lambda: True
        self.parts: list[str] = []  # the prompts
        self.summaries: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Script:
        prompt = request.prompt
        with self._lock:
            number = len(self.parts)
            (self.summaries if prompt.startswith(FRAME) else self.parts).append(prompt)
        if prompt.startswith(FRAME):
            return counted(SUMMARY, prompt, self.delay)
        notes = self.instead.get(number) or counted(_notes(prompt), prompt, self.delay)
        return notes if self.is_open() else notes.but(events=(self.is_open, *notes.events))

    @property
    def leaves(self) -> list[str]:
        return [prompt for prompt in self.parts if "Take notes on the part" in prompt]

    @property
    def paid_twice(self) -> int:
        """How many parts were asked for that had been asked for before."""
        read = ["\n".join(passages(prompt)) for prompt in self.parts]
        return len(read) - len(set(read))

    def forget(self) -> None:
        """Count anew."""
        self.parts.clear()
        self.summaries.clear()


def counted(text: str, prompt: str, delay: float = 0.0) -> Script:
    """The words, with counts of which ours are an overestimate: nothing is learnt from them."""
    usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": 20}
    return Script.words(text, first_word=delay, usage=usage)


def passages(prompt: str) -> list[str]:
    """What stands between the fences of a part's prompt."""
    found = re.finditer(r"^(\[\[document \w+\]\])\n(.*?)\n\1$", prompt, re.MULTILINE | re.DOTALL)
    return [match[2] for match in found]


def _notes(prompt: str) -> str:
    """The first dozen words of each passage, or fewer where there are several."""
    found = passages(prompt)
    share = max(4, 12 // len(found))
    return "- " + "; ".join(" ".join(passage.lstrip("- ").split()[:share]) for passage in found)
