"""A long text in parts is the text: nothing is lost between them, and each place keeps its anchor."""

import re
import string
from itertools import pairwise

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.reading import planning
from webapp.reading.parsing import DEEPEST_BLOCK, MOST_PARTS_OF_BLOCKS
from webapp.reading.places import LONGEST_PIECE_CHARS
from webapp.reading.planning import PART_CHARS, Plan, plan
from webapp.reading.rendering import page, part

PARAGRAPH = (
    "All work and no play makes Jack a dull boy, and so on for as long as it takes to be a paragraph.\n\n"
)
BLOCKS = [
    "# One\n", "Two\n", "two, too\n", "- three\n", "  - four\n", "\n", "\n", "1. five\n", "> six\n", ">\n",
    "> - seven\n", "|a|b|\n|-|-|\n", "|c|d|\n", "```\n", "    code\n", "[x]: /y\n", "[x]\n", "===\n", "---\n",
    "\r\n", "\u200bhidden\n",
]  # fmt: skip


def whole(text: str, format: str = "markdown") -> tuple[Plan, list[str]]:
    planned = plan(text, format)
    return planned, [part(text, planned, number) for number in range(len(planned.parts))]


def words(markup: str) -> list[str]:
    return str(lxml.html.fragment_fromstring(markup, create_parent="main").text_content()).split()


def anchors(markup: str) -> list[str]:
    return re.findall(r' id="([^"]+)"', markup)


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "PART_CHARS", 12)


@given(
    st.lists(st.sampled_from(BLOCKS), max_size=30), st.integers(1, 60), st.sampled_from(["markdown", "plain"])
)
def test_the_parts_hold_each_block_once_and_in_order(lines: list[str], size: int, format: str) -> None:
    text = "".join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "PART_CHARS", size)
        planned, parts = whole(text, format)
    assert [anchor for html in parts for anchor in anchors(html)] == [
        block.anchor for block in planned.blocks
    ]
    assert [first.end for first in planned.parts[:-1]] == [second.start for second in planned.parts[1:]]
    assert (planned.parts[0].start, planned.parts[-1].end) == (0, len(text))


@given(st.lists(st.sampled_from(BLOCKS), max_size=30), st.integers(80, 200))
def test_a_part_reads_as_it_does_in_the_whole(lines: list[str], size: int) -> None:
    """Where no block is longer than a part, and all of Markdown's own rules are kept."""
    text = "".join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "PART_CHARS", 1_000_000)
        (expected,) = whole(text)[1]
        patch.setattr(planning, "PART_CHARS", size)
        planned, parts = whole(text)
    if all(piece.end - piece.start <= size for piece in planned.parts):
        assert "".join(parts) == expected


@pytest.mark.usefixtures("in_small_parts")
def test_a_long_list_goes_on_counting_in_the_next_part() -> None:
    _, parts = whole("1. one\n2. two\n3. three\n4. four\n")
    assert [words(html) for html in parts] == [["one"], ["two"], ["three"], ["four"]]
    assert [re.findall(r'start="(\d+)"', html) for html in parts] == [[], ["2"], ["3"], ["4"]]


@pytest.mark.usefixtures("in_small_parts")
def test_a_long_table_has_its_head_in_each_part_and_its_anchor_once() -> None:
    planned, parts = whole("|a|b|\n|-|-|\n|c|d|\n|e|f|\n|g|h|\n\nend\n")
    assert [words(html) for html in parts] == [
        ["a", "b"], ["a", "b", "c", "d", "e", "f"], ["a", "b", "g", "h", "end"],
    ]  # fmt: skip
    assert anchors("".join(parts)) == [block.anchor for block in planned.blocks]


def test_the_parts_of_a_long_text_are_of_bearable_size() -> None:
    text = "".join(f"# Part {number}\n\n{PARAGRAPH * 60}" for number in range(120))
    planned, parts = whole(text)
    assert len(planned.parts) == len(parts) > 6
    assert max(len(html) for html in parts) < 2 * PART_CHARS
    assert all(text[piece.start : piece.start + 7] == "# Part " for piece in planned.parts)


