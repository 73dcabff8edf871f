"""Everything that is promised in figures, measured on real processes against its limit, in one table: `python -m tests.bench`.

Each measure has several runs, of which the table has the least, the median and the most; docs/performance.md keeps it. Times
never fail it, since the machine may be busy with something else. A broken promise of counts does, and so does a measure
that breaks off.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial

from tests.bench import (
    click,
    edits,
    embedded,
    first_view,
    first_word,
    grounding,
    idle,
    large_library,
    lighthouse,
    pickup,
    rouge,
    saves,
    stampede,
    start,
    streams,
    table,
    warm_page,
    warming,
)
from tests.bench.table import Line

WORDS_ROUNDS = 20  # in each run of the first words
MEASURES: dict[str, Callable[[], list[Line]]] = {
    "1": warm_page.measure,
    "2": warm_page.measure_unchanged,
    "3": lambda: [
        *table.lines(3, partial(first_word.measure, WORDS_ROUNDS)),
        *table.lines(3, partial(first_word.measure_beside, WORDS_ROUNDS)),
    ],
    "4": stampede.measure,
    "5": streams.measure,
    "6": click.measure,
    "7": warming.measure,
    "8": large_library.measure,
    "9": edits.measure_edits,
    "10": idle.measure,
    "11": start.measure,
    "12": first_view.measure,
    "long-documents": partial(table.lines, 0, edits.measure, 1),
    "lighthouse": lighthouse.measure,
    "pick-up": partial(table.lines, 0, pickup.measure),
    "saves": partial(table.lines, 0, saves.measure),
    "embedded": partial(table.lines, 0, embedded.measure),
}
OF_WORDS = {"rouge": rouge, "grounding": grounding}


def main() -> int:
    """Measure, print the table and keep it. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure Precis against its limits."
    )
    names = [*MEASURES, *OF_WORDS]
    parser.add_argument(
        "--only", choices=names, action="append", help="this row alone; may be given more than once"
    )
    parser.add_argument("--dry", action="store_true", help="leave docs/performance.md as it is")
    given = parser.parse_args()
    wanted, began_at = given.only or names, time.monotonic()
    found = {name: _measured(name) for name in MEASURES if name in wanted}
    lines = [line for some in found.values() for line in some]
    if lines:
        table.show(lines)
    if lines and not given.dry:
        table.keep(lines)
    for name in OF_WORDS.keys() & set(wanted):
        print()
        OF_WORDS[name].main([])
    return _closed(lines, [name for name, some in found.items() if not some], time.monotonic() - began_at)


def _measured(name: str) -> list[Line]:
    """The lines of one measure, none if it broke off: the others are still worth having."""
    print(f"… {name}", file=sys.stderr, flush=True)
    try:
        return MEASURES[name]()
    except (AssertionError, EOFError, OSError):
        traceback.print_exc()
        return []


def _closed(lines: list[Line], broken_off: list[str], seconds: float) -> int:
    """The last line, and the exit code."""
    held = [line for line in lines if line.reach]
    met = [line for line in held if line.met == len(line.runs)]
    is_broken = any(line.is_broken for line in lines)
    said = [f"{len(met)} of {len(held)} met in each run"]
    said += ["A PROMISE OF COUNTS IS BROKEN"] * is_broken
    said += [f"not measured: {', '.join(broken_off)}"] * bool(broken_off)
    load = f"{seconds:.0f} s, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"\nbench: {'; '.join(said)} ({load}).")
    return int(is_broken or bool(broken_off))


if __name__ == "__main__":
    sys.exit(main())
