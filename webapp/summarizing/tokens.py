"""How many tokens a text is, without the tokenizer: those differ by model, and none can be had offline.

And what follows for a call: how much it may hold, in how large parts a longer text is read, and what a server's
own counts and refusals teach about both.
"""

import json
import math
import re
from dataclasses import dataclass, replace

CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile("[A-Za-z0-9]+")
SLACK = 1.2

ANSWER_TOKENS = 1_024  # room for an answer in the model's context
PROMPT_TOKENS = 600  # room for the rules around a text
ASSUMED_CONTEXT = (
    8_192  # of a server of which nothing is known: for the parts of texts that are not sent whole
)
LEAST_CONTEXT = 1_024  # in less there is no room for rules, text and answer
WHOLE_TOKENS = 12_000  # what every model reads well at once, if it fits
CHUNK_SHARE = 0.4  # of the context
# A chunk's size decides where all the others begin, so it takes few values: what is learnt about a model in
# passing must not make a whole library be read again.
CHUNK_TOKENS = (250, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000)
LARGEST = 1.5  # times the usual size

LEAST_TO_LEARN_FROM = 300
MOST_FACTOR = 2.0

_NUMBER = r"(\d[\d,_]{2,11})"
_TOLD = re.compile(
    rf"(?:length|window|size|limit)\D{{0,40}}?{_NUMBER}"  # maximum context length is 8192 tokens
    rf"|(?:n_ctx|allowed|must be|at most|exceeds|>)[^\d\n]{{0,12}}{_NUMBER}"
    rf"|{_NUMBER} tokens? (?:maximum|limit)"
    r"|has read (\d{3,9}) tokens",  # as our own engine says of a server that cuts silently
    re.IGNORECASE,
)


def token_weight(text: str) -> float:
    """The estimate before it is rounded: the weights of a text's pieces add up to that of the text."""
    if text.isascii():
        return SLACK * len(text) / 3.5
    ascii_count = len(text.encode("ascii", "ignore"))
    cjk_count = len(CJK.findall(text))
    other_count = len(text) - ascii_count - cjk_count
    return SLACK * (ascii_count / 3.5 + other_count + cjk_count * 1.2)


def estimated_tokens(text: str) -> int:
    """What a text hardly exceeds: a token for 3.5 ASCII characters or one other, 1.2 for CJK, and 20 %."""
    return int(token_weight(text))


def fewest_tokens(text: str) -> int:
    """What no usual tokenizer gets below: one for a word, as none joins them, and one for three CJK."""
    if text.isascii():
        return len(_ASCII_WORD.findall(text))
    cjk_count = len(CJK.findall(text))
    return len(_WORD.findall(CJK.sub(" ", text))) + cjk_count // 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """How many tokens a model's server counts where we estimate one: `factor`, from 1 to 2.

    It only grows, as what is estimated too high costs little, and halfway at a time, as one count may be odd.
    """

    factor: float = 1.0

    def after(self, *, estimated: int, counted: int) -> "Calibration":
        """What is known once a server has counted `counted` tokens in a prompt of `estimated`."""
        if estimated < LEAST_TO_LEARN_FROM or counted <= self.factor * estimated:
            return self
        return Calibration(min(MOST_FACTOR, (self.factor + counted / estimated) / 2))

    def to_json(self) -> str:
        """To be kept beside the model's name."""
        return json.dumps({"factor": round(self.factor, 3)})

    @classmethod
    def from_json(cls, kept: str | None) -> "Calibration":
        """What `to_json` wrote; a fresh one for anything else."""
        try:
            factor = float(json.loads(kept or "{}").get("factor", 1.0))
        except (ValueError, TypeError, AttributeError):
            factor = 1.0
        return cls(min(MOST_FACTOR, max(1.0, factor)) if math.isfinite(factor) else 1.0)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call may hold, in estimated tokens. `context_tokens` is None where the setting is not given.

    `answer_tokens` and `prompt_tokens` are those of the summary that is asked for. They decide whether a text is
    sent whole, and no part's size: all styles share the parts.
    """

    context_tokens: int | None = None
    answer_tokens: int = ANSWER_TOKENS
    prompt_tokens: int = PROMPT_TOKENS
    calibration: Calibration = Calibration()

    @property
    def whole_tokens(self) -> int:
        """The longest text that is sent in one call. Of a large context half is used: in more, models overlook
        what stands in the middle (arXiv 2307.03172).
        """
        if self.context_tokens is None:
            return WHOLE_TOKENS
        room = self._room(self.answer_tokens, self.prompt_tokens)
        return min(room, max(WHOLE_TOKENS, self.context_tokens // 2))

    @property
    def notes_tokens(self) -> int:
        """The longest notes that are sent in one call: of an unknown context, no more than parts assume of it."""
        assumed = replace(self, context_tokens=self._window)
        return max(self.chunk_tokens, assumed.whole_tokens)

    @property
    def chunk_tokens(self) -> int:
        """The usual size of a part. None is larger than LARGEST times it."""
        most = min(CHUNK_SHARE * self._window, self._room(ANSWER_TOKENS, PROMPT_TOKENS) / LARGEST)
        return max((step for step in CHUNK_TOKENS if step <= most), default=CHUNK_TOKENS[0])

    def shrunk(self, told: int | None = None) -> "Budget | None":
        """The budget after a server called an input too long: what it `told` to be its context, else half.

        None where no smaller one is of use.
        """
        is_new = told is not None and (self.context_tokens is None or told < self.context_tokens)
        context = told if is_new and told else self._window // 2
        return replace(self, context_tokens=context) if context >= LEAST_CONTEXT else None

    def _room(self, answer_tokens: int, prompt_tokens: int) -> int:
        """What is left of the context for a text."""
        return max(0, int((self._window - answer_tokens) / self.calibration.factor) - prompt_tokens)

    @property
    def _window(self) -> int:
        return self.context_tokens or ASSUMED_CONTEXT


def context_told(message: str) -> int | None:
    """The context in tokens that a server names when it calls an input too long, or None if it names none."""
    found = (next(filter(None, match.groups())) for match in _TOLD.finditer(message))
    numbers = [int(number.replace(",", "").replace("_", "")) for number in found]
    return min((number for number in numbers if number >= LEAST_CONTEXT), default=None)
