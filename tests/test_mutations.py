"""The list of mutations fits the code, the tests and the documentation, so that `python -m tests.mutations` means what it says."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.mutations import ALL, USUAL, Edit, Mutation, Stale
from tests.mutations.__main__ import is_named, table

ROOT = Path(__file__).resolve().parent.parent
BUGS = [f"B{number}" for number in range(1, 19)]


def test_each_of_the_eighteen_bugs_is_put_back_in_two_ways_at_least() -> None:
    ways = Counter(mutation.name.rstrip("abc") for mutation in USUAL)
    assert list(ways) == BUGS
    assert min(ways.values()) >= 2
    assert len({mutation.name for mutation in ALL}) == len(ALL)


@pytest.mark.parametrize("mutation", ALL, ids=lambda mutation: mutation.name)
def test_every_snippet_is_there_once_and_becomes_other_code(mutation: Mutation) -> None:
    texts = {path: (ROOT / path).read_text() for path in mutation.paths}
    changed = dict(texts)
    for edit in mutation.edits:
        changed[edit.path] = edit.of(changed[edit.path], mutation.name)
    for path, text in changed.items():
        assert text != texts[path]
        compile(text, path, "exec")


@pytest.mark.parametrize("mutation", ALL, ids=lambda mutation: mutation.name)
def test_every_test_that_is_to_catch_it_is_there(mutation: Mutation) -> None:
    assert mutation.tests
    for test in (*mutation.tests, mutation.control):
        path, _, name = test.partition("::")
        assert not path or re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), test


@pytest.mark.parametrize("text", ["nothing of it", "a = 1\na = 1\n"])
def test_snippet_that_is_not_found_once_is_refused(text: str) -> None:
    with pytest.raises(Stale, match="X1"):
        Edit("a.py", "a = 1\n", "a = 2\n").of(text, "X1")


def test_names_on_the_command_line_mean_one_bug() -> None:
    named = {name: {m.name for m in ALL if is_named(m, name)} for name in ("B01", "b1", "B1a", "M1", "M10")}
    assert named == {"B01": {"B1a", "B1b", "B1c"}, "b1": {"B1a", "B1b", "B1c"}, "B1a": {"B1a"}, "M1": {"M01"},
                     "M10": {"M10"}}  # fmt: skip


def test_documentation_has_the_list_as_it_is() -> None:
    """If not: `python -m tests.mutations --table`."""
    section = (
        (ROOT / "docs" / "reliability.md").read_text().partition("\n## Which test catches which bug\n")[2]
    )
    assert table() in section.partition("\n## ")[0]
