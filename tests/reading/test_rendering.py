"""A stranger's text becomes a page that cannot do anything but be read and lead to the web, and says where."""

import re

import lxml.html
import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.summarizing.test_rendering import ATTACKS, HIDDEN, MARKUP
from webapp.reading import rendering
from webapp.reading.places import anchor_of
from webapp.reading.rendering import ELEMENTS, page
from webapp.summarizing.sanitizing import visible

OURS = {
    "dir": r"auto|ltr", "tabindex": "0", "role": "group", "aria-label": "Table", "start": r"\d{1,9}",
    "id": r"p-\d+|s-[^\s\"'<>&=]+", "class": r"prose__(centre|end|wide|typed|typed prose__more)",
}  # fmt: skip
LINK = {
    "href": r"https?://[A-Za-z0-9.-]+(:\d+)?([/?#].*)?", "data-host": "[a-z0-9.-]+",
    "rel": "noopener noreferrer nofollow",
}  # fmt: skip


def tree(markup: str) -> lxml.html.HtmlElement:
    return lxml.html.fragment_fromstring(markup, create_parent="main")


def drawn(text: str, format: str = "markdown") -> lxml.html.HtmlElement:
    return tree(page(text, format).html)


def shown(text: str, format: str = "markdown") -> str:
    return " ".join(drawn(text, format).text_content().split())


def assert_harmless(markup: str) -> None:
    """Only allowed elements, and of each attribute only what we would write. An anchor is there once."""
    root = tree(markup)
    for element in root.iterdescendants():
        assert element.tag in ELEMENTS
        allowed = LINK if element.tag == "a" else OURS
        for name, value in element.attrib.items():
            assert name in allowed and re.fullmatch(allowed[name], value), (element.tag, name, value)
    assert all("rel" in link.attrib for link in root.cssselect("a"))
    anchors = [element.get("id") for element in root.cssselect("[id]")]
    assert len(anchors) == len(set(anchors))


@pytest.mark.parametrize("format", ["markdown", "plain"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_does_nothing(attack: str, format: str) -> None:
    for text in (attack, f"- A point, then {attack}\n- and **more {attack}", f"> {attack}", f"# {attack}"):
        assert_harmless(page(text, format).html)


@given(MARKUP, st.sampled_from(["markdown", "plain"]))
def test_any_text_is_harmless(text: str, format: str) -> None:
    assert_harmless(page(text, format).html)


def test_the_sanitizer_alone_would_do() -> None:
    for attack in ATTACKS:
        assert_harmless(rendering.SANITIZER.clean(attack))
    assert rendering.SANITIZER.clean("<p id='document-1-summary' class='top' dir='x'>a</p>") == "<p>a</p>"


def test_the_parser_alone_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Trusting:
        clean = staticmethod(lambda markup: re.sub("<a ", '<a rel="noopener noreferrer nofollow" ', markup))

    cleaned = rendering.SANITIZER
    monkeypatch.setattr(rendering, "SANITIZER", Trusting())
    for attack in ATTACKS:
        markup = page(attack, "markdown").html
        assert_harmless(markup)
        assert nh3.clean(markup, tags=set()) == nh3.clean(cleaned.clean(markup), tags=set())


@given(st.text(st.characters(categories=["L", "N"]), min_size=1).map(visible))
def test_plain_words_are_all_shown(text: str) -> None:
    assert shown(text) == shown(text, "plain") == " ".join(text.split())


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("format", ["markdown", "plain"])
def test_what_cannot_be_seen_is_gone(name: str, format: str) -> None:
    assert shown(f"ig{HIDDEN[name]}nore {HIDDEN[name]}this", format) == "ignore this"


def test_markdown_keeps_its_structure() -> None:
    text = "# One\n### Two\n\n- **a** and *b*\n- `c` ~~d~~\n\n> e\n\n|f|g|\n|-|-|\n|h|i|\n\n"
    text += "3. j\n\n```py\nk\n```\nl  \nm\n\n---\n"
    tags = [element.tag for element in drawn(text).iterdescendants()]
    assert tags == [
        "h2", "h4", "ul", "li", "strong", "em", "li", "code", "s", "blockquote", "p", "div", "table", "thead", "tr",
        "th", "th", "tbody", "tr", "td", "td", "ol", "li", "pre", "code", "p", "br", "hr",
    ]  # fmt: skip
    assert drawn(text).cssselect("ol")[0].get("start") == "3"


def test_headings_stay_below_the_title_of_the_page() -> None:
    text = "\n\n".join(f"{'#' * level} x" for level in range(1, 7))
    assert [heading.tag for heading in drawn(text)] == ["h2", "h3", "h4", "h5", "h6", "h6"]


def test_columns_keep_their_sides() -> None:
    cells = drawn("|a|b|c|\n|:-|:-:|-:|\n|d|e|f|").cssselect("td")
    assert [cell.get("class") for cell in cells] == [None, "prose__centre", "prose__end"]


def test_a_link_to_the_web_shows_its_host_where_its_words_do_not() -> None:
    links = drawn("[a](https://www.B.example/x) [c](http://d.example:80) [e](https://b.example/y)").cssselect(
        "a"
    )
    assert [link.get("data-host") for link in links] == ["b.example", "d.example", None]  # told once a block


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("a.example/x", "https://a.example/x"),
        ("a.example", "https://a.example/x"),
        ("www.a.example", "https://www.a.example/"),
    ],
)
def test_a_link_whose_words_are_its_address_says_it_once(words: str, address: str) -> None:
    (link,) = drawn(f"[{words}]({address})").cssselect("a")
    assert (link.get("href"), link.get("data-host")) == (address, None)


