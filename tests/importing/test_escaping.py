"""Words that are written as Markdown are read as the same words."""

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from webapp.importing.escaping import escaped_line, fenced

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PARTS = st.sampled_from(
    [*"*_`<>[]()!#-+=~|&;:.\\/1 ab\"'", "https://e.example", "&amp;", "<b>", "![", "](", "]:", "1. "]
)
LINES = (
    st.lists(PARTS, min_size=1, max_size=15)
    .map("".join)
    .map(lambda line: " ".join(line.split()))
    .filter(bool)
)


@given(LINES)
@example("[a]: https://e.example")
@example("<a@b.example>")
@example("1) x")
@example("~~x~~")
@example("a_b_c _d_")
@example("\\*")
def test_escaped_words_are_read_as_themselves(line: str) -> None:
    shown = MARKDOWN.render(escaped_line(line)).strip()
    assert re.fullmatch(r"<p>[^<]*</p>", shown), shown
    assert html.unescape(shown[3:-4]) == line


@given(st.lists(st.sampled_from(["```", "~~~", "````", "x", "", "    y"]), max_size=6).map("\n".join))
def test_nothing_in_code_ends_its_fence(code: str) -> None:
    tokens = MARKDOWN.parse(fenced(code))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content.rstrip("\n") == code.rstrip("\n")
