"""Links from a summary's sentences: where they belong, and never anything but links."""

import pytest
from lxml import html

from tests.conftest import ARTICLE
from webapp.summarizing.grounding import Grounded, Passage, ground
from webapp.summarizing.linked import Way, linked_html
from webapp.summarizing.rendering import summary_html
from webapp.summarizing.statements import statements

HOSTILE = [
    "**bold.** Next one is here. *Then* `code. More code` at the end.",
    "<script>alert(1)</script> is said. ![x](https://evil.example/?q=1) [click](javascript:alert(1)). <b hx-get=/x>z</b>",
    "| Year | Event |\n|---|---|\n| 1811 | The tower stood. It shone. |\n",
    "> A quote is here. It has two sentences.\n\n1. One thing is first.\n2. Another is second.",
    "An entity &#x12470;0&#x12470; is said. Another &lt;i&gt; one is said.",
    "[see. More words](https://a.example/b.%20c) and [x]: y. Then _this one_ is last.",
    "### A heading\n\n- **Bold bullet with a dot.** The rest of it follows.\n- A trailing backslash is here\\\n",
    "```\ncode. not a statement.\n```\nBut this is one.",
    "𒑰0𒑰 stands in the text. \U00012470abc1\U00012470 too.",
]  # fmt: skip


def way(passage: Passage) -> Way:
    return Way(f"/documents/1#p-{passage.start}", 'He said: "No" <b onclick=x>&amp; left</b>')


def found(text: str, format: str = "markdown") -> list[Grounded]:
    """As if each statement had a passage of its own."""
    spans = statements(text, format)
    return [Grounded(*span, (Passage(at, at + 1),), 0.9, "supported") for at, span in enumerate(spans)]


def tree(markup: str) -> html.HtmlElement:
    return html.fragment_fromstring(markup, create_parent="main")


def linked(text: str, format: str = "markdown") -> html.HtmlElement:
    return tree(linked_html(text, format, found(text, format), way, summary_html))


def without_marks(root: html.HtmlElement) -> str:
    for mark in root.cssselect(".passages"):
        before = mark.getprevious()
        tail = (mark.tail or "") if mark.tail else ""
        if before is not None:
            before.tail = (before.tail or "").removesuffix(" ") + tail
        else:
            mark.getparent().text = (mark.getparent().text or "").removesuffix(" ") + tail
        mark.tail = None
        mark.getparent().remove(mark)
    return str(html.tostring(root, encoding="unicode"))


@pytest.mark.parametrize("text", HOSTILE)
def test_the_summary_is_the_same_but_for_its_links(text: str) -> None:
    assert without_marks(linked(text)) == html.tostring(
        tree(summary_html(text, "markdown")), encoding="unicode"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_added_but_links_to_passages(text: str) -> None:
    root = linked(text)
    for link in root.cssselect("a"):
        assert set(link.attrib) == {"class", "href", "data-passage", "data-quote", "aria-label"}
        assert link.get("href").startswith("/documents/1#p-")
    attributes = {name for element in root.iter() if element.tag != "a" for name in element.attrib}
    assert attributes <= {"class"}
    assert not root.cssselect("script, img, b, i, [onclick]")


@pytest.mark.parametrize("text", HOSTILE)
def test_every_statement_has_its_link_once(text: str) -> None:
    passages = [link.get("data-passage") for link in linked(text).cssselect("a")]
    assert passages == [f"{at}-{at + 1}" for at in range(len(statements(text, "markdown")))]


def test_a_link_stands_behind_its_sentence() -> None:
    root = linked("- One thing is so. Another is not.\n- The third is **bold.**")
    assert root.text_content().split("\n")[1:3] == [
        "One thing is so. 1 Another is not. 2",
        "The third is bold. 3",
    ]
    lines = linked("One thing is so.\nAnother is not.", "sentences").cssselect("li")
    assert [line.text_content() for line in lines] == ["One thing is so. 1", "Another is not. 2"]


def test_a_passage_has_one_number_wherever_it_is_linked() -> None:
    text = "One is so. Two is so. Three is so."
    spans = statements(text, "markdown")
    both, second = Passage(5, 9), Passage(20, 30)
    given = [Grounded(*spans[0], (both,), 1.0, "exact"), Grounded(*spans[1], (second, both), 0.5, "partly"),
             Grounded(*spans[2], (second,), 0.7, "supported")]  # fmt: skip
    links = tree(linked_html(text, "markdown", given, way, summary_html)).cssselect("a")
    assert [link.text for link in links] == ["1", "2", "1", "2"]


def test_a_link_is_named_by_the_first_words_of_its_passage() -> None:
    text = "One thing is so."
    given = [Grounded(0, len(text), (Passage(0, 5),), 1.0, "exact")]
    lead = lambda _: Way("/documents/1#p-0", "one two three four five six seven eight nine ten")  # noqa: E731
    (link,) = tree(linked_html(text, "markdown", given, lead, summary_html)).cssselect("a")
    assert link.get("aria-label") == "Passage 1: “one two three four five six seven eight…”"


def test_what_was_not_found_is_told_in_words() -> None:
    text = "Nobody knows this. That is too short. Ada has 12 dogs."
    spans = statements(text, "markdown")
    given = [Grounded(*spans[0], (), 0.1, "none", ("Nobody",)), Grounded(*spans[1]),
             Grounded(*spans[2], (Passage(0, 5),), 0.7, "supported", ("12", "<i>"), True)]  # fmt: skip
    root = tree(linked_html(text, "markdown", given, way, summary_html))
    assert root.text_content().strip() == (
        "Nobody knows this. no passage found That is too short. Ada has 12 dogs. "
        "1 not in the linked passages: 12, <i>; a “not” stands on one side only"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_what_the_worker_finds_fits_what_is_shown(text: str) -> None:
    assert linked_html(text, "markdown", ground(text, ARTICLE, format="markdown"), way, summary_html)
