"""What was measured beside its limit, of several runs: the table that is printed, and kept in docs/performance.md."""

import os
import platform
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from tests.bench.rows import Row
from tests.support.precis import ROOT

RUNS = 3
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- made by make bench -->", "<!-- until here -->"
HEAD = ("#", "What", "Measured", "Limit, same run", "Ratio: least, median, most", "Reach", "")


@dataclass(frozen=True)
class Run:
    """One measurement, and its limit in the same run; None where there is nothing to be held against."""

    measured: float
    limit: float | None = None

    @property
    def ratio(self) -> float:
        return self.measured / self.limit if self.limit else float("inf")


@dataclass(frozen=True)
class Reach:
    """What is to be reached: `value` times the limit; or `by` "more", so much more than it; or "itself", whatever the limit.

    A count that is over (`is_count`) is a broken promise and fails the bench. A time never does: the machine may be busy.
    """

    value: float
    by: Literal["times", "more", "itself"] = "times"
    at_least: bool = False
    is_count: bool = False

    def is_met(self, run: Run) -> bool:
        found = {"times": run.ratio, "more": run.measured - (run.limit or 0.0), "itself": run.measured}[
            self.by
        ]
        return found >= self.value if self.at_least else found <= self.value

    def shown(self, unit: str) -> str:
        said = {
            "times": f"{self.value:g}",
            "more": f"limit + {amount(self.value, unit)}",
            "itself": amount(self.value, unit),
        }
        return f"{'≥' if self.at_least else '≤'} {said[self.by]}"


@dataclass(frozen=True)
class Line:
    """One line of the table. `number` is that of its row; 0 for what is measured besides."""

    number: int
    name: str
    runs: Sequence[Run]
    unit: str = ""
    reach: Reach | None = None

    @property
    def is_broken(self) -> bool:
        """Whether a promise of counts is."""
        return bool(self.reach and self.reach.is_count and self.met < len(self.runs))

    @property
    def met(self) -> int:
        """How many of the runs reached it."""
        return sum(self.reach is None or self.reach.is_met(run) for run in self.runs)

    @property
    def cells(self) -> tuple[str, ...]:
        limits = [run.limit for run in self.runs if run.limit is not None]
        measured = amount(median(run.measured for run in self.runs), self.unit)
        limit = amount(median(limits), self.unit) if limits else "–"
        reach = self.reach.shown(self.unit) if self.reach else ""
        return f"{self.number or '–'}", self.name, measured, limit, self._spread(), reach, self._verdict()

    def _spread(self) -> str:
        """The ratios to the limit; where there is none, to what is to be reached."""
        if self.runs[0].limit is None and not (self.reach and self.reach.value):
            values = [run.measured for run in self.runs]
            return " / ".join(amount(value, "") for value in (min(values), median(values), max(values)))
        base = self.reach.value if self.reach else 0.0
        ratios = [(run if run.limit is not None else Run(run.measured, base)).ratio for run in self.runs]
        return f"{min(ratios):.2f} / {median(ratios):.2f} / {max(ratios):.2f}"

    def _verdict(self) -> str:
        if self.reach is None:
            return ""
        return {len(self.runs): "met", 0: "**missed**"}.get(self.met, f"{self.met} of {len(self.runs)} runs")


def lines(number: int, measure: Callable[[], Sequence[Row]], runs: int = RUNS) -> list[Line]:
    """Measure so often what has its limits in itself."""
    columns = zip(*(measure() for _ in range(runs)), strict=True)
    return [
        Line(number, row.name, [Run(each.measured) for each in (row, *others)], row.unit,
             None if row.limit is None else Reach(row.limit, "itself", row.at_least, row.is_count))
        for row, *others in columns
    ]  # fmt: skip


def amount(value: float, unit: str) -> str:
    """A figure with its unit, as people read it."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def machine() -> str:
    """What it was measured on."""
    model = _first(r"model name\s*: (.*)", Path("/proc/cpuinfo")) or platform.machine()
    memory = int(_first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo")) or 0) / 1024**2
    return (
        f"{model.strip()}, {os.cpu_count()} cores, {memory:.0f} GB of memory, Python {platform.python_version()}, "
        f"Linux {platform.release()}"
    )


def _first(pattern: str, path: Path) -> str:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found.group(1) if found else ""


def show(lines: Iterable[Line]) -> None:
    """Print the table."""
    rows = [HEAD, *(line.cells for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def keep(lines: Sequence[Line], page: Path = PAGE) -> None:
    """Put the lines into the page, in the place of those that it has of the same rows."""
    text = page.read_text()
    head, rest = text.split(BEGIN)
    old, tail = rest.split(END)
    measured = {line.cells[0] for line in lines}
    kept = [
        row for row in re.findall(r"^\| (?:\d+|–) \|.*$", old, re.MULTILINE) if _number(row) not in measured
    ]
    rows = sorted([*kept, *(f"| {' | '.join(line.cells)} |" for line in lines)], key=_order)
    table = "\n".join([f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|", *rows])
    page.write_text(f"{head}{BEGIN}\n\nMeasured on: {machine()}.\n\n{table}\n\n{END}{tail}")


def _number(row: str) -> str:
    return row.removeprefix("| ").partition(" | ")[0]


def _order(row: str) -> int:
    return int(_number(row)) if _number(row).isdecimal() else 99
