"""Headings have anchors that can be read and a table of contents that never jumps."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.reading.outline import MOST_ENTRIES, Anchors, Entry, Heading, contents
from webapp.reading.rendering import page


def headings(*levels: int) -> list[Heading]:
    return [Heading(level, f"{number}", f"s-{number}") for number, level in enumerate(levels)]


def told(entries: tuple[Entry, ...]) -> list[object]:
    return [
        part
        for entry in entries
        for part in ((entry.text, told(entry.entries)) if entry.entries else (entry.text,))
    ]


def flat(entries: tuple[Entry, ...]) -> list[str]:
    return [anchor for entry in entries for anchor in (entry.anchor, *flat(entry.entries))]


def test_headings_are_nested_below_those_before_them() -> None:
    assert told(contents(headings(2, 3, 3, 4, 2, 3))) == ["0", ["1", "2", ["3"]], "4", ["5"]]


def test_a_text_that_jumps_over_levels_has_a_contents_that_does_not() -> None:
    assert told(contents(headings(2, 5, 6, 5, 2))) == ["0", ["1", ["2"], "3"], "4"]


def test_a_text_that_begins_deep_loses_no_heading() -> None:
    assert told(contents(headings(4, 3, 2, 3))) == ["0", "1", "2", ["3"]]


def test_two_headings_need_no_contents() -> None:
    assert contents(headings(2, 2)) == ()
    assert len(contents(headings(2, 2, 2))) == 3


@given(st.lists(st.integers(2, 6), min_size=3, max_size=40))
def test_each_heading_is_in_the_contents_once_and_in_order(levels: list[int]) -> None:
    assert flat(contents(headings(*levels))) == [heading.anchor for heading in headings(*levels)]


def test_a_text_of_very_many_headings_has_those_of_its_upper_levels() -> None:
    entries = contents(headings(*([2] + [3] * 10) * (MOST_ENTRIES // 4)))
    assert len(flat(entries)) == MOST_ENTRIES // 4
    assert len(contents(headings(*[2] * 1000))) == 1000  # there is nothing to tell them apart by


def test_an_anchor_is_made_of_the_words_of_its_heading() -> None:
    outline = page(
        "# The *first* `x`, of [two](https://a.example)!\n\nÉtude №1 – ½\n===\n\n## 日本 語 हिन्दी", "markdown"
    ).outline
    assert outline == (
        Heading(2, "The first x, of two!", "s-the-first-x-of-two"),
        Heading(2, "Étude №1 – ½", "s-étude-no1-1-2"),
        Heading(3, "日本 語 हिन्दी", "s-日本-語-हिन्दी"),
    )


def test_a_heading_without_letters_has_an_anchor_too() -> None:
    assert [heading.anchor for heading in page("# !\n# \n# ?", "markdown").outline] == [
        "s-section", "s-section-2", "s-section-3",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(["a", "A!", "a 2", "a-2", "a 2 2", "", "section", "2"]), max_size=30))
def test_no_two_headings_share_an_anchor(texts: list[str]) -> None:
    anchors = Anchors()
    given_out = [anchors.of(text) for text in texts]
    assert len(set(given_out)) == len(texts)


def test_the_same_heading_a_hundred_thousand_times_is_soon_told_apart() -> None:
    anchors = Anchors()
    assert [anchors.of("Notes") for _ in range(100_000)][-1] == "s-notes-100000"
