"""Two texts side by side: nothing of either is lost, nothing is marked that stayed, and it ends in time."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.reading import differences
from webapp.reading.differences import Comparison, Row, compare
from webapp.reading.matching import matches
from webapp.reading.wording import Budget, Segment, changed

TEXTS = st.lists(
    st.sampled_from(["one two", "one three", "two", "four five six", "four five seven", "", "a b c d"])
)


def kinds(comparison: Comparison) -> list[str]:
    return [row.kind for row in comparison.rows]


def side(rows: tuple[Row, ...], name: str) -> list[str]:
    return ["".join(segment.text for segment in getattr(row, name)) for row in rows if getattr(row, name)]


def marked(segments: tuple[Segment, ...]) -> list[str]:
    return [segment.text for segment in segments if segment.kind != "same"]


def test_the_same_text_has_no_change() -> None:
    comparison = compare("a\n\nb\n\nc\n", "a\n\nb\n\nc\n")
    assert comparison.is_same
    assert comparison.rows == (Row("folded", paragraphs=3),)


def test_a_changed_word_is_marked_on_both_sides() -> None:
    comparison = compare("The cat sat on the mat.", "The dog sat on the mat.")
    (row,) = comparison.rows
    assert (row.kind, comparison.changes, comparison.is_same) == ("changed", 1, False)
    assert row.old == (Segment("same", "The "), Segment("gone", "cat"), Segment("same", " sat on the mat."))
    assert row.new == (Segment("same", "The "), Segment("new", "dog"), Segment("same", " sat on the mat."))


def test_a_paragraph_more_and_one_less_stand_alone() -> None:
    assert kinds(compare("a\n\nb", "a\n\nnew one\n\nb")) == ["same", "added", "same"]
    assert kinds(compare("a\n\nold one\n\nb", "a\n\nb")) == ["same", "removed", "same"]


def test_a_changed_paragraph_is_beside_the_one_that_it_was() -> None:
    old = "a\n\nThe cat sat on the mat.\n\nb"
    new = "a\n\nSomething new before it, and quite long.\n\nThe cat sat on the rug.\n\nb"
    comparison = compare(old, new)
    assert kinds(comparison) == ["same", "added", "changed", "same"]
    assert (marked(comparison.rows[2].old), marked(comparison.rows[2].new)) == (["mat."], ["rug."])


def test_what_is_far_from_a_change_is_folded_and_counted() -> None:
    old = [f"paragraph {number}" for number in range(20)]
    new = [*old[:10], "quite another", *old[11:]]
    comparison = compare("\n\n".join(old), "\n\n".join(new))
    assert [(row.kind, row.paragraphs) for row in comparison.rows] == [
        ("folded", 9), ("same", 1), ("changed", 1), ("same", 1), ("folded", 8),
    ]  # fmt: skip


def test_one_paragraph_alone_is_not_folded() -> None:
    comparison = compare("x\n\nb\n\nc\n\nd\n\ny", "z\n\nb\n\nc\n\nd\n\nw")
    assert kinds(comparison) == ["changed", "same", "same", "same", "changed"]


def test_a_paragraph_that_moved_is_gone_in_one_place_and_new_in_another() -> None:
    assert kinds(compare("a a\n\nb b\n\nc c\n\nd d", "b b\n\nc c\n\nd d\n\na a"))[0] == "removed"
    assert kinds(compare("a a\n\nb b\n\nc c\n\nd d", "b b\n\nc c\n\nd d\n\na a"))[-1] == "added"


def test_paragraphs_with_little_in_common_are_marked_whole() -> None:
    old, new = changed("The cat sat on the mat.", "When in the course of human events.", Budget(10_000))
    assert [segment.kind for segment in old + new] == ["gone", "new"]
    old, new = changed("alpha one two three four five", "alpha six seven eight nine ten", Budget(10_000))
    assert [segment.kind for segment in old + new] == ["gone", "new"]


@pytest.mark.parametrize("steps", [0, 205])
def test_a_paragraph_that_cannot_be_afforded_is_marked_whole(steps: int) -> None:
    old, new = changed("The cat sat.", "The dog sat.", Budget(steps))
    assert (old, new) == ((Segment("gone", "The cat sat."),), (Segment("new", "The dog sat."),))


def test_a_short_word_that_stayed_between_changes_is_part_of_them() -> None:
    old, new = changed(
        "We like red of wine, and we like it much.", "We like ale of beer, and we like it much.", Budget(9999)
    )
    assert (marked(old), marked(new)) == (["red of wine,"], ["ale of beer,"])


def test_a_script_without_spaces_is_marked_by_its_letters() -> None:
    old, new = changed("我今天休息一下。", "我明天休息一下。", Budget(10_000))
    assert (marked(old), marked(new)) == (["今"], ["明"])


def test_line_ends_and_what_cannot_be_seen_are_no_change() -> None:
    assert compare("a\r\n\r\nb  \n", "\ufeffa\n\n\nb").is_same
    assert compare("\ufeffa\u200b", "a").is_same


def test_a_line_of_a_long_list_is_compared_with_that_line() -> None:
    lines = [f"- item number {number} of the list" for number in range(400)]
    comparison = compare("\n".join(lines), "\n".join([*lines[:200], "- another", *lines[200:]]))
    assert kinds(comparison) == ["folded", "same", "added", "same", "folded"]


@given(TEXTS, TEXTS)
def test_nothing_of_either_text_is_lost(olds: list[str], news: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differences, "CONTEXT_PARAGRAPHS", 1000)
        comparison = compare("\n\n".join(olds), "\n\n".join(news))
    if not comparison.is_same:
        assert side(comparison.rows, "old") == [old for old in olds if old]
        assert side(comparison.rows, "new") == [new for new in news if new]
    assert comparison.is_same == ([old for old in olds if old] == [new for new in news if new])


@given(TEXTS, TEXTS, st.integers(0, 200))
def test_with_any_budget_matches_are_equal_and_in_order(olds: list[str], news: list[str], steps: int) -> None:
    found = matches(olds, news, Budget(steps))
    assert all(olds[old] == news[new] for old, new in found)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(found))


@given(TEXTS, st.data())
def test_an_unchanged_paragraph_that_is_there_once_is_found(texts: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(texts)))
    found = matches(
        [*texts[:at], "KEPT", *texts[at:]], ["before", *texts[:at], "KEPT", "after"], Budget(100_000)
    )
    assert any(old == at for old, _ in found)


def test_paragraphs_that_are_there_once_are_matched_where_comparing_all_would_cost_too_much() -> None:
    olds = [f"{number}" for number in range(1000)]
    news = [old if number % 2 else "another" for number, old in enumerate(olds)]
    assert len(matches(olds, news, Budget(3_500))) == 500


def scrambled(seed: int, words: int, paragraphs: int) -> str:
    chance = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(500)]
    return "\n\n".join(" ".join(chance.choices(vocabulary, k=words)) for _ in range(paragraphs))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (scrambled(1, 80, 2_000), scrambled(2, 80, 2_000)),
        (scrambled(1, 200_000, 1), scrambled(2, 200_000, 1)),
        ("a\n\n" * 40_000, "b\n\na\n\n" * 20_000),
        ("a " * 500_000, "a " * 400_000 + "b " * 100_000),
        ("a\n" * 50_000, "b\na\n" * 25_000),
        ("".join(f"{n}\n\n" for n in range(50_000)), "".join(f"{n}\n\n" for n in range(50_000, 0, -1))),
    ],
    ids=["other words", "one paragraph", "repeats", "one word", "lines", "backwards"],
)
def test_long_texts_with_little_in_common_end_in_time(old: str, new: str) -> None:
    """Each takes a second or two; what would compare each paragraph or word with each does not end."""
    comparison = compare(old, new)
    assert not comparison.is_same
    shown = sum(len(segment.text) for row in comparison.rows for segment in row.old + row.new)
    assert shown <= differences.MOST_SHOWN_CHARS


def test_what_is_too_much_to_show_is_counted() -> None:
    old = "\n\n".join(f"old {number} " + "x" * 1000 for number in range(1000))
    comparison = compare(old, old.replace("old", "new"))
    shown = sum(row.kind == "changed" for row in comparison.rows)
    assert comparison.changes == 1000
    assert 0 < shown == comparison.changes - comparison.left_out < 1000
