"""What `make bench` says of its measures, and what it keeps of them in the documentation."""

from pathlib import Path

from tests.bench.rows import Row
from tests.bench.table import BEGIN, END, Line, Reach, Run, keep, lines

RATES = [Run(50.0, 100.0), Run(70.0, 100.0), Run(80.0, 100.0)]


def test_a_ratio_is_told_with_its_least_median_and_most() -> None:
    line = Line(1, "Page", RATES, "a second", Reach(0.6, at_least=True))
    assert line.cells == (
        "1",
        "Page",
        "70 a second",
        "100 a second",
        "0.50 / 0.70 / 0.80",
        "≥ 0.6",
        "2 of 3 runs",
    )


def test_what_may_be_more_than_the_limit_is_met_within_that() -> None:
    runs = [Run(504.0, 500.0), Run(505.0, 500.0)]
    assert Line(3, "Words", runs, "ms", Reach(5.0, "more")).cells[-2:] == ("≤ limit + 5 ms", "met")
    assert Line(3, "Words", [*runs, Run(505.1, 500.0)], "ms", Reach(5.0, "more")).met == 2


def test_what_has_no_limit_is_held_against_what_is_to_be_reached() -> None:
    line = Line(11, "Start", [Run(4.5), Run(6.0)], "s", Reach(3.0, "itself"))
    assert line.cells[3:5] == ("–", "1.50 / 1.75 / 2.00")
    assert line.cells[-1] == "**missed**"


def test_a_count_that_is_over_is_a_broken_promise_and_a_time_is_none() -> None:
    assert Line(4, "Calls", [Run(1, 1), Run(2, 1)], reach=Reach(1, is_count=True)).is_broken
    assert not Line(4, "Time", [Run(9, 1)], reach=Reach(1)).is_broken


def test_figures_with_a_limit_of_their_own_are_measured_three_times() -> None:
    found = iter([[Row("Saves", value, "ms", 20.0)] for value in (10.0, 20.0, 30.0)])
    (line,) = lines(0, lambda: next(found))
    assert [run.measured for run in line.runs] == [10.0, 20.0, 30.0]
    assert line.met == 2


def test_rows_that_were_not_measured_stay_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"Before\n{BEGIN}\n{END}\nAfter\n")
    keep([Line(12, "Bytes", [Run(40.0)], "kB"), Line(2, "Old", RATES)], page)
    keep([Line(2, "New", RATES), Line(0, "Saves", [Run(1.0)])], page)
    rows = [row.split(" | ")[1] for row in page.read_text().splitlines() if row.startswith("| ")]
    assert rows == ["What", "New", "Bytes", "Saves"]
    assert page.read_text().startswith("Before\n") and page.read_text().endswith("\nAfter\n")
