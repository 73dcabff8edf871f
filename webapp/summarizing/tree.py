"""Reads a document that is too long for one call: notes on its parts, notes on neighbouring notes, until the rest
is short enough to be summarised like any text.

The nodes make a Merkle tree, as each is kept under the hash of what it was made from. What a part
begins with bounds the parts and the groups of notes, so an edit asks anew for its leaf and what is above it, and for
nothing else.
"""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

from webapp.summarizing.chunks import chunks, condensed
from webapp.summarizing.crew import Crew
from webapp.summarizing.cuts import cuts
from webapp.summarizing.engine import EngineFailure, FailureKind, Recipe
from webapp.summarizing.parts import PartRequest, leaf, merge
from webapp.summarizing.sanitizing import visible
from webapp.summarizing.tokens import LARGEST, Budget, context_told, token_weight

MOST_PARTS = 5_000  # far more than the longest text that is taken has in a usual context
FENCE_TOKENS = 30  # around each of the notes in a merge
LEAST_GAIN = 0.95  # of what notes on notes may be as long as those
TOO_LONG = ("too_long", "input_cut")


class NodeStore(Protocol):
    """Where notes are kept, under keys of 64 hexadecimal digits. Only the thread that calls `run` uses it."""

    def get(self, keys: Sequence[str]) -> Mapping[str, str]:
        """The notes that are there."""
        ...

    def put(self, key: str, notes: str, tokens_in: int | None, tokens_out: int | None) -> None:
        """Keep notes that have been paid for, before anything else can go wrong."""
        ...


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a text was read. What is left out is its end, after `characters_read` of its `characters`."""

    parts: int
    parts_read: int
    characters: int
    characters_read: int

    @property
    def is_whole(self) -> bool:
        return self.parts_read == self.parts

    @property
    def percent(self) -> int:
        """How much of the text was read, rounded down: 100 is all of it."""
        return 100 * self.characters_read // max(1, self.characters)

    def to_json(self) -> str:
        """To be kept beside the summary."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, kept: str | None) -> "Coverage | None":
        """What `to_json` wrote; None for anything else."""
        try:
            return cls(**json.loads(kept or ""))
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Notes:
    """What is to be summarised instead of the text: the text itself, if it fits in one call.

    `budget` is the one that worked, `nodes` how large the tree is, `calls` what was paid for this time with
    `tokens_in` and `tokens_out` as far as the server has told them.
    """

    text: str
    coverage: Coverage
    budget: Budget
    nodes: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


class Node(NamedTuple):
    """Notes, the key that they count under in what is made from them, and the rank of the place in the text where
    what they are of begins.
    """

    key: str
    notes: str
    rank: int


def run(
    text: str,
    *,
    budget: Budget,
    recipe: Recipe,
    store: NodeStore,
    crew: Crew,
    on_progress: Callable[[int, int], object] = lambda done, total: None,
    most_parts: int = MOST_PARTS,
) -> Notes:
    """Read `text` and return what is to be summarised instead of it.

    Nodes that the store has are not asked for again, and each new one is stored as soon as it is written.
    `on_progress` is told how many nodes are there and of how many, from the first look on; the total grows when
    the notes turn out to need another round. Where a server calls an input too long, smaller parts are tried.
    Raises the first EngineFailure, and whatever `crew.on_tick` raises. The same nodes give the same notes.
    """
    for made in (str, condensed):
        whole = made(text)
        if token_weight(whole) <= budget.whole_tokens:
            return Notes(whole, Coverage(1, 1, len(text), len(text)), budget)
    while True:
        reading = _Reading(budget, recipe, store, crew, on_progress)
        try:
            return reading.notes(text, most_parts)
        except EngineFailure as failure:
            smaller = budget.shrunk(context_told(failure.detail)) if failure.code in TOO_LONG else None
            if smaller is None:
                raise
            budget = smaller


