"""Many pages that listen to one document: when the last of them has its summary, and what a listener takes."""

import asyncio
import resource

from tests.bench import library
from tests.bench.house import memory_bytes, precis
from tests.bench.model import Model
from tests.bench.rows import Row, p50, p99
from tests.bench.wire import Listener, Person
from tests.support.precis import Precis

STREAMS = 1_000
SPARE_FILES = 200
AT_ONCE = 50
ROUNDS = 3
P50_MS, P99_MS = 1_000.0, 2_000.0
STREAM_KB = 60.0


def measure() -> list[Row]:
    """From the last byte of the model server to the final event, for each listener."""
    number = min(STREAMS, _open_files() - SPARE_FILES)
    with Model() as model, precis(model.settings) as house:
        rounds = asyncio.run(_rounds(house, model, number))
    delays = [delays for delays, _ in rounds]
    kilobytes = rounds[0][1] / number / 1000
    return [
        Row(f"{number:,} streams: final event, p50", p50([p50(each) for each in delays]), "ms", P50_MS),
        Row(f"{number:,} streams: final event, p99", p50([p99(each) for each in delays]), "ms", P99_MS),
        Row(f"{number:,} streams: final event, the last one", p50([max(each) for each in delays]), "ms"),
        Row(f"{number:,} streams: memory for each", kilobytes, "kB", STREAM_KB),
    ]


async def _rounds(house: Precis, model: Model, number: int) -> list[tuple[list[float], int]]:
    """For each round the delays in milliseconds, and the bytes that the open streams took."""
    person = await Person.sign_in(house.port, library.EMAIL, library.PASSWORD)
    browser = await person.connect()
    document_id = await person.save(browser, "Read by many", library.article(seed=50))
    await person.click(browser, f"/documents/{document_id}/summary")
    await (await Listener.open(person, document_id)).end()
    found = []
    for number_of_round in range(ROUNDS):
        text = library.article(seed=60 + number_of_round)
        await person.save(await person.connect(), "Read by many", text, document_id)
        before = memory_bytes(house)
        listeners = await _open(person, document_id, number)
        taken = memory_bytes(house) - before
        await person.click(
            await person.connect(), f"/documents/{document_id}/summary"
        )  # the first one is idle too long
        ends = await asyncio.gather(*(listener.end() for listener in listeners))
        found.append(([1000 * (end - model.last("ended")) for end in ends], taken))
        for listener in listeners:
            await listener.close()
    return found


async def _open(person: Person, document_id: int, number: int) -> list[Listener]:
    listeners: list[Listener] = []
    while len(listeners) < number:
        some = min(AT_ONCE, number - len(listeners))
        listeners += await asyncio.gather(*(Listener.open(person, document_id) for _ in range(some)))
    return listeners


def _open_files() -> int:
    """How many files this process may have open, after asking for as many as it can get."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else STREAMS + SPARE_FILES
