"""Row 6: a click while 10,000 documents wait in the warm lane, which is at work, against the same click on an idle box."""

import asyncio
import time

from tests.bench import library
from tests.bench.house import precis
from tests.bench.model import Model
from tests.bench.rows import p50
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Listener, Person
from tests.support.precis import Precis

WAITING, COPIED = 10_000, 100
CLICKED = 60
RUNS = 3
WORDS = 300
WARMING = {"PRECIS_WARM_PER_HOUR": "1000000"}


def measure() -> list[Line]:
    """From the click to the first words; the model server speaks at once where somebody has clicked, and else after 2 s."""
    clicked = rf"Article ({'|'.join(map(str, range(1, CLICKED + 1)))})\b"
    with (
        Model(0.0) as model,
        precis(model.settings, cold=CLICKED, words=WORDS) as idle,
        Model(2.0, at_once=clicked) as slow,
        precis(
            {**slow.settings, **WARMING}, cold=CLICKED, waiting=COPIED, copies=WAITING // COPIED, words=WORDS
        ) as busy,
    ):
        runs = asyncio.run(_rounds(idle, busy))
    return [
        Line(
            6, f"Click with {WAITING:,} documents in the warm lane: first words, p50", runs, "ms", Reach(1.5)
        )
    ]


async def _rounds(idle: Precis, busy: Precis) -> list[Run]:
    quiet = await Person.sign_in(idle.port, library.EMAIL, library.PASSWORD)
    hurried = await Person.sign_in(busy.port, library.EMAIL, library.PASSWORD)
    share = CLICKED // RUNS
    return [
        Run(await _clicks(hurried, number * share, share), await _clicks(quiet, number * share, share))
        for number in range(RUNS)
    ]


async def _clicks(person: Person, first: int, number: int) -> float:
    browser = await person.connect()
    found = []
    for document_id in range(first + 1, first + number + 1):
        listener = await Listener.open(person, document_id)
        begun_at = time.monotonic()
        clicking = asyncio.create_task(person.click(browser, f"/documents/{document_id}/summary"))
        found.append(1000 * (await listener.words() - begun_at))
        await clicking
        await listener.close()
    return p50(found)
