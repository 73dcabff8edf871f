"""What a model writes for itself never shows: filters over an answer that arrives in pieces of any size."""

import re

from webapp.summarizing.engine import Reset, Thinking, Words

Shown = Words | Thinking | Reset

TAGS = ("think", "thinking", "thought", "reasoning")
OPENING = (*(f"<{tag}>" for tag in TAGS), "[think]")
CLOSING = (*(f"</{tag}>" for tag in TAGS), "[/think]")
HEADER = (
    "<|start|>",
    "<|channel|>",
    "<|end|>",
    "<|return|>",
)  # gpt-oss: between these and a message are names
MESSAGE = "<|message|>"
ENDING = ("<|im_end|>", "<|eot_id|>", "<|endoftext|>")  # template marks that some servers let through
MARKS = (*OPENING, *CLOSING, *HEADER, MESSAGE, *ENDING)

_MARK = re.compile("|".join(map(re.escape, MARKS)), re.IGNORECASE)
_LONGEST = max(map(len, MARKS))
_QUOTES = frozenset("`'\"“‘«")


class ThoughtFilter:
    """Takes an answer apart into what is shown and what was thought. Holds back only what may be the start of
    a mark.

    The result does not depend on how the text is split. A closing tag that nothing opened ends a thought
    which the prompt's template began: the words before it were no answer, hence `Reset`.
    """

    def __init__(self) -> None:
        self._held = ""
        self._before = ""  # the last character, which tells a quoted mark
        self._quotes_marks = False
        self._names: str | None = None  # the names in a gpt-oss header so far
        self._has_shown = False
        self.is_thinking = False
        self.has_thought = False

    def feed(self, text: str) -> list[Shown]:
        """What comes out of the next characters, which is `Thinking` if nothing shows."""
        shown: list[Shown] = []
        text = self._held + text
        start = 0
        for mark in _MARK.finditer(text):
            shown += self._pass(text[start : mark.start()])
            is_quoted = self._is_quoted(mark.group().lower())
            shown += self._pass(mark.group()) if is_quoted else self._turn(mark.group().lower())
            start = mark.end()
        kept = len(text) - _length_held(text, start)
        shown += self._pass(text[start:kept])
        self._held = text[kept:]
        return shown or [Thinking()]

    def finish(self) -> list[Shown]:
        """What was held back, once no more characters come."""
        held, self._held = self._held, ""
        return self._pass(held)

    @property
    def is_open(self) -> bool:
        """Whether a thought was begun that has not ended."""
        return self.is_thinking and self._names is None

    def _pass(self, text: str) -> list[Shown]:
        if not text:
            return []
        self._before = text[-1]
        if self._names is not None:
            self._names += text
        if self.is_thinking:
            self.has_thought = self.has_thought or not text.isspace()
            return []
        self._has_shown = True
        return [Words(text)]

    def _is_quoted(self, mark: str) -> bool:
        """Whether the answer only talks about the mark.

        A thought may end in a quotation, so a quotation mark before a closing tag says little. A backtick
        does, and so does an opening tag that was quoted before.
        """
        if self.is_thinking or not self._before:
            return False
        is_quoted = self._before in (_QUOTES if mark in OPENING or self._quotes_marks else "`")
        self._quotes_marks = self._quotes_marks or is_quoted
        return is_quoted

    def _turn(self, mark: str) -> list[Shown]:
        self._before = ""
        if mark in CLOSING:
            return self._close()
        if mark in HEADER:
            self._names, self.is_thinking = "", True
        elif mark == MESSAGE:
            self.is_thinking = not (self._names or "final").strip().lower().endswith("final")
            self._names = None
        elif mark in OPENING:
            self.is_thinking = True
        return []

    def _close(self) -> list[Shown]:
        was_thinking, self.is_thinking = self.is_thinking, False
        if was_thinking or not self._has_shown:
            return []
        self._has_shown, self.has_thought = False, True
        return [Reset()]


def _length_held(text: str, start: int) -> int:
    """How many characters at the end may be the start of a mark."""
    for position in range(max(start, len(text) - _LONGEST + 1), len(text)):
        if text[position] in "<[" and any(mark.startswith(text[position:].lower()) for mark in MARKS):
            return len(text) - position
    return 0


LONGEST_PREAMBLE = 200
_BULLET = re.compile(r"(?:[-*+•–]|\d{1,2}[.)]|#{1,6})\s")
_BULLET_STARTED = re.compile(r"[-*+•–]|\d{1,2}[.)]?|#{1,6}")
_COLON = re.compile(r"[:：][\s*_]*\Z")


class PreambleFilter:
    """Drops a first line that ends in a colon and has a bullet or a heading after it ("Here is a summary:"), in
    any language. Of an answer that is to be one paragraph (`is_prose`), the paragraph after it is enough.

    Words show at once, as a reader waits for the first; what turns out to be a preamble is taken back. Only the
    mark of a bullet waits for its word.
    Blanks around the answer are dropped, too.
    """

    def __init__(self, *, is_prose: bool = False) -> None:
        self._is_prose = is_prose
        self._line = ""  # the first one, so far
        self._rest: str | None = None  # what followed a first line that ends in a colon
        self._is_open = True  # whether there may still be a preamble
        self._blanks = ""

    def feed(self, text: str) -> list[Words | Reset]:
        """What shows of the answer with these next characters."""
        if not self._is_open:
            return self._shown(text)
        if self._rest is not None:
            return self._after_colon(text)
        before = self._line
        self._line, newline, rest = (before + text).lstrip().partition("\n")
        if not newline and _BULLET_STARTED.fullmatch(self._line.rstrip()):
            return []
        shown = self._shown(self._line[0 if _BULLET_STARTED.fullmatch(before.rstrip()) else len(before) :])
        if not newline:
            return shown
        if _is_preamble(self._line):
            self._rest = ""
            return shown + self._after_colon(rest)
        self._is_open = False
        return shown + self._shown(newline + rest)

    def finish(self) -> list[Words | Reset]:
        """What was held back, once no more characters come."""
        if not self._is_open:
            return []
        is_mark = self._rest is None and _BULLET_STARTED.fullmatch(self._line.rstrip())
        return self._shown(self._line if is_mark else "\n" + (self._rest or ""))

    def _after_colon(self, text: str) -> list[Words | Reset]:
        self._rest = (self._rest or "") + text
        answer = self._rest.lstrip()
        if not answer or _BULLET_STARTED.fullmatch(answer):
            return []
        self._is_open = False
        is_paragraph = self._is_prose and "\n" in self._rest[: -len(answer)]
        if not is_paragraph and not _BULLET.match(answer):
            return self._shown("\n" + self._rest)
        self._blanks = ""
        return [Reset(), *self._shown(answer)]

    def _shown(self, text: str) -> list[Words | Reset]:
        text = self._blanks + text
        shown = text.rstrip()
        self._blanks = text[len(shown) :]
        return [Words(shown)] if shown else []


def _is_preamble(line: str) -> bool:
    return len(line) <= LONGEST_PREAMBLE and bool(_COLON.search(line)) and not _BULLET.match(line)
