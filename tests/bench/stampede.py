"""Many people open a document at once that has no summary yet. One call to the model server answers them all."""

import asyncio
import time

from tests.bench import library
from tests.bench.house import precis
from tests.bench.model import Model
from tests.bench.rows import Row, p50
from tests.bench.wire import Connection, Listener, Person

PEOPLE = 200
ROUNDS = 3
SLOWEST_MS = 2_000.0
SETTLE_SECONDS = 0.5  # for calls that there should not be


def measure() -> list[Row]:
    """The most calls that any round took, and the usual time of its slowest answer."""
    with Model() as model, precis(model.settings, cold=ROUNDS) as house:
        rounds = asyncio.run(_rounds(house.port, model))
    return [
        Row(
            f"{PEOPLE} first views at once: calls to the model server",
            max(n for n, _ in rounds),
            "",
            1,
            is_count=True,
        ),
        Row(
            f"{PEOPLE} first views at once: slowest answer",
            p50([1000 * slowest for _, slowest in rounds]),
            "ms",
            SLOWEST_MS,
        ),
    ]


async def _rounds(port: int, model: Model) -> list[tuple[int, float]]:
    """For each round the calls, and the seconds to the slowest answer."""
    person = await Person.sign_in(port, library.EMAIL, library.PASSWORD)
    people = await asyncio.gather(*(person.connect() for _ in range(PEOPLE)))
    found = []
    for document_id in range(1, ROUNDS + 1):
        before = model.calls()
        seconds = await asyncio.gather(*(_view(each, f"/documents/{document_id}") for each in people))
        await (await Listener.open(person, document_id)).end()
        await asyncio.sleep(SETTLE_SECONDS)
        found.append((model.calls() - before, max(seconds)))
    return found


async def _view(connection: Connection, path: str) -> float:
    start = time.monotonic()
    answer = await connection.get(path)
    assert answer.status == 200, answer.status
    return time.monotonic() - start
