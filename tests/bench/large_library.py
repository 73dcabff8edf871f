"""Row 8: pages of a library with 100,000 documents, against those of one with a hundred."""

import asyncio
import time

from tests.bench import library
from tests.bench.house import precis
from tests.bench.model import Model
from tests.bench.rows import p50
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Connection, Person
from tests.support.precis import Precis

FEW, MANY = 100, 100_000
RUNS = 5
VIEWS = 60
REACH = 1.5
WORDS = 300


def measure() -> list[Line]:
    """The same pages of both, in turns, by one reader; each document's page is another's."""
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
    readers = [await _reader(house, number) for house, number in ((large, MANY), (small, FEW))]
    pages = {"Library": "/", "Library, its last page": "/?page=1000000", "Page of a document": ""}
    found: dict[str, list[Run]] = {name: [] for name in pages}
    for _ in range(RUNS + 1):
        for name, path in pages.items():
            measured, limit = [await reader.milliseconds(path) for reader in readers]
            found[name].append(Run(measured, limit))
    return {name: runs[1:] for name, runs in found.items()}


class _Reader:
    def __init__(self, connection: Connection, documents: int) -> None:
        self._connection = connection
        self._documents = documents
        self._next = 0

    async def milliseconds(self, path: str) -> float:
        """The usual time of a view; without a path, of some document that was not opened lately."""
        found = []
        for _ in range(VIEWS):
            self._next = (self._next + self._documents // FEW * 37) % self._documents
            start = time.monotonic()
            answer = await self._connection.get(path or f"/documents/{self._next + 1}")
            found.append(1000 * (time.monotonic() - start))
            assert answer.status == 200, answer.status
        return p50(found)


async def _reader(house: Precis, documents: int) -> _Reader:
    person = await Person.sign_in(house.port, library.EMAIL, library.PASSWORD)
    return _Reader(await person.connect(), documents)