def test_a_link_that_says_another_address_is_told_on() -> None:
    (link,) = drawn("[https://bank.example](https://evil.example)").cssselect("a")
    assert link.get("data-host") == "evil.example"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "mailto:a@b.example", "/documents/1/delete", "//evil.example", "https:evil.example",
        "https:///evil.example", "https://bank.example@evil.example", "https://bank.example%5C@evil.example",
        "https://", "ftp://a.example", "https://a.example:b", "https://" + "a" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_plain_address_of_the_web_cannot_be_followed(address: str) -> None:
    assert not drawn(f"[x]({address}) <{address}>").cssselect("a")


def test_an_image_is_its_words_and_its_address_and_loads_nothing() -> None:
    assert (
        shown("![a *b*](https://x.example/i.png 'c') ![](/j.png)") == "a *b* (https://x.example/i.png) /j.png"
    )
    assert shown("![d](data:image/png;base64,AAAA)") == "d (data:image/png;base64,…)"
    assert shown("[![e](/k.png)](https://x.example)") == "e (/k.png)"


def test_a_link_into_the_text_itself_is_its_words() -> None:
    assert shown("[a](#b)") == "a"


def test_a_link_is_found_by_its_name_wherever_it_is_defined() -> None:
    assert (
        drawn("See [a].\n\n[a]: https://b.example/c").cssselect("a")[0].get("href") == "https://b.example/c"
    )


def test_one_definition_does_not_make_a_text_a_thousand_times_longer() -> None:
    text = f"[x]: https://a.example/{'b' * 1900}\n\n" + "[x] [y](c)\n\n" * 10_000
    markup = page(text, "markdown").html
    assert len(markup) < 20 * len(text)
    assert tree(markup).text_content().count("x y") == 10_000


def test_the_direction_of_each_block_follows_its_words() -> None:
    root = drawn("# a\n\nb\n\n- c\n\n  d\n\n> e\n\n|f|\n|-|\n|g|\n\n    h")
    assert [e.get("dir") for e in root.cssselect("h2, main > p, ul, blockquote, table")] == ["auto"] * 5
    assert root.cssselect("pre")[0].get("dir") == "ltr"
    assert not root.cssselect("[dir] [dir]")  # an inner one would hide its words from the outer


def test_what_scrolls_can_be_reached_by_keyboard() -> None:
    root = drawn("|f|\n|-|\n|g|\n\n    h")
    assert [e.tag for e in root.cssselect("[tabindex='0']")] == ["div", "pre"]


def test_a_plain_text_stays_as_it_was_typed() -> None:
    text = "\n  # One\n * two\r\n\r\n\r\n<b>three</b>\n \n\tfour\rfive  \n"
    paragraphs = drawn(text, "plain").cssselect("p")
    assert [p.text_content() for p in paragraphs] == ["  # One\n * two", "<b>three</b>", "\tfour\nfive  "]
    assert not drawn(text, "plain").cssselect("p *")


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="html"):
        page("x", "html")


@pytest.mark.parametrize("format", ["markdown", "plain"])
def test_nothing_is_an_empty_page(format: str) -> None:
    assert page("", format) == ("", (), ())
    assert page(" \n\t\n", format) == ("", (), ())


@given(MARKUP, st.sampled_from(["markdown", "plain"]))
def test_each_block_is_on_the_page_in_order_and_holds_its_words(text: str, format: str) -> None:
    text = "".join(c for c in text if not "\ud800" <= c <= "\udfff")
    rendered = page(text, format)
    elements = tree(rendered.html).cssselect("[id]")
    assert [element.get("id") for element in elements] == [block.anchor for block in rendered.blocks]
    end = 0
    for block in rendered.blocks:
        assert end <= block.start < block.end <= len(text)
        end = block.end


def test_each_paragraph_of_a_list_item_can_be_led_to() -> None:
    rendered = page("- # a\n  b\n- c\n  ***\n  d\n", "markdown")
    elements = tree(rendered.html).cssselect("[id]")
    assert [" ".join((element.text or "").split()) for element in elements] == ["a", "b", "c", "d"]
    assert [element.get("id") for element in elements] == [block.anchor for block in rendered.blocks]


def test_a_block_is_the_exact_slice_of_the_stored_text() -> None:
    text = "\ufeff# One\r\n\r\n\u200bTwo\x0b- th\u00adree\r\n  - four\u2028\n|a|\r|-|\r|b|\r\n```\nc\n```  \n\n\n"
    found = {block.anchor: text[block.start : block.end] for block in page(text, "markdown").blocks}
    assert list(found.values()) == [
        "\ufeff# One", "\u200bTwo", "- th\u00adree", "  - four", "|a|", "|b|", "```\nc\n```",
    ]  # fmt: skip


@given(
    st.lists(
        st.sampled_from(["# a", "b\n", "- c", "  - d", "> e", "|f|\n|-|\n|g|", "```", "\r", "    h", ""])
    )
)
def test_a_passage_leads_to_the_block_that_holds_it(lines: list[str]) -> None:
    text = "\n".join(
        f"{line}{number}x" if line.strip("`\r\n|") else line for number, line in enumerate(lines)
    )
    rendered = page(text, "markdown")
    root = tree(rendered.html)
    for word in re.finditer(r"[a-h]\d+x", text):
        (element,) = root.cssselect(f"[id='{anchor_of(rendered.blocks, word.start())}']")
        assert word[0] in element.text_content()


def test_a_place_between_blocks_leads_to_the_one_before() -> None:
    blocks = page("\n\na\n\n\n\nb", "plain").blocks
    assert [anchor_of(blocks, start) for start in (0, 2, 4, 7)] == ["p-2", "p-2", "p-2", "p-7"]
    assert anchor_of((), 3) == ""