def test_a_short_text_is_one_part() -> None:
    assert len(plan(PARAGRAPH * 100, "markdown").parts) == len(plan(PARAGRAPH * 100, "plain").parts) == 1


def test_a_place_is_in_the_part_that_shows_it() -> None:
    text = PARAGRAPH * 3000
    planned, parts = whole(text)
    for block in planned.blocks[::100]:
        assert f' id="{block.anchor}"' in parts[planned.part_at(block.start)]
    assert (planned.part_at(0), planned.part_at(len(text))) == (0, len(parts) - 1)


def test_a_link_finds_its_definition_in_another_part() -> None:
    _, parts = whole("[a]\n\n" + PARAGRAPH * 3000 + "[a]: https://b.example/c\n")
    assert 'href="https://b.example/c"' in parts[0] and len(parts) > 1


def test_the_same_heading_has_another_anchor_in_each_part() -> None:
    text = "# Notes\n\n" + PARAGRAPH * 1200 + "# Notes\n"
    _, parts = whole(text)
    assert [[a for a in anchors(html) if a[0] == "s"] for html in parts] == [["s-notes"], ["s-notes-2"]]
    assert plan(text, "markdown").parts_of_headings() == {"s-notes": 0, "s-notes-2": 1}


@pytest.mark.parametrize("line_end", ["\n", " ", ""])
def test_a_paragraph_that_does_not_end_is_shown_in_pieces(line_end: str) -> None:
    text = (string.ascii_letters + line_end) * 10_000
    for stored in ("markdown", "plain"):
        planned, parts = whole(text, stored)
        assert planned.format == "plain" and len(parts) > 1
        assert all(block.end - block.start <= LONGEST_PIECE_CHARS for block in planned.blocks)
        assert all(first.end <= second.start <= first.end + 1 for first, second in pairwise(planned.blocks))
        assert words("".join(parts)) == text.split() or not line_end
        assert "".join(words("".join(parts))) == "".join(text.split())
        assert "".join(parts).count("prose__more") >= len(planned.blocks) - len(parts)


@pytest.mark.parametrize("nested", ["> ", ">", "- ", "1. "])
def test_what_nests_too_deep_is_shown_as_it_was_typed(nested: str) -> None:
    text = f"# One\n\n{nested * DEEPEST_BLOCK}two\n"
    planned, parts = whole(text)
    assert planned.format == "plain"
    assert words("".join(parts)) == text.split()


def test_quotes_within_quotes_of_a_long_exchange_are_still_quotes() -> None:
    text = "".join(f"{'>' * depth} said {depth}\n\n" for depth in range(1, 30))
    planned, parts = whole(text)
    assert planned.format == "markdown" and parts[0].count("said") == 29


HOSTILE = [
    "[", "![", "[![", "*a ", "a*", "**a", "_a", "`", "`a``", "[a](", "[]", "~~a", "<a", "&a;", "\\", "]", "<http://",
    ">", "> ", ">\n", "> a\n", "- ", "- a\n", "-\n", "1. a\n\n", "[a]: b\n", "[a\n", "# a\n", "```\n", "a\n=\n",
    "|a|b|\n|-|-|\n", "|-|\n", "a|b\n", "\t- a\n", "- - - - a\n", "\n", "a\n", "* * * a\n", "\r", "\u200b", "[a]: \n",
]  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("mark", HOSTILE)
def test_a_text_of_nothing_but_marks_is_soon_a_page(mark: str) -> None:
    """Each takes half a second or less. What would double with each mark, or recurse, does not end in time."""
    text = (mark * 8_000)[:8_000]
    assert len(page(text, "markdown").html) < 100 * len(text)


def test_more_lines_than_a_page_can_have_are_shown_as_they_were_typed() -> None:
    text = "- a\n" * (MOST_PARTS_OF_BLOCKS + 1)
    assert plan(text, "markdown").format == "plain"
    assert plan("- a\n" * 100, "markdown").format == "markdown"
