"""Row 9, and what else a long document costs: the calls and the tokens of its first summary, of edits, of a second import, and of a
chapter that two documents share. Run `python -m tests.bench.edits`.

No model is called: the notes are about as long as they are asked to be, and tokens are those of our estimate.
"""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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
NOTES_VARY = 0.25  # in length, as no model counts its words
RECIPE = Recipe(engine="openai", model="bench", prompt_version="bench")

Paragraphs = list[str]


@dataclass(frozen=True)
class Cost:
    """What is asked of the model, the summary's own call included."""

    calls: int
    leaves: int
    tokens: int


@dataclass
class Library:
    """Notes in memory, and a model that writes the first words of what it reads. Knows all that it was ever asked."""

    kept: dict[str, str] = field(default_factory=dict)
    asked: dict[str, PartRequest] = field(default_factory=dict)
    levels: list[Sequence[str]] = field(default_factory=list)  # of the last document's tree, the leaves first
    written: list[str] = field(default_factory=list)  # for it alone
    summary_tokens: int = 0

    def get(self, keys: Sequence[str]) -> Mapping[str, str]:
        self.levels.append(keys)
        return {key: self.kept[key] for key in keys if key in self.kept}

    def put(self, key: str, notes: str, tokens_in: int | None, tokens_out: int | None) -> None:
        self.kept[key] = notes
        self.written.append(key)

    def write(self, request: PartRequest, _is_unwanted: IsUnwanted) -> PartNotes:
        self.asked[request.key] = request
        words = request.words * random.Random(request.key).uniform(1 - NOTES_VARY, 1 + NOTES_VARY)
        share = max(1, int(words) // len(request.passages))
        return PartNotes("- " + " ".join(" ".join(passage.split()[:share]) for passage in request.passages))

    def summarise(self, paragraphs: Paragraphs) -> Cost:
        """Read a document, and ask for its summary. Returns what that has cost."""
        self.levels, self.written = [], []
        crew = Crew(write_part=self.write, workers=1)
        text = "\n\n".join(paragraphs)
        notes = run(text, budget=Budget(CONTEXT_TOKENS), recipe=RECIPE, store=self, crew=crew)
        self.summary_tokens = _tokens(messages(notes.text, title="A book", fence=new_fence()), "word " * 150)
        return self._cost(self.written)

    @property
    def least(self) -> Cost:
        """What one leaf of this tree and what is above it cost: of those that were read, the one with the least."""
        leaves = [key for key in self.written if self.asked[key].kind is Kind.LEAF]
        return min((self._cost(self._path(leaf)) for leaf in leaves), key=lambda cost: cost.tokens)

    def after(self) -> "Library":
        """Another one that has the same notes."""
        return Library(dict(self.kept), dict(self.asked))

    def _path(self, key: str) -> list[str]:
        """A leaf and its ancestors, found by whose notes each of them is made of. Not every level has one."""
        path = [key]
        for keys in self.levels[1:]:
            notes = self.kept[path[-1]]
            path += [above for above in keys if notes in self.asked[above].passages]
        return path

    def _cost(self, keys: Sequence[str]) -> Cost:
        requests = [self.asked[key] for key in keys]
        tokens = [_tokens(each.messages(new_fence()), self.kept[each.key]) for each in requests]
        leaves = sum(each.kind is Kind.LEAF for each in requests)
        return Cost(len(requests) + 1, leaves, sum(tokens) + self.summary_tokens)


def _tokens(asked: list[dict[str, str]], answer: str) -> int:
    return sum(estimated_tokens(turn["content"]) for turn in asked) + estimated_tokens(answer)


class Edit(NamedTuple):
    """What one has cost, and what a leaf of the tree after it and those above that leaf cost."""

    cost: Cost
    least: Cost


def measure_edits() -> list[Line]:
    """Row 9: what an edit costs, against one leaf and its ancestors in the very tree that it has led to."""
    book, shelf = library.article(WORDS, seed=1).split("\n\n"), Library()
    shelf.summarise(book)
    rounds = [
        {
            kind: [_edited(shelf, edit(book, chance)) for _ in range(FEW_EDITS)]
            for kind, edit in EDITED.items()
        }
        for chance in map(random.Random, range(RUNS))
    ]
    alone = [[edit.cost == edit.least for some in each.values() for edit in some] for each in rounds]
    return [
        *(line for kind in EDITED for line in _lines(kind, [each[kind] for each in rounds])),
        Line(
            9,
            "Edits of any kind that cost no more",
            [Run(100 * sum(some) / len(some)) for some in alone],
            "%",
        ),
    ]


def _edited(shelf: Library, edited: Paragraphs) -> Edit:
    other = shelf.after()
    return Edit(other.summarise(edited), other.least)


def _lines(kind: str, rounds: list[list[Edit]]) -> list[Line]:
    calls = [_usual([Run(edit.cost.calls, edit.least.calls) for edit in some]) for some in rounds]
    tokens = [_usual([Run(edit.cost.tokens, edit.least.tokens) for edit in some]) for some in rounds]
    return [
        Line(9, f"{kind.capitalize()}: calls, p50", calls, "", Reach(1.0)),
        Line(9, "tokens, p50", tokens, "", Reach(1.0)),
    ]


def _usual(runs: list[Run]) -> Run:
    """The one in the middle, by how many times its own limit it is."""
    return sorted(runs, key=lambda run: (run.ratio, run.measured))[len(runs) // 2]


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


def _rows(name: str, cost: Cost) -> list[Row]:
    return [Row(f"{name}: calls", cost.calls), Row(f"{name}: tokens", cost.tokens)]


if __name__ == "__main__":
    table.show(table.lines(9, measure, 1))
    sys.exit()
