"""What a summary takes, told from the length of its text alone: calls, and tokens in and out."""

from dataclasses import dataclass
from math import ceil

from webapp.summarizing.parts import SHORTER, Kind
from webapp.summarizing.tokens import PROMPT_TOKENS, SLACK, Budget

ANSWER_TOKENS = 300  # of a summary, where no server has counted any


@dataclass(frozen=True, slots=True)
class Cost:
    """How many calls, and the tokens that a model reads and writes in all of them."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.calls + other.calls, self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out
        )


def cost(characters: int, budget: Budget, answer_tokens: int = ANSWER_TOKENS) -> Cost:
    """What a text of so many characters takes that nobody has read before: with a longer one, its parts as well.

    What it is written in is not known: of Chinese or Japanese it is too low, of most else too high.
    """
    rest, most, shorter = _tokens_of(characters), budget.whole_tokens, SHORTER[Kind.LEAF]
    calls, read, written = 1, rest, answer_tokens
    while rest > most:
        calls += ceil(rest / budget.chunk_tokens)
        rest, most, shorter = rest // shorter, budget.notes_tokens, SHORTER[Kind.MERGE]
        written += rest
        read += rest
    return Cost(calls, read + calls * PROMPT_TOKENS, written)


def _tokens_of(characters: int) -> int:
    """As `tokens.estimated_tokens` tells of ASCII."""
    return int(SLACK * characters / 3.5)
