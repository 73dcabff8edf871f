"""Row 10: what an idle box takes: memory of all processes, shared pages counted once, and time of a core."""

import asyncio
import re
import time
from pathlib import Path

from tests.bench import library
from tests.bench.house import precis
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Person
from tests.support.precis import NAMES, Precis

RUNS = 3
SECONDS = 45.0
SETTLE_SECONDS = 3.0
DOCUMENTS = 20
REACH_MB, REACH_PERCENT = 150.0, 0.5


def measure() -> list[Line]:
    """After somebody has looked around, and gone."""
    with precis({"PRECIS_ENGINE": "extract"}, finished=DOCUMENTS) as house:
        asyncio.run(_look_around(house))
        time.sleep(SETTLE_SECONDS)
        found = [_idle(house) for _ in range(RUNS)]
        each = {name: sum(map(_pss_mb, house.pids(name))) for name in NAMES}
    return [
        Line(10, "Idle box: PSS of all processes", [Run(mb) for mb, _ in found], "MB", Reach(REACH_MB, "itself")),
        *(Line(10, f"of which {name}", [Run(mb)], "MB") for name, mb in each.items()),
        Line(10, f"Idle box: one core, over {SECONDS:.0f} s each", [Run(share) for _, share in found], "%",
             Reach(REACH_PERCENT, "itself")),
    ]  # fmt: skip


def _idle(house: Precis) -> tuple[float, float]:
    """Megabytes, and the share of a core in percent."""
    before, begun_at = _cpu_seconds(house), time.monotonic()
    time.sleep(SECONDS)
    share = (_cpu_seconds(house) - before) / (time.monotonic() - begun_at)
    return sum(_pss_mb(process.pid) for process in house.processes()), 100 * share


def _cpu_seconds(house: Precis) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in house.processes())


def _pss_mb(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found.group(1)) / 1024


async def _look_around(house: Precis) -> None:
    person = await Person.sign_in(house.port, library.EMAIL, library.PASSWORD)
    for number in range(1, DOCUMENTS):
        connection = await person.connect()
        for path in ("/", f"/documents/{number}"):
            assert (await connection.get(path)).status == 200
        await connection.close()
