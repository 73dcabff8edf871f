"""A figure of one run, and what it may be; and quantiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Row:
    """One figure in its unit. `limit` is what it may be at most, or at least if `at_least`; None: for comparison only.

    A count that is over (`is_count`) is a broken promise.
    """

    name: str
    measured: float
    unit: str = ""
    limit: float | None = None
    at_least: bool = False
    is_count: bool = False


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that this share of them does not exceed: of few values, p99 is the largest."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def p50(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


def p99(values: Sequence[float]) -> float:
    return quantile(values, 0.99)
