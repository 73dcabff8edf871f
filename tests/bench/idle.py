"""Row 10: what an idle box takes: memory of all processes, shared pages counted once, and time of a core."""

import asyncio
import time

from tests.bench import library
from tests.bench.house import cpu_seconds, precis, pss_mb
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Person
from tests.support.precis import NAMES, Precis

RUNS = 3
SECONDS = 40.0
SETTLE_SECONDS = 3.0
DOCUMENTS = 20
REACH_MB, REACH_PERCENT = 150.0, 0.5


def measure() -> list[Line]:
    """After somebody has looked around, and gone."""
    with precis({"PRECIS_ENGINE": "extract"}, finished=DOCUMENTS) as house:
        asyncio.run(_look_around(house))
        time.sleep(SETTLE_SECONDS)
        found = [_idle(house) for _ in range(RUNS)]
        each = {name: pss_mb(house.processes(name)) for name in NAMES}
    return [
        Line(10, "Idle box: PSS of all processes", [Run(mb) for mb, _ in found], "MB", Reach(REACH_MB, "itself")),
        *(Line(10, f"of which {name}", [Run(mb)], "MB") for name, mb in each.items()),
        Line(10, f"Idle box: one core, over {SECONDS:.0f} s each", [Run(share) for _, share in found], "%",
             Reach(REACH_PERCENT, "itself")),
    ]  # fmt: skip


def _idle(house: Precis) -> tuple[float, float]:
    """Megabytes, and the share of a core in percent."""
    before, begun_at = cpu_seconds(house.processes()), time.monotonic()
    time.sleep(SECONDS)
    share = (cpu_seconds(house.processes()) - before) / (time.monotonic() - begun_at)
    return pss_mb(house.processes()), 100 * share


async def _look_around(house: Precis) -> None:
    person = await Person.sign_in(house.port, library.EMAIL, library.PASSWORD)
    for number in range(1, DOCUMENTS):
        connection = await person.connect()
        for path in ("/", f"/documents/{number}"):
            assert (await connection.get(path)).status == 200
        await connection.close()
