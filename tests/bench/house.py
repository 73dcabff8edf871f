"""A whole Precis to be measured: all of its processes, and a library that was there before."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.bench import library
from tests.support.precis import Precis

# As somebody runs it, but that nothing is written which nobody asked for.
STEADY = {
    "PRECIS_LEASE_SECONDS": "90",
    "PRECIS_SWEEP_SECONDS": "15",
    "PRECIS_RETRY_SECONDS": "15",
    "PRECIS_PROBE_SECONDS": "30",
    "PRECIS_WARM_PER_HOUR": "0",
    "PRECIS_LOG_LEVEL": "warning",
}


@contextmanager
def precis(
    settings: Mapping[str, str],
    *,
    finished: int = 0,
    cold: int = 0,
    waiting: int = 0,
    copies: int = 1,
    words: int = library.WORDS,
) -> Iterator[Precis]:
    """Run one until the block ends. Its first documents have a summary already, `finished` of them; then come the cold
    ones, and those whose summary waits in the warm lane. Of all that is not cold there are so many copies.
    """
    with tempfile.TemporaryDirectory(prefix="precis-bench-") as name:
        folder, environ = Path(name), {**STEADY, **settings}
        library.fill({**environ, "PRECIS_DATA": str(folder)}, finished, cold, waiting, words)
        if copies > 1:
            library.multiply(folder / "precis.sqlite3", copies)
        with Precis(folder, environ) as house:
            yield house


def redis_url(house: Precis) -> str:
    """Where its embedded Valkey listens."""
    return (house.folder / "run" / "redis.url").read_text().strip()


def memory_bytes(house: Precis) -> int:
    """What the web processes have to themselves, in bytes."""
    return sum(int(process.memory_full_info().uss) for process in house.processes("web"))


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """What they have had of a core so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def pss_mb(processes: Iterable[psutil.Process]) -> float:
    """Their memory in megabytes, a shared page counted once."""
    return sum(_pss_kb(process.pid) for process in processes) / 1024


def _pss_kb(pid: int) -> int:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found.group(1)) if found else 0
