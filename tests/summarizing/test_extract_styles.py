"""The embedded engine's styles: how many sentences, from where, and how they read."""

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.summarizing.test_extract import BEES, OPENING, TALE, TEXTS, written
from webapp.summarizing import rendering
from webapp.summarizing.engine import Ask, Finished, Style, Words
from webapp.summarizing.extract import ExtractEngine, key_sentences, rank, selected
from webapp.summarizing.marks import escaped, plain
from webapp.summarizing.sentences import sentences


def groups(text: str, style: Style) -> list[tuple[str, list[str]]]:
    """What is selected: titles, and sentences as they read."""
    return [(group.title, [plain(text, span) for span in group.spans]) for group in selected(text, style)]


def sentence_count(text: str, style: Style) -> int:
    return sum(len(spans) for _, spans in groups(text, style))


def word_count(text: str, style: Style) -> int:
    return sum(len(sentence.split()) for _, spans in groups(text, style) for sentence in spans)


CHAPTERS = {
    "Bees": "The bees of hive {i} brought home {i} pounds of honey in the year of the drought.",
    "*Ships*": "Ship number {i} left the old harbour with {i} sailors on board and a load of grain.",
    "Clouds & rain": "On day {i} the clouds over the northern hills brought {i} litres of rain to the valley.",
    "Roads": "The road to village {i} was paved with stone that {i} carts had carried from the quarry.",
}
BOOK = "# A chronicle\n\nThis chronicle tells what happened in the year of the drought.\n\n" + "\n\n".join(
    f"## {title}\n\n" + " ".join(sentence.format(i=i) for i in range(10, 40))
    for title, sentence in CHAPTERS.items()
)


def test_usual_style_is_key_points() -> None:
    assert [Words(written(BEES)), Finished(model="extract")] == list(ExtractEngine().write(BEES, title=""))
    assert [group.spans for group in selected(BEES)] == [key_sentences(BEES)]


def test_neither_language_nor_wish_changes_a_word() -> None:
    ask = Ask(language="French", instruction="Only about Bonn.", task="Write a limerick about the text.")
    assert next(ExtractEngine().write(BEES, title="", ask=ask)) == Words(written(BEES))


def test_brief_is_the_first_three_that_rank_or_fewer_long_ones() -> None:
    assert written(BEES, Style.BRIEF).split("\n") == [span.of(BEES) for span in sorted(rank(BEES, 3))]
    long = " ".join(f"The {' '.join(f'{i}x{j}' for j in range(70))} stones." for i in "abcdef")
    assert len(rank(long, 6)) == 6
    assert sentence_count(long, Style.BRIEF) == 1


@pytest.mark.parametrize(("sentences_in_text", "longest"), [(1, 1), (2, 1), (4, 2), (40, 3), (400, 3)])
def test_brief_is_never_more_than_half_of_a_text(sentences_in_text: int, longest: int) -> None:
    text = " ".join(
        f"Town {i} has {i * 7} houses and river {i * 13} behind it." for i in range(sentences_in_text)
    )
    assert sentence_count(text, Style.BRIEF) == longest


def test_details_stand_under_the_headings_of_the_document() -> None:
    found = groups(BOOK, Style.DETAILED)
    assert [title for title, _ in found] == ["", "Bees", "Ships", "Clouds & rain", "Roads"]
    assert all(
        word in spans[0]
        for (_, spans), word in zip(found[1:], ["bees", "Ship", "clouds", "road"], strict=True)
    )


def test_details_are_markdown_that_shows_headings_and_sentences_as_they_read() -> None:
    page = lxml.html.fragment_fromstring(
        rendering.summary_html(written(BOOK, Style.DETAILED), "markdown"), create_parent="main"
    )
    found = groups(BOOK, Style.DETAILED)
    assert [heading.text_content() for heading in page.cssselect("h3, h4")] == [
        title for title, _ in found if title
    ]
    assert [[item.text_content() for item in each.cssselect("li")] for each in page.cssselect("ul")] == [
        spans for _, spans in found
    ]


def test_letters_that_markdown_takes_for_marks_show_in_details_as_typed() -> None:
    text = "Honey for 5 * 3 jars * or <b>more</b> \\\\* is_ [not] at hand."
    page = lxml.html.fragment_fromstring(
        rendering.summary_html(written(text, Style.DETAILED), "markdown"), create_parent="main"
    )
    (item,) = page.cssselect("li")
    assert item.text_content() == "Honey for 5 * 3 jars * or <b>more</b> \\* is_ [not] at hand."