@dataclass(slots=True)
class _Reading:
    """One walk up the tree, and what it has cost so far."""

    budget: Budget
    recipe: Recipe
    store: NodeStore
    crew: Crew
    on_progress: Callable[[int, int], object]
    done: int = 0
    total: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def notes(self, text: str, most_parts: int) -> Notes:
        parts = chunks(text, target_tokens=self.budget.chunk_tokens)
        read = parts[:most_parts]
        leaves = [(leaf(part.of(text), self.recipe), part.rank) for part in read]
        nodes = self._written([each for each in leaves if visible(each[0].passages[0]).strip()])
        while _weight(nodes) > self.budget.notes_tokens:
            nodes = self._merged(nodes)
        coverage = Coverage(len(parts), len(read), len(text), read[-1].end)
        return Notes(
            "\n\n".join(node.notes for node in nodes),
            coverage,
            self.budget,
            self.total,
            self.calls,
            self.tokens_in,
            self.tokens_out,
        )

    def _merged(self, nodes: list[Node]) -> list[Node]:
        """One level up. A short node that stands alone in its group goes up as it is."""
        pieces = [piece for node in nodes for piece in self._pieces(node)]
        groups = grouped(pieces, self.budget.chunk_tokens)
        requests = {
            index: (
                merge([node.key for node in group], [node.notes for node in group], self.recipe),
                group[0].rank,
            )
            for index, group in enumerate(groups)
            if len(group) > 1 or 2 * _weight(group) > self.budget.chunk_tokens
        }
        written = dict(zip(requests, self._written(list(requests.values())), strict=True))
        merged = [written.get(index, group[0]) for index, group in enumerate(groups)]
        if _weight(merged) > LEAST_GAIN * _weight(nodes):
            raise EngineFailure(FailureKind.UNUSABLE, "length", detail="merged notes are hardly shorter")
        return merged

    def _pieces(self, node: Node) -> list[Node]:
        """The node, or where a model wrote more than one call may hold, its notes in several pieces."""
        target = self.budget.chunk_tokens
        if token_weight(node.notes) <= LARGEST * target:
            return [node]
        parts = chunks(node.notes, target_tokens=target)
        return [
            Node(f"{node.key}/{number}", part.of(node.notes), part.rank if number else node.rank)
            for number, part in enumerate(parts)
        ]

    def _written(self, requests: Sequence[tuple[PartRequest, int]]) -> list[Node]:
        """A node for each request and its rank, in order; the same one twice is asked for once."""
        wanted = {request.key: request for request, _ in requests}
        found = dict(self.store.get(list(wanted)))
        missing = [request for key, request in wanted.items() if key not in found]
        self.total += len(wanted)
        self._advance(len(wanted) - len(missing))
        with contextlib.closing(self.crew.written(missing)) as written:
            for request, notes in written:
                self.store.put(request.key, notes.text, notes.tokens_in, notes.tokens_out)
                found[request.key] = notes.text
                self.calls += 1
                self.tokens_in += notes.tokens_in or 0
                self.tokens_out += notes.tokens_out or 0
                self._advance(1)
        return [Node(request.key, found[request.key], rank) for request, rank in requests]

    def _advance(self, count: int) -> None:
        self.done += count
        self.on_progress(self.done, self.total)


def grouped(nodes: Sequence[Node], target: int) -> list[list[Node]]:
    """Neighbouring nodes in groups of about `target` tokens, whose borders their ranks decide.

    Those stay as they are when what a node is of is edited, as its key would not: a group keeps its nodes, and only
    the notes on it are asked for anew.
    """
    at: list[float] = []
    total = 0.0
    for node in nodes:
        at.append(total)
        total += token_weight(node.notes) + FENCE_TOKENS
    edges = [0, *cuts(at, [node.rank for node in nodes], total, target), len(nodes)]
    return [list(nodes[start:end]) for start, end in pairwise(edges) if start < end]


def _weight(nodes: Sequence[Node]) -> float:
    return token_weight("\n\n".join(node.notes for node in nodes))
