"""Row 11: from `precis up` to a site that answers, with a library that is there; beside what the interpreter takes alone."""

import subprocess
import sys
import tempfile
import time
from http.client import OK
from pathlib import Path

from tests.bench import library
from tests.bench.house import STEADY
from tests.bench.table import Line, Reach, Run
from tests.support.precis import Precis

RUNS = 5
REACH_SECONDS = 3.0
STEP_SECONDS = 0.01


def measure() -> list[Line]:
    """The second start and later ones: the database is there."""
    with tempfile.TemporaryDirectory(prefix="precis-bench-") as name:
        environ = {
            **STEADY,
            "PRECIS_ENGINE": "extract",
            "PYTHONDONTWRITEBYTECODE": "",
        }  # kept, as for anybody
        library.fill({**environ, "PRECIS_DATA": name}, 1, 0)
        house = Precis(Path(name), environ)
        runs = [Run(_ready_seconds(house), _interpreter_seconds()) for _ in range(RUNS)]
    return [Line(11, "precis up, until it is ready", runs, "s", Reach(REACH_SECONDS, "itself"))]


def _ready_seconds(house: Precis) -> float:
    begun_at = time.monotonic()
    try:
        house.run("up")
        while house.status("/readyz") != OK:
            assert time.monotonic() < begun_at + 60, house.output
            time.sleep(STEP_SECONDS)
        seconds = time.monotonic() - begun_at
        house.stop()
        return seconds
    finally:
        house.destroy()


def _interpreter_seconds() -> float:
    begun_at = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.monotonic() - begun_at
