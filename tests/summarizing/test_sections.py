"""The parts of a text: its headings, whether marked or not, else its quarters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.summarizing.sections import MOST_SECTIONS, QUARTERS, headings, plain_headings, sections

PROSE = "The bees fly home at night, and the keeper counts them."


def titles(text: str) -> list[tuple[str, int]]:
    return [(heading.words.of(text), heading.level) for heading in headings(text)]


def parts(text: str) -> list[str]:
    return [section.title for section in sections(text, headings(text) or plain_headings(text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# One\n\n## Two ##\n\n###### Six", [("One", 1), ("Two", 2), ("Six", 6)]),
        ("One\n===\n\nTwo\n---\n", [("One", 1), ("Two", 2)]),
        ("About C#\n\n# C#\n# F# #", [("C#", 1), ("F#", 1)]),
        ("#hashtag\n\n#\n\n####### seven", []),
        ("```\n# comment\n```\n\n# Real", [("Real", 1)]),
        ("~~~\n# comment", []),
        (f"{PROSE}\n---\n\n- item\n---\n", []),
        ("| a | b |\n|---|---|\n", []),
    ],
)
def test_marked_headings_are_found_with_their_level(text: str, found: list[tuple[str, int]]) -> None:
    assert titles(text) == found


PLAIN = f"Introduction\n\n{PROSE}\n\nHow it was done\n\n{PROSE}\n\n2.1 What came of it\n\n{PROSE}"


def test_lines_alone_above_prose_are_headings_of_a_plain_text() -> None:
    found = [(heading.words.of(PLAIN), heading.level) for heading in plain_headings(PLAIN)]
    assert found == [("Introduction", 1), ("How it was done", 1), ("2.1 What came of it", 2)]


@pytest.mark.parametrize(
    "line",
    ["It ends with a stop.", "so it went on", "- A list line", "| A | table |", "Bob: Yes", "12:30 Lunch", "“No—", "> Quoted",
     "A line that is far too long to be what anybody would call the heading of a part", "https://example.org", "1984", "# One"],
)  # fmt: skip
def test_other_lines_alone_are_no_headings(line: str) -> None:
    assert plain_headings(f"{line}\n\n{PROSE}") == []


def test_poems_lists_and_listings_have_no_headings() -> None:
    assert plain_headings("\n\n".join(["Milk", "Bread", "Honey"] * 5)) == []
    assert plain_headings(f"```\nTitle\n\n{PROSE}\n```") == []


def test_parts_are_named_by_their_headings() -> None:
    assert parts(f"{PROSE}\n\n# **One**\n\n{PROSE}\n\n# Two\n\n{PROSE}") == ["", "One", "Two"]
    assert parts(PLAIN) == ["", "Introduction", "How it was done", "2.1 What came of it"]


def test_title_of_the_whole_document_names_no_part() -> None:
    assert parts(f"# Bees\n\n{PROSE}\n\n## One\n\n{PROSE}\n\n## Two\n\n{PROSE}") == ["", "", "One", "Two"]
    assert parts(f"## Abstract\n\n{PROSE}\n\n# One\n\n{PROSE}") == ["", "Abstract", "One"]


def test_low_headings_divide_only_where_they_are_few() -> None:
    few = "".join(f"# Chapter {i}\n\n## Scene {i}\n\n{PROSE}\n\n" for i in range(4))
    assert len(parts(few)) == 1 + 8
    many = "".join(f"# Chapter {i}\n\n## Scene {i}\n\n{PROSE}\n\n" for i in range(5))
    assert parts(many) == ["", *[f"Chapter {i}" for i in range(5)]]


def test_all_chapters_divide_where_nothing_stands_above_them() -> None:
    book = "".join(f"# Chapter {i}\n\n{PROSE}\n\n" for i in range(30))
    assert len(parts(book)) == 31 > MOST_SECTIONS


@pytest.mark.parametrize("text", ["", PROSE, f"# One\n\n{PROSE}", PROSE * 40])
def test_text_with_fewer_than_two_headings_has_four_quarters(text: str) -> None:
    found = sections(text, headings(text))
    assert [section.title for section in found] == [""] * QUARTERS
    assert [section.start for section in found] == [len(text) * quarter // 4 for quarter in range(4)]


LINES = st.lists(
    st.sampled_from(
        ["# One", "## Two", "Three\n===", "```", "Title", PROSE, "", "- item", "| a |", "~~~", "#", "1. x"]
    ),
    max_size=30,
).map("\n".join)


@given(LINES)
def test_parts_begin_in_reading_order_within_the_text(text: str) -> None:
    starts = [section.start for section in sections(text, headings(text) or plain_headings(text))]
    assert starts[0] == 0
    assert starts == sorted(starts)
    assert starts[-1] <= len(text)


@given(LINES)
def test_headings_are_disjoint_lines_that_hold_their_words(text: str) -> None:
    for found in (headings(text), plain_headings(text)):
        ends = [0, *[heading.line.end for heading in found]]
        for heading, end in zip(found, ends, strict=False):
            assert end <= heading.line.start <= heading.words.start < heading.words.end <= heading.line.end
