"""How fast a save is, and whether the page after it has its summary already."""

import asyncio
import time

from tests.bench import library
from tests.bench.house import precis
from tests.bench.rows import Row, p50, p99
from tests.bench.wire import Person

SAVES = 80
SAVE_MS = (20.0, 60.0)
READ_MS = (150.0, 300.0)


def measure() -> list[Row]:
    """With the embedded engine, which begins as soon as the save is done."""
    with precis({"PRECIS_ENGINE": "extract"}) as house:
        saves, reads, is_ready = asyncio.run(_saves(house.port))
    return [
        Row(f"Save of {library.WORDS:,} words: p50", p50(saves), "ms", SAVE_MS[0]),
        Row(f"Save of {library.WORDS:,} words: p99", p99(saves), "ms", SAVE_MS[1]),
        Row(
            "Saves whose next page has the summary (extract)",
            100 * sum(is_ready) / SAVES,
            "%",
            100.0,
            at_least=True,
        ),
        Row("  that page: p50", p50(reads), "ms", READ_MS[0]),
        Row("  that page: p99", p99(reads), "ms", READ_MS[1]),
    ]


async def _saves(port: int) -> tuple[list[float], list[float], list[bool]]:
    """The milliseconds of each save and of the page after it, and whether that had the summary."""
    person = await Person.sign_in(port, library.EMAIL, library.PASSWORD)
    connection = await person.connect()
    saves, reads, is_ready = [], [], []
    for number in range(SAVES):
        text = library.article(seed=1_000 + number)
        start = time.monotonic()
        document_id = await person.save(connection, f"Article {number}", text)
        saved_at = time.monotonic()
        page = await connection.get(f"/documents/{document_id}", Cookie=person.cookie)
        saves.append(1000 * (saved_at - start))
        reads.append(1000 * (time.monotonic() - saved_at))
        is_ready.append('data-status="complete"' in page.text)
    return saves, reads, is_ready
