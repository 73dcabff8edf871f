"""Row 9, and what else a long document costs: the calls and the tokens of its first summary, of edits, of a second import, and of a
chapter that two documents share. Run `python -m tests.bench.edits`.

No model is called: the notes are as long as they are asked to be, and tokens are those of our estimate.
"""

import random
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench import library, table
from tests.bench.rows import Row, p50, p99
from tests.bench.table import RUNS, Line, Reach, Run
from webapp.summarizing.crew import Crew, IsUnwanted
from webapp.summarizing.engine import Recipe
from webapp.summarizing.parts import Kind, PartNotes, PartRequest
from webapp.summarizing.prompt import messages, new_fence
from webapp.summarizing.tokens import Budget, estimated_tokens
from webapp.summarizing.tree import run

CONTEXT_TOKENS = 8_192
WORDS = 740_000
CHAPTER_WORDS, OWN_WORDS = 100_000, 20_000
EDITS = 20  # of each kind
FEW_EDITS = 7  # of each kind in each run
LEAVES_OF_AN_EDIT = 2
RECIPE = Recipe(engine="openai", model="bench", prompt_version="bench")

Paragraphs = list[str]


@dataclass
class Library:
    """Notes in memory, and a model that writes the first words of what it reads. Counts what is asked of it."""

    kept: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    leaves: int = 0
    tokens: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, keys: Sequence[str]) -> Mapping[str, str]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def put(self, key: str, notes: str, tokens_in: int | None, tokens_out: int | None) -> None:
        self.kept[key] = notes

    def write(self, request: PartRequest, _is_unwanted: IsUnwanted) -> PartNotes:
        share = max(1, request.words // len(request.passages))
        notes = "- " + " ".join(" ".join(passage.split()[:share]) for passage in request.passages)
        with self._lock:
            self.leaves += request.kind is Kind.LEAF
            self._count(request.messages(new_fence()), notes)
        return PartNotes(notes)

    def summarise(self, paragraphs: Paragraphs) -> "Library":
        """Read a document, and ask for its summary. Returns what that has cost."""
        before = Library({}, self.calls, self.leaves, self.tokens)
        crew = Crew(write_part=self.write, workers=1)
        text = "\n\n".join(paragraphs)
        notes = run(text, budget=Budget(CONTEXT_TOKENS), recipe=RECIPE, store=self, crew=crew)
        self._count(messages(notes.text, title="A book", fence=new_fence()), "word " * 150)
        return Library(
            {}, self.calls - before.calls, self.leaves - before.leaves, self.tokens - before.tokens
        )

    def after(self) -> "Library":
        """Another one that has the same notes."""
        return Library(dict(self.kept))

    def _count(self, asked: list[dict[str, str]], answer: str) -> None:
        self.calls += 1
        self.tokens += sum(estimated_tokens(turn["content"]) for turn in asked) + estimated_tokens(answer)


def measure_edits() -> list[Line]:
    """Row 9: what an edit costs, against one part and those above it: the cheapest edit that reads a part."""
    book, shelf = library.article(WORDS, seed=1).split("\n\n"), Library()
    shelf.summarise(book)
    rounds: dict[str, list[list[Library]]] = {kind: [] for kind in EDITED}
    for seed in range(RUNS):
        chance = random.Random(seed)
        for kind, edit in EDITED.items():
            rounds[kind].append([shelf.after().summarise(edit(book, chance)) for _ in range(FEW_EDITS)])
    every = [cost for some in rounds.values() for costs in some for cost in costs if cost.leaves]
    calls = min(cost.calls for cost in every)
    tokens = p50([cost.tokens for cost in every if cost.calls == calls])
    return [
        line
        for kind, some in rounds.items()
        for line in (
            Line(9, f"{kind.capitalize()}: calls, p50", [Run(p50([c.calls for c in costs]), calls) for costs in some], "", Reach(1.0)),
            Line(9, "tokens, p50", [Run(p50([c.tokens for c in costs]), tokens) for costs in some], "", Reach(1.0)),
        )
    ]  # fmt: skip


def measure() -> list[Row]:
    """Calls and tokens, the summary's own call included."""
    book, shelf = library.article(WORDS, seed=1).split("\n\n"), Library()
    first = shelf.summarise(book)
    again = shelf.after().summarise(book)
    return [
        Row(f"Long document, {WORDS:,} words: sections", first.leaves),
        *_rows("  its first summary", first),
        Row("  imported again: calls", again.calls, "", 1, is_count=True),
        *(row for kind, edit in EDITED.items() for row in _edits(kind, edit, book, shelf)),
        *_shared(),
    ]


def _edits(
    kind: str, edit: Callable[[Paragraphs, random.Random], Paragraphs], book: Paragraphs, shelf: Library
) -> list[Row]:
    chance = random.Random(7)
    costs = [shelf.after().summarise(edit(book, chance)) for _ in range(EDITS)]
    few = sum(cost.leaves <= LEAVES_OF_AN_EDIT for cost in costs)
    calls, tokens = [cost.calls for cost in costs], [cost.tokens for cost in costs]
    return [
        Row(
            f"  {kind}: at most {LEAVES_OF_AN_EDIT} sections read",
            100 * few / EDITS,
            "%",
            90.0,
            at_least=True,
        ),
        Row("    calls: p50", p50(calls), "", 10.0),
        Row("    calls: most", p99(calls), "", 20.0),
        Row("    tokens: p50", p50(tokens)),
    ]


def _inserted(book: Paragraphs, chance: random.Random) -> Paragraphs:
    place = chance.randrange(len(book))
    return [*book[:place], _paragraph(chance), *book[place:]]


def _deleted(book: Paragraphs, chance: random.Random) -> Paragraphs:
    place = chance.randrange(len(book))
    return [*book[:place], *book[place + 1 :]]


def _replaced(book: Paragraphs, chance: random.Random) -> Paragraphs:
    place = chance.randrange(len(book))
    return [*book[:place], _paragraph(chance), *book[place + 1 :]]


def _reworded(book: Paragraphs, chance: random.Random) -> Paragraphs:
    place = chance.randrange(len(book))
    words = book[place].split(" ")
    words[chance.randrange(len(words))] = "otherwise"
    return [*book[:place], " ".join(words), *book[place + 1 :]]


EDITED = {
    "a paragraph inserted": _inserted,
    "a paragraph deleted": _deleted,
    "a paragraph replaced": _replaced,
    "a word changed": _reworded,
}


def _paragraph(chance: random.Random) -> str:
    return library.article(80, seed=chance.randrange(10**9)).split("\n\n")[0]


def _shared() -> list[Row]:
    """Two documents, most of which is the same chapter."""
    chapter = library.article(CHAPTER_WORDS, seed=2).split("\n\n")
    one, other = (library.article(OWN_WORDS, seed=seed).split("\n\n") for seed in (3, 4))
    shelf = Library()
    first, second = shelf.summarise([*one, *chapter]), shelf.summarise([*other, *chapter])
    return [
        *_rows(f"A chapter of {CHAPTER_WORDS:,} words in a first document", first),
        *_rows("  in a second one", second),
        Row("  the second, of the first's tokens", 100 * second.tokens / first.tokens, "%", 35.0),
    ]


def _rows(name: str, cost: Library) -> list[Row]:
    return [Row(f"{name}: calls", cost.calls), Row(f"{name}: tokens", cost.tokens)]


if __name__ == "__main__":
    table.show(table.lines(9, measure, 1))
    sys.exit()
