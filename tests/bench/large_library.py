"""Row 8: pages of a library with 100,000 documents, against those of one with a hundred."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from tests.bench import library
from tests.bench.house import precis
from tests.bench.model import Model
from tests.bench.rows import p50
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Connection, Person
from tests.support.precis import Precis

FEW, MANY = 100, 100_000
RUNS = 3
VIEWS = 60
NEW_VIEWS = FEW // RUNS  # in each run, of documents that nobody has opened: a later view is another thing
PAGE_SIZE = 30
REACH = 1.5
WORDS = 300


def measure() -> list[Line]:
    """The same pages of both, in turns, by one reader."""
    with (
        Model() as model,
        precis(model.settings, finished=FEW, words=WORDS) as small,
        precis(model.settings, finished=FEW, copies=MANY // FEW, words=WORDS) as large,
    ):
        found = asyncio.run(_rounds(small, large))
    return [
        Line(8, f"{name} with {MANY:,} documents, p50", runs, "ms", Reach(REACH)) for name, runs in found.items()
    ]  # fmt: skip


async def _rounds(small: Precis, large: Precis) -> dict[str, list[Run]]:
    readers = [await Reader.of(large, MANY), await Reader.of(small, FEW)]
    await _in_turns(readers, [reader.lists for reader in readers])  # until both are warm
    found: dict[str, list[Run]] = {}
    for number in range(RUNS):
        pages = {
            "Library": [["/"] * VIEWS] * 2,
            "Library, its middle": [[reader.middle] * VIEWS for reader in readers],
            "Library, its last page": [[reader.last] * VIEWS for reader in readers],
            "Document, its first view": (new := [reader.documents(number) for reader in readers]),
            "Document, later": [paths * 3 for paths in new],
        }
        for name, paths in pages.items():
            found.setdefault(name, []).append(Run(*await _in_turns(readers, paths)))
    return found


async def _in_turns(readers: Sequence["Reader"], paths: Sequence[Sequence[str]]) -> list[float]:
    """The usual time of a view for each reader. What slows the machine down meanwhile slows both down."""
    found = [
        [await reader.milliseconds(path) for reader, path in zip(readers, each, strict=True)]
        for each in zip(*paths, strict=True)
    ]
    return [p50(times) for times in zip(*found, strict=True)]


@dataclass
class Reader:
    """Somebody with one connection to a library of so many documents."""

    connection: Connection
    total: int

    @classmethod
    async def of(cls, house: Precis, total: int) -> Self:
        person = await Person.sign_in(house.port, library.EMAIL, library.PASSWORD)
        return cls(await person.connect(), total)

    @property
    def middle(self) -> str:
        return f"/?page={(self.total // PAGE_SIZE + 1) // 2}"

    @property
    def last(self) -> str:
        return f"/?page={self.total}"

    @property
    def lists(self) -> list[str]:
        return ["/", self.middle, self.last] * NEW_VIEWS

    def documents(self, run: int) -> list[str]:
        """Pages of documents from all over the library, others in each run."""
        step = self.total // FEW
        return [f"/documents/{step * number + 1}" for number in range(run, FEW, RUNS)]

    async def milliseconds(self, path: str) -> float:
        start = time.monotonic()
        answer = await self.connection.get(path)
        assert answer.status == 200, answer.status
        return 1000 * (time.monotonic() - start)
