"""Row 4: many people open a document at once that has no summary yet. One call to the model server answers them all."""

import asyncio
from collections.abc import Sequence

from tests.bench import library
from tests.bench.bystander import Bystander, bystander
from tests.bench.house import precis
from tests.bench.model import Model
from tests.bench.rows import p99
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Connection, Listener, Person
from tests.support.precis import Precis

CROWDS = (200, 1_000)
ROUNDS = 3
QUIET_SECONDS = 3.0
SETTLE_SECONDS = 0.5  # for calls that there should not be


def measure() -> list[Line]:
    """For each crowd the calls, and the views of another page meanwhile."""
    with Model() as model, precis(model.settings, finished=1, cold=ROUNDS * len(CROWDS)) as house:
        return asyncio.run(_measure(house, model))


async def _measure(house: Precis, model: Model) -> list[Line]:
    person = await Person.sign_in(house.port, library.EMAIL, library.PASSWORD)
    lines = []
    with bystander(house.port, "/documents/1", person.cookie) as other:
        for number, size in enumerate(CROWDS):
            first = 2 + number * ROUNDS
            rounds = [await _round(person, other, model, size, first + each) for each in range(ROUNDS)]
            lines += [
                Line(4, f"{size:,} first views at once: calls of the model server", [Run(calls, 1) for calls, _ in rounds],
                     "", Reach(1, is_count=True)),
                Line(4, "another page meanwhile, p99", [run for _, run in rounds], "ms", Reach(2.0)),
            ]  # fmt: skip
    return lines


async def _round(
    person: Person, other: Bystander, model: Model, size: int, document_id: int
) -> tuple[int, Run]:
    """How many calls it took, and what a view of another page took meanwhile and before."""
    crowd = [await person.connect() for _ in range(size)]
    other.looked()
    await asyncio.sleep(QUIET_SECONDS)
    quiet, before = other.looked(), model.calls()
    await asyncio.gather(*(_view(each, f"/documents/{document_id}") for each in crowd))
    meanwhile = other.looked()
    await (await Listener.open(person, document_id)).end()
    await asyncio.sleep(SETTLE_SECONDS)
    for connection in crowd:
        await connection.close()
    return model.calls() - before, Run(_p99_ms(meanwhile), _p99_ms(quiet))


def _p99_ms(seconds: Sequence[float]) -> float:
    return 1000 * p99(seconds)


async def _view(connection: Connection, path: str) -> None:
    answer = await connection.get(path)
    assert answer.status == 200, answer.status
