"""Markdown's marks: off for a reader, and on again so that nothing in a document's own words is one."""

import lxml.html
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webapp.summarizing.marks import escaped, plain, unlinked
from webapp.summarizing.rendering import summary_html
from webapp.summarizing.sanitizing import visible
from webapp.summarizing.sentences import Span, sentences


def read(sentence: str) -> str:
    return plain(sentence, Span(0, len(sentence)))


@pytest.mark.parametrize(
    ("marked", "words"),
    [
        ("It **rained** in *May* and __June__.", "It rained in May and June."),
        ("It is `x = 1` here.", "It is x = 1 here."),
        ("See [the study](https://example.org/a_(b)) of it.", "See the study of it."),
        ('See [the study](https://example.org "A title").', "See the study."),
        ("See ![a chart](chart.png) it grow.", "See it grow."),
        ("It fell ~~twice~~ once.[^1]", "It fell twice once."),
        ("A star \\* and a line \\_ stay.", "A star * and a line _ stay."),
        ("It rained  \nall\nday.", "It rained all day."),
    ],
)
def test_marks_are_taken_off(marked: str, words: str) -> None:
    assert read(marked) == words


@pytest.mark.parametrize(
    "words",
    [
        "Then 5 * 3 * 2 is 30.",
        "Set snake_case and __init__x to **kwargs.",
        "The tag <b>bold</b> &amp; a < b.",
        "An [aside] and an array[0] stay.",
        "It costs ~5 or ~~ 6.",
        "C:\\temp is a folder.",
        "A `quote' of old.",
    ],
)
def test_what_is_no_mark_stays_as_it_is_typed(words: str) -> None:
    assert read(words) == words


@pytest.mark.parametrize(
    ("paragraph", "words"),
    [
        ("**It rained. It snowed. It cleared up.**", ["It rained.", "It snowed.", "It cleared up."]),
        (
            "*It rained. It snowed.* Then it **cleared** up.",
            ["It rained.", "It snowed.", "Then it cleared up."],
        ),
        ("[It rained. It snowed](https://example.org/w).", ["It rained.", "It snowed."]),
        ("**kwargs are passed on. So are others.", ["**kwargs are passed on.", "So are others."]),
        ("**It rained.\n\nIt snowed.**", ["**It rained.", "It snowed.**"]),
    ],
)
def test_half_a_mark_goes_only_if_the_other_half_is_in_the_paragraph(
    paragraph: str, words: list[str]
) -> None:
    assert [plain(paragraph, span) for span in sentences(paragraph)] == words


@pytest.mark.parametrize(
    ("marked", "words"),
    [
        ("A [link](https://example.org/x).", "A link."),
        ("[![chart](a.png)](https://example.org)", ""),
        ("An ![image](a.png) here.", "An  here."),
        ("No [link] (here).", "No [link] (here)."),
    ],
)
def test_links_are_read_as_their_words(marked: str, words: str) -> None:
    assert unlinked(marked) == words


MARKS = [
    "*", "**", "_", "`", "[", "](", ")", "![", "<b>", "<https://e.org>", "&lt;", "&", "\\", "#", "~~", "|", "1.", "0)",
    "-", "+", ">", "=", " ", "word", "é", "字", "http://e.org", "$",
]  # fmt: skip
MARKUP = st.lists(st.sampled_from(MARKS), max_size=14).map("".join)


@given(st.one_of(MARKUP, st.text(max_size=60)))
@example("1. One")
@example("# One #")
@example("a &copy; b")
@example("--- x")
@example("ends in \\")
def test_escaped_words_show_letter_by_letter(words: str) -> None:
    words = " ".join(visible(words).split())
    for before, after in (("- ", ""), ("### ", ""), ("- ", "\n- Next."), ("- Before.\n- ", "\n\n### Next")):
        page = lxml.html.fragment_fromstring(
            summary_html(f"{before}{escaped(words)}{after}", "markdown"), create_parent="main"
        )
        shown = [" ".join(each.text_content().split()) for each in page.cssselect("li, h4")]
        assert words in shown or not words
        assert not page.cssselect("em, strong, code, s, a, img, pre, blockquote, table, li ol, li ul, li h4")


@given(MARKUP)
def test_nothing_is_longer_without_its_marks(marked: str) -> None:
    assert len(read(marked)) <= len(marked)
