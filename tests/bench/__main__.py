"""Everything that is promised in figures, measured on real processes, in one table: `python -m tests.bench`.

Times never fail it, since the machine may be busy with something else. A broken promise of counts does, and so does a measure that breaks off.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial

from tests.bench import edits, embedded, first_word, grounding, pages, pickup, rouge, saves, stampede, streams
from tests.bench.rows import Row, show

NAMES = (
    "first-word",
    "pick-up",
    "stampede",
    "pages",
    "saves",
    "streams",
    "embedded",
    "edits",
    "rouge",
    "grounding",
)


def main() -> int:
    """Measure, and print the table. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure Precis against its limits."
    )
    parser.add_argument(
        "--only", choices=NAMES, action="append", help="this alone; may be given more than once"
    )
    parser.add_argument("--stages", action="store_true", help="tell where the time to the first word goes")
    parser.add_argument("--rounds", type=int, default=first_word.ROUNDS, help="of the time to the first word")
    given = parser.parse_args()
    names, began_at = given.only or NAMES, time.monotonic()
    measures: dict[str, Callable[[], list[Row]]] = {
        "first-word": partial(first_word.measure, given.rounds, with_stages=given.stages),
        "pick-up": pickup.measure,
        "stampede": stampede.measure,
        "pages": pages.measure,
        "saves": saves.measure,
        "streams": streams.measure,
        "embedded": embedded.measure,
        "edits": edits.measure,
    }
    found = {name: _measured(name, measures[name]) for name in measures if name in names}
    rows = [row for some in found.values() for row in some]
    if rows:
        show(rows)
    for name, of_words in (("rouge", rouge), ("grounding", grounding)):
        if name in names:
            print()
            of_words.main([])
    return _closed(rows, [name for name, some in found.items() if not some], time.monotonic() - began_at)


def _measured(name: str, measure: Callable[[], list[Row]]) -> list[Row]:
    """The rows of one measure, none if it broke off: the others are still worth having."""
    print(f"… {name}", file=sys.stderr, flush=True)
    try:
        return measure()
    except (AssertionError, EOFError, OSError):
        traceback.print_exc()
        return []


def _closed(rows: list[Row], broken_off: list[str], seconds: float) -> int:
    """The last line, and the exit code."""
    limited = [row for row in rows if row.limit is not None]
    over = [row for row in limited if row.is_over]
    is_broken = any(row.is_count for row in over)
    said = [
        f"{len(over)} of {len(limited)} over their limit"
        if over
        else f"all {len(limited)} within their limits"
    ]
    said += ["A PROMISE OF COUNTS IS BROKEN"] * is_broken
    said += [f"not measured: {', '.join(broken_off)}"] * bool(broken_off)
    load = f"{seconds:.0f} s, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"\nbench: {'; '.join(said)} ({load}).")
    return int(is_broken or bool(broken_off))


if __name__ == "__main__":
    sys.exit(main())