def test_details_of_a_text_without_headings_come_from_each_quarter() -> None:
    text = "\n\n".join(sentence.format(i=i) for sentence in CHAPTERS.values() for i in range(10, 40))
    (group,) = selected(text, Style.DETAILED)
    assert group.title == ""
    assert {4 * span.start // len(text) for span in group.spans} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("count", "fewest", "most"),
    [(10, 30, 75), (30, 120, 150), (110, 132, 198), (200, 240, 360), (900, 340, 400)],
)
def test_details_are_a_tenth_of_the_words_within_bounds(count: int, fewest: int, most: int) -> None:
    topics = ["bees", "ships", "clouds", "roads", "songs", "stones", "hills"]
    text = " ".join(
        f"The {topics[i % 7]} of year {i} were counted by {topics[i * 5 % 6]} experts in the {topics[i * 3 % 5]} town {i}."
        for i in range(count)
    )
    assert fewest <= word_count(text, Style.DETAILED) <= most


def test_details_do_not_say_the_same_twice() -> None:
    text = "\n\n".join(
        f"# Part {i}\n\n{OPENING} {OPENING} A swan named Number{i} nests there." for i in range(6)
    )
    assert [span for _, spans in groups(text, Style.DETAILED) for span in spans].count(OPENING) == 1


def test_plain_headings_are_named_and_not_selected() -> None:
    text = "\n\n".join(
        f"{title.strip('*')}\n\n" + " ".join(sentence.format(i=i) for i in range(10, 40))
        for title, sentence in CHAPTERS.items()
    )
    found = groups(text, Style.DETAILED)
    assert [title for title, _ in found] == ["Bees", "Ships", "Clouds & rain", "Roads"]
    assert not {title for title, _ in found} & {span for _, spans in found for span in spans}


MARKED = """\
The **honey** of *city* bees is [better than that](https://example.org/a) of bees in the fields of `rape` around them.
The value 5 * 3 of honey in snake_case jars <b>was</b> better for bees & keepers in the city, see [the study](https://e.org/b).

![The honey of city bees is better than that of bees in fields](chart.png)
"""


def test_marks_of_a_document_do_not_show_and_its_own_letters_do() -> None:
    assert [plain(MARKED, span) for span in sorted(rank(MARKED, 100))] == [
        "The honey of city bees is better than that of bees in the fields of rape around them.",
        "The value 5 * 3 of honey in snake_case jars <b>was</b> better for bees & keepers in the city, see the study.",
    ]


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("text", [BEES, MARKED, BOOK, TALE % OPENING])
def test_every_line_is_told_by_a_slice_of_the_text(text: str, style: Style) -> None:
    """What a page links a selected sentence by."""
    spans = [span for group in selected(text, style) for span in group.spans]
    assert spans == sorted(spans)
    lines = [line for line in written(text, style).split("\n") if line and not line.startswith("### ")]
    shown = [plain(text, span) for span in spans]
    assert lines == ([f"- {escaped(line)}" for line in shown] if style is Style.DETAILED else shown)
    assert all(span in sentences(text) for span in spans)


@given(TEXTS, st.sampled_from(Style))
def test_whatever_the_style_a_summary_is_of_sentences_and_shorter_than_the_text(
    text: str, style: Style
) -> None:
    spans = [span for group in selected(text, style) for span in group.spans]
    assert spans == sorted(set(spans))
    assert set(spans) <= set(sentences(text))
    assert bool(spans) == bool(key_sentences(text))
    assert len(spans) <= max(1, len(sentences(text)) // 2)


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    "piece",
    [
        "# a\n",
        "Title\n---\n",
        "Title\n\nProse.\n\n",
        "```\n# x\n",
        "[a](",
        "**a. ",
        "# " + "#" * 50 + " ",
        "`a. ",
        "![",
        "\\",
    ],
)
def test_hostile_texts_are_read_in_bearable_time(piece: str, style: Style) -> None:
    """Quadratic time would be minutes, which the suite's own timeout ends."""
    list(selected(piece * (60_000 // len(piece)), style))
