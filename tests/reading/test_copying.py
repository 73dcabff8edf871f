"""A document as one Markdown file: what a reader of Markdown finds in it is what was put in."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from lxml import html
from markdown_it import MarkdownIt

from webapp.models.document import cleaned
from webapp.reading.copying import Head, Told, document, file_name, is_device, summary
from webapp.summarizing.sanitizing import visible

MOMENT = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
HOSTILE = ("![x](https://evil.example/?q=1)", "<img src=https://evil.example>", "[x](https://evil.example)",
           "\\![x](https://evil.example)", "\\\\[x](https://evil.example)", "[x]: https://evil.example\n\n[x]",
           "http://a.example/\\<img src=https://evil.example>", "http://a.example/<img src=https://evil.example>",
           "<https://evil.example>", "![x][y]\n\n[y]: https://evil.example")  # fmt: skip


def head(title: str = "Title") -> Head:
    return Head(title, "Alice", MOMENT, 3)


@given(st.text().map(cleaned))
@example("```\nA fence\n```\n")
@example("~~~\n````` ``````\n")
@example("")
@example("\n\n  Blanks \t\n\n")
@example("\x0b\x0c\x85\u2028\ufeff")
def test_text_that_was_typed_is_read_again_as_it_is_seen(text: str) -> None:
    tokens = MarkdownIt().parse(document(head(), None, text, "plain"))
    assert [token.content for token in tokens if token.type == "fence"] == [visible(text) + "\n"]
    assert tokens[-1].type == "fence"


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1))
@example("C#")
@example("# Two #")
@example("1. One")
@example("*a* _b_ `c` [d](e) <f> &amp; \\")
def test_title_says_what_it_says(title: str) -> None:
    words = " ".join(visible(title).split())
    assume(words)
    tokens = MarkdownIt().parse(document(head(title), None, "x", "plain"))
    page = html.fromstring(MarkdownIt().renderer.render(tokens[:3], MarkdownIt().options, {}))
    assert (page.tag, page.text_content(), len(page)) == ("h1", words, 0)


@pytest.mark.parametrize("words", HOSTILE)
def test_summary_loads_nothing_and_leads_nowhere(words: str) -> None:
    """S02: whoever opens the file in another program must not be betrayed by what a model was told to write."""
    for kind in ("markdown", "sentences"):
        told = summary(Told("Written by x", words, kind, MOMENT, 3), 3)
        page = MarkdownIt("commonmark", {"html": True}).render(told)
        assert not html.fromstring(f"<div>{page}</div>").xpath("//a|//img"), told
        assert not re.search(r"<[A-Za-z/!?]", told), "an address before it may swallow a backslash"


@pytest.mark.parametrize("words", ["---\ncss: https://evil.example/x.css\n---", "---", "`x`{=html}", "x\n{: onclick=x}", "{% x %}",
                                   "# x {#id onclick=x}", "{{ x }}"])  # fmt: skip
def test_no_line_of_a_summary_is_a_setting_or_a_template(words: str) -> None:
    told = summary(Told("Written by x", words, "markdown", MOMENT, 3), 3)
    assert not re.search(r"(?m)^---|\{[:=%#{]|\{\w+=", told)


@pytest.mark.parametrize("words", ["Written by x\n\n# y", "\u202ex", "x{=html}", "http://a.example/<img>"])
def test_label_is_one_line_of_words(words: str) -> None:
    told = summary(Told(words, "Words.", "markdown", MOMENT, 3), 3)
    page = html.fromstring(f"<div>{MarkdownIt('commonmark', {'html': True}).render(told)}</div>")
    assert page.xpath("string(./p[1]/em)") == f"{' '.join(visible(words).split())} · 5 November 2026"
    assert len(page) == 2


def test_sentences_are_a_list_whatever_they_begin_with() -> None:
    told = Told("Selected sentences", "# One.\n- Two.\n1. Three.\n\n*Four.*", "sentences", None, 2)
    page = html.fromstring(MarkdownIt().render(summary(told, 3)))
    assert [item.text_content().strip() for item in page.xpath("//ul/li")] == [
        "# One.", "- Two.", "1. Three.", "*Four.*"]  # fmt: skip
    assert page.xpath("string(//em)") == "Selected sentences · of version 2"


@given(st.text())
@example("CON")
@example("x" * 10_000)
@example("語" * 10_000)
def test_name_of_a_file_is_one_that_systems_take(words: str) -> None:
    name = file_name(words)
    assert len(name.encode()) <= 150
    assert not set(name) & set('/\\:*?"<>|.\0\n ')
    assert file_name(name) == name


@pytest.mark.parametrize("words", ["CON", "con", "Nul", "COM1", "lpt9", "com¹", "aux."])
def test_name_of_a_file_is_no_device(words: str) -> None:
    """Of these names Windows makes something else than a file, whatever ending follows."""
    assert is_device(words)
    assert not is_device(file_name(words))
    assert not is_device("Console")
