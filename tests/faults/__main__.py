"""Run the fault matrix, and write what happened into docs/reliability.md: python -m tests.faults

Without arguments all rows are run; with some, only the tests that pytest finds by them, and nothing is written.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from tests.faults.outcome import REPORT

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"
HEAD = """\
| | Fault | What happened | Recovered after | Calls | Of them wasted |
|---|---|---|---|---|---|
"""


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "outcomes.jsonl"
        tests = arguments or [str(Path(__file__).parent)]
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-m", "fault", *tests],
            cwd=ROOT, env={**os.environ, REPORT: str(report)}, check=False)  # fmt: skip
        lines = report.read_text().splitlines() if report.exists() else []
    table = HEAD + "".join(_rows([json.loads(line) for line in lines]))
    sys.stdout.write(table)
    if run.returncode == 0 and not arguments:
        DOCUMENT.write_text(_replaced(DOCUMENT.read_text(), table))
    return run.returncode


def _rows(outcomes: list[dict[str, Any]]) -> list[str]:
    name = itemgetter("row", "fault")
    return [
        _row(row, fault, list(found)) for (row, fault), found in groupby(sorted(outcomes, key=name), name)
    ]


def _row(row: str, fault: str, outcomes: list[dict[str, Any]]) -> str:
    """One line, for both databases: of several runs the median."""

    def each(key: str, unit: str = "") -> str:
        values: dict[str, list[float]] = {}
        for outcome in sorted(outcomes, key=itemgetter("database"), reverse=True):
            if outcome[key] is not None:
                values.setdefault(outcome["database"], []).append(outcome[key])
        told = {database: f"{statistics.median(found):g}{unit}" for database, found in values.items()}
        return (
            " / ".join(dict.fromkeys(told.values()) if len(set(told.values())) == 1 else told.values()) or "–"
        )

    what = "; ".join(dict.fromkeys(outcome["what"] for outcome in outcomes))
    cells = (row, fault, what, each("seconds", " s"), each("calls"), each("wasted"))
    return "| " + " | ".join(cells) + " |\n"


def _replaced(document: str, table: str) -> str:
    return re.sub(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: BEGIN + table + END, document, flags=re.DOTALL
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
