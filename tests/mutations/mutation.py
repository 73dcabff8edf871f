"""What a mutation is: a few snippets of our code, each with what it becomes."""

from dataclasses import dataclass
from pathlib import Path

LIFE = "tests/models/test_summary_life.py::"
KEYS = "tests/models/test_keys.py::"
AREA = "tests/views/test_summaries.py::"
PAGES = "tests/views/test_documents.py::"
ACCESS = "tests/views/test_access.py::"
HOUSE = "tests/test_architecture.py::"
CLIENT = "tests/summarizing/test_openai_engine.py::"

GOOD_DAY = AREA + "test_without_javascript_a_link_and_a_refresh_lead_on"


class Stale(Exception):
    """The code has changed, so that a mutation no longer says what it meant."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One snippet of a file, which must be there exactly once, and what it becomes."""

    path: str
    old: str
    new: str

    def of(self, text: str, name: str) -> str:
        """The text with the edit made. Raises Stale."""
        found = text.count(self.old)
        if found != 1:
            raise Stale(f"{name}: found {found} times in {self.path}, not once:\n{self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A bug that is put back. `name` is its number in the list of bugs, with a letter for each way to have it.

    All of `tests` must go red; of a parametrised one, some case. `control` must stay green: the bug is one that a
    good day does not show, and not an error of syntax. It is empty where the bug spoils every day.
    """

    name: str
    about: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    control: str = GOOD_DAY

    def apply(self, tree: Path) -> None:
        """Put the bug into the files below `tree`. Raises Stale, with nothing changed."""
        changed: dict[Path, str] = {}
        for edit in self.edits:
            path = tree / edit.path
            changed[path] = edit.of(changed.get(path) or path.read_text(), self.name)
        for path, text in changed.items():
            path.write_text(text)

    @property
    def paths(self) -> set[str]:
        return {edit.path for edit in self.edits}

    @property
    def row(self) -> str:
        """Its line in the table of the documentation."""
        tests = ", ".join(f"`{test.rpartition('::')[2]}`" for test in self.tests)
        return f"| {self.name} | {self.about} | {tests} |"
