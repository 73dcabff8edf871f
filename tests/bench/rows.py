"""A figure against its limit, and the one table that they all end up in."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

HEAD = ("", "measured", "limit", "ratio", "")


@dataclass(frozen=True)
class Row:
    """One figure in its unit. `limit` is what it may be at most, or at least if `at_least`; None: for comparison only.

    A ratio above 1 is over the limit. A count that is over (`is_count`) is a broken promise and fails the run; a time
    never does, for the machine may be busy with something else.
    """

    name: str
    measured: float
    unit: str = ""
    limit: float | None = None
    at_least: bool = False
    is_count: bool = False

    @property
    def ratio(self) -> float | None:
        if self.limit is None:
            return None
        over, under = (self.limit, self.measured) if self.at_least else (self.measured, self.limit)
        return over / under if under else float("inf")

    @property
    def is_over(self) -> bool:
        """A count must be met exactly, anything else within its limit."""
        if self.is_count:
            return self.measured != self.limit
        return self.ratio is not None and self.ratio > 1

    @property
    def cells(self) -> tuple[str, ...]:
        if self.limit is None or self.ratio is None:
            return self.name, self._shown(self.measured), "", "", ""
        sign = "=" if self.is_count else "≥" if self.at_least else "≤"
        verdict = "over" if self.is_over else "ok"
        limit = f"{sign} {self._shown(self.limit)}"
        return self.name, self._shown(self.measured), limit, f"{self.ratio:.2f}", verdict

    def _shown(self, value: float) -> str:
        digits = 0 if abs(value) >= 100 or self.is_count else 1
        return f"{value:,.{digits}f} {self.unit}".strip()


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that this share of them does not exceed: of few values, p99 is the largest."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def p50(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


def p99(values: Sequence[float]) -> float:
    return quantile(values, 0.99)


def show(rows: Sequence[Row]) -> None:
    """Print the table: the names to the left, the figures to the right."""
    lines = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    for name, *cells in lines:
        figures = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        print(f"{name:{widths[0]}}  {figures}".rstrip())
