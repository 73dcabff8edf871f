"""Put each bug back, alone, into a copy of the tree, and see whether the tests that are to catch it do.

python -m tests.mutations            all of them, two at a time
python -m tests.mutations B7 M12     those whose names begin so
python -m tests.mutations --table    the list for docs/reliability.md, without running anything
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from tests.mutations import ALL, Mutation

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("webapp", "tasks", "tests", "templates", "static", "pyproject.toml", "wsgi.py")
TEST_SECONDS = 30  # longer than any of the tests takes
RUN_SECONDS = 300
UNRAISABLE = (
    "ignore::pytest.PytestUnraisableExceptionWarning"  # of an earlier test: garbage is collected late
)
OPTIONS = [
    *("-q", "--tb=short", "-rfE", f"--timeout={TEST_SECONDS}", "-W", UNRAISABLE),
    *("-p", "no:cacheprovider", "-p", "no:hypothesispytest"),  # the plugin, whose import takes a second
]
SOME_FAILED = 1  # pytest's exit status; others say that tests could not even be collected

HEAD = "| Bug | Put back | Turns red |\n|---|---|---|"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutation: "caught", or a sentence that says what is wrong."""

    mutation: Mutation
    verdict: str

    @property
    def line(self) -> str:
        tests = ", ".join(test.rpartition("::")[2] for test in self.mutation.tests)
        return f"{self.mutation.name:<5} {self.verdict:<8} {tests}"


@dataclass(frozen=True, slots=True)
class Run:
    """What pytest said of some tests: its exit status, which were red (without their parameters), and why."""

    status: int
    red: set[str]
    output: str


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutations", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="B07", help="which mutations, by how their names begin")
    parser.add_argument("--table", action="store_true", help="print the list for the documentation")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="how many at a time")
    given = parser.parse_args()
    if given.table:
        say(table())
        return 0
    chosen = [m for m in ALL if not given.names or any(is_named(m, name) for name in given.names)]
    if not chosen:
        parser.error("there is no such mutation")
    return run(chosen, given.jobs)


def is_named(mutation: Mutation, name: str) -> bool:
    """Whether it is B7a that is meant by B7, B07, b7a; B1 does not mean B18a."""
    letter, number = name[:1].upper(), name[1:].lower().lstrip("0")
    own = mutation.name[1:].lstrip("0")
    return mutation.name[0] == letter and number in (own, own.rstrip("abc"))


def table() -> str:
    """The list in Markdown."""
    return "\n".join([HEAD, *(mutation.row for mutation in ALL)])


def run(chosen: list[Mutation], jobs: int) -> int:
    """Try the chosen ones. Returns the exit status: 0 if the tests catch them all, and are green without."""
    with copies(jobs) as trees:
        healthy = run_tests(trees[0], {test for mutation in chosen for test in tests_of(mutation)})
        if healthy.status:
            say(f"{healthy.output}\nThese are red without any mutation.")
            return 1
        free: Queue[Path] = Queue()
        for tree in trees:
            free.put(tree)
        missed = 0
        with ThreadPoolExecutor(jobs) as pool:
            for outcome in pool.map(lambda mutation: tried(mutation, free), chosen):
                say(outcome.line)
                missed += outcome.verdict != "caught"
    say(f"{len(chosen) - missed} of {len(chosen)} caught.")
    return 1 if missed else 0


def tests_of(mutation: Mutation) -> set[str]:
    return {*mutation.tests, mutation.control} - {""}


def tried(mutation: Mutation, free: "Queue[Path]") -> Outcome:
    """Put one bug into a free copy, run its tests there, and mend the copy."""
    tree = free.get()
    try:
        mutation.apply(tree)
        return Outcome(mutation, verdict(mutation, run_tests(tree, tests_of(mutation))))
    finally:
        for path in mutation.paths:
            shutil.copy2(tree.parent / "whole" / path, tree / path)
        free.put(tree)


def verdict(mutation: Mutation, run: Run) -> str:
    green = [test.rpartition("::")[2] for test in mutation.tests if test not in run.red]
    if run.status not in (0, SOME_FAILED):
        return f"BROKEN: pytest ended with {run.status}"
    if mutation.control in run.red:
        return "BROKEN: the good day fails too"
    return "SURVIVED: green are " + ", ".join(green) if green else "caught"


def run_tests(tree: Path, tests: set[str]) -> Run:
    """Run these tests in `tree`, which stands on its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PRECIS_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *sorted(tests)],
        cwd=tree, env=environ, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)  # fmt: skip
    told = re.findall(r"^(?:FAILED|ERROR) (tests/[^\s\[]+)", done.stdout, re.MULTILINE)
    return Run(done.returncode, set(told), done.stdout + done.stderr)


@contextmanager
def copies(number: int) -> Iterator[list[Path]]:
    """Copies of the tree in a temporary folder, and one more, "whole", to mend them from."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        whole = Path(folder) / "whole"
        for name in COPIED:
            copy(ROOT / name, whole / name)
        trees = [Path(folder) / f"tree-{n}" for n in range(number)]
        for tree in trees:
            copy(whole, tree)
        yield trees


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what the command is for


if __name__ == "__main__":
    sys.exit(main())
