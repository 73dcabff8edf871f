"""Row 7: a library of 2,000 documents is warmed by a model server that takes 2 s for each, and 200 at a time."""

import time

from tests.bench.house import cpu_seconds, precis, pss_mb
from tests.bench.model import Model
from tests.bench.table import Line, Reach, Run

DOCUMENTS, COPIED = 2_000, 100
AT_ONCE, CALL_SECONDS = 200, 2.0
PATIENCE_SECONDS = 120.0
STEP_SECONDS = 0.25
WORDS = 300
RUNS = 3
SETTINGS = {"PRECIS_WARM_PER_HOUR": "1000000", "PRECIS_LLM_CONCURRENCY": str(2 * AT_ONCE)}


def measure() -> list[Line]:
    """Once a run, from the first call to the last; each run is a library of its own."""
    found = [_warmed() for _ in range(RUNS)]
    return [
        Line(7, f"Warming {DOCUMENTS:,} documents, {AT_ONCE} at a time: time that the server is busy",
             [Run(busy, 100.0) for busy, _, _ in found], "%", Reach(0.95, at_least=True)),
        Line(7, "the workers meanwhile, of a core", [Run(share) for _, share, _ in found], "%", Reach(100.0, "itself")),
        Line(7, "the workers meanwhile, most memory (PSS)", [Run(mb) for _, _, mb in found], "MB", Reach(300.0, "itself")),
    ]  # fmt: skip


def _warmed() -> tuple[float, float, float]:
    """How busy the server was in percent of all it could be, the workers' share of a core, and their megabytes."""
    with (
        Model(CALL_SECONDS, 0.0) as model,
        precis(
            {**model.settings, **SETTINGS}, waiting=COPIED, copies=DOCUMENTS // COPIED, words=WORDS
        ) as house,
    ):
        workers = house.processes("interactive") + house.processes("warm")
        begun_at, before, most = time.monotonic(), cpu_seconds(workers), 0.0
        while model.count("ended") < DOCUMENTS:
            assert time.monotonic() < begun_at + PATIENCE_SECONDS, f"{model.count('ended')} are written"
            most = max(most, pss_mb(workers))
            time.sleep(STEP_SECONDS)
        share = (cpu_seconds(workers) - before) / (time.monotonic() - begun_at)
        asked = [note["at"] for note in model.notes if note["what"] == "asked"]
        ended = [note["at"] for note in model.notes if note["what"] == "ended"]
    return 100 * CALL_SECONDS * DOCUMENTS / AT_ONCE / (max(ended) - min(asked)), 100 * share, most
