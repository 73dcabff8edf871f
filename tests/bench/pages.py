"""How fast pages are that have nothing to wait for: a document with its summary, and a large library."""

import asyncio
import time

from tests.bench import library
from tests.bench.house import precis
from tests.bench.model import Model
from tests.bench.rows import Row, p50, p99
from tests.bench.wire import Connection, Person

DOCUMENTS = 3_000
VIEWS = 300
CLIENTS = 16
SECONDS = 3.0
DOCUMENT_MS, LIBRARY_MS = (10.0, 30.0), (20.0, 60.0)
DOCUMENTS_A_SECOND, LIBRARIES_A_SECOND = 300.0, 100.0


def measure() -> list[Row]:
    """Each page alone, then many clients at it."""
    with Model() as model, precis(model.settings, finished=DOCUMENTS) as house:
        return asyncio.run(_measure(house.port))


async def _measure(port: int) -> list[Row]:
    person = await Person.sign_in(port, library.EMAIL, library.PASSWORD)
    document = "Page of a document with its summary"
    catalogue = f"Library of {DOCUMENTS:,} documents"
    return [
        *await _rows(person, document, f"/documents/{DOCUMENTS // 2}", DOCUMENT_MS, DOCUMENTS_A_SECOND),
        *await _rows(person, catalogue, "/", LIBRARY_MS, LIBRARIES_A_SECOND),
    ]


async def _rows(person: Person, name: str, path: str, limits: tuple[float, float], rate: float) -> list[Row]:
    connection = await person.connect()
    await _views(connection, path, VIEWS // 10)
    milliseconds = await _views(connection, path, VIEWS)
    return [
        Row(f"{name}: p50", p50(milliseconds), "ms", limits[0]),
        Row(f"{name}: p99", p99(milliseconds), "ms", limits[1]),
        Row(f"{name}: {CLIENTS} clients", await _rate(person, path), "a second", rate, at_least=True),
    ]


async def _views(connection: Connection, path: str, number: int) -> list[float]:
    """The milliseconds of so many views, one after the other."""
    found = []
    for _ in range(number):
        start = time.monotonic()
        answer = await connection.get(path)
        found.append(1000 * (time.monotonic() - start))
        assert answer.status == 200, answer.status
    return found


async def _rate(person: Person, path: str) -> float:
    """Views a second, of clients that keep their connections and never pause."""
    connections = [await person.connect() for _ in range(CLIENTS)]
    end = time.monotonic() + SECONDS

    async def view(connection: Connection) -> int:
        count = 0
        while time.monotonic() < end:
            count += len(await _views(connection, path, 1))
        return count

    return sum(await asyncio.gather(*map(view, connections))) / SECONDS
