"""The checker of histories finds each lie that it is there to find, and none in what may be."""

from pathlib import Path

import pytest

from tests.faults.history import (
    COMPLETE,
    DELETE,
    EDIT,
    FAILED,
    GONE,
    LAST_READ,
    OK,
    OPEN,
    READ,
    SAVE,
    UNKNOWN,
    History,
    Operation,
    broken,
)


def wrote(kind: str, began: float, mark: str = "", *, outcome: str = OK, ended: float = 0.0) -> Operation:
    return Operation(kind, "Alice", "A", began, ended or began + 1, outcome, mark)


def saw(
    began: float,
    mark: str = "",
    status: str = COMPLETE,
    *,
    summary: str = "",
    is_whole: bool = True,
    kind: str = READ,
) -> Operation:
    return Operation(kind, "Bob", "A", began, began + 1, OK, mark, status, summary or mark, is_whole)


def lies(*operations: Operation) -> list[str]:
    """What is wrong, after a last read that is right in every story."""
    return broken(History(operations=list(operations)), most_calls=4)


SAVED = wrote(SAVE, 0, "one")
EDITED = wrote(EDIT, 10, "two")
LOST = wrote(EDIT, 10, "two", outcome=UNKNOWN)
REFUSED = wrote(EDIT, 10, "two", outcome=FAILED)
DELETED = wrote(DELETE, 30)
END_ONE, END_TWO = saw(50, "one", kind=LAST_READ), saw(50, "two", kind=LAST_READ)
END_GONE = saw(50, status=GONE, kind=LAST_READ)


@pytest.mark.parametrize(
    "story",
    [
        (SAVED, saw(5, "one"), END_ONE),
        (SAVED, saw(5, "one", "pending"), EDITED, saw(20, "two"), END_TWO),
        (SAVED, EDITED, saw(9.5, "one"), END_TWO),
        (SAVED, EDITED, saw(10.5, "one"), saw(10.5, "two"), END_TWO),
        (SAVED, LOST, saw(20, "one"), saw(30, "two"), END_TWO),
        (SAVED, LOST, saw(20, "one"), END_ONE),
        (SAVED, LOST, wrote(EDIT, 12, "three"), saw(20, "two"), saw(50, "three", kind=LAST_READ)),
        (SAVED, REFUSED, saw(20, "one"), END_ONE),
        (SAVED, DELETED, saw(30.5, "one"), saw(30.5, status=GONE), END_GONE),
        (wrote(SAVE, 0, "one", outcome=UNKNOWN), saw(5, status=GONE)),
    ],
)
def test_what_may_be_is_no_lie(story: tuple[Operation, ...]) -> None:
    assert lies(*story) == []


@pytest.mark.parametrize(
    ("story", "lie"),
    [
        ((SAVED, EDITED, saw(20, "one"), END_TWO), "another text"),
        ((SAVED, saw(5, "two"), EDITED, END_TWO), "another text"),
        ((SAVED, REFUSED, saw(20, "two"), END_ONE), "another text"),
        ((SAVED, EDITED, saw(20, "two", summary="one"), END_TWO), "shown as current"),
        ((SAVED, EDITED, saw(20, summary="one"), END_TWO), "shown as current"),
        ((SAVED, saw(5, "one", is_whole=False), END_ONE), "A part of a summary"),
        ((SAVED, saw(5, status=GONE), END_ONE), "nobody has deleted it"),
        ((SAVED, DELETED, saw(40, "one"), END_GONE), "after it was deleted"),
        ((SAVED, saw(5, status=OPEN), END_ONE), "not signed in"),
        ((SAVED, saw(50, "one", "processing", kind=LAST_READ)), "no summary at the end"),
        ((SAVED,), "read 0 times at the end"),
    ],
)
def test_each_lie_is_found(story: tuple[Operation, ...], lie: str) -> None:
    (sentence,) = lies(*story)
    assert lie in sentence


def test_a_text_that_costs_too_much_is_found() -> None:
    history = History(calls={"one": 4, "two": 5})
    assert broken(history, most_calls=4) == ["The text two cost 5 calls, and 4 is the most."]


def test_a_history_can_be_read_again(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    for operation in (SAVED, LOST, END_ONE):
        history.add(operation)
    assert History.read(tmp_path / "history.jsonl").operations == history.operations
