"""The article of a page: all of it, nothing of what stands around it, and with its structure."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.importing.sites import loopback_only
from webapp.importing.article import MOST_BYTES, MOST_ELEMENTS, article
from webapp.importing.extracted import Extracted, ImportFailure

ADDRESS = "https://news.example/2026/bridge.html"
PROSE = (
    "The council will build a new bridge over the river beside the old harbour, where the ferry lands today."
)
MORE = "A ferry takes people over the river until the work is done, which the council expects in three years."
NEWS = f"""<!doctype html>
<html lang="en-GB"><head>
<title>A new bridge for the harbour | The Example News</title>
<meta property="og:site_name" content="The Example News">
<meta name="author" content="By Ada Example">
<meta property="article:published_time" content="2026-11-20T08:30:00+01:00">
<style>.secret-style {{ color: red }}</style><script>var secretScript = 1;</script>
</head><body class="page has-sidebar">
<a class="skip-link" href="#content">Skip to content</a>
<header><div id="top-banner">Advertisement: buy a boat</div><nav><ul><li><a href="/">Home</a></li></ul></nav></header>
<div class="cookie-consent"><p>We and our 812 partners store cookies on your device, if you let us do so now.</p></div>
<div class="columns">
  <div class="story">
    <h1>A new bridge for the harbour</h1>
    <p>{PROSE}</p>
    <div class="ad-slot"><p>Buy the best boats of the harbour now, and pay for them in thirty months only!</p></div>
    <h2>The ferry</h2>
    <p>{MORE} Read the <a href="plan.pdf?v=1#page=2">plan</a>, <a href="javascript:alert(1)">or not</a>,
       <a href="#ferry">see below</a> or <a href="mailto:ada@news.example">write to us</a>.</p>
    <figure><img src="/bridge.jpg" alt="A drawing of the bridge at night"><figcaption>So it will look.</figcaption></figure>
    <img src="/pixel.gif" alt=""><img src="/x.jpg" alt="IMG_1234.jpg">
    <blockquote><p>Nobody will miss the ferry.</p><p>Or so they say.</p></blockquote>
    <p>Costs rise, says <b>the council </b>: <i>seven</i> million, <del>not six</del>, see *this* and [that].</p>
    <form><input value="secret-input"><button>Subscribe now</button></form>
    <div hx-get="/secret" hx-on:click="alert(1)" onclick="alert(2)" style="color: red">Swans nest below the wall.</div>
    <p style="display: none">secret-hidden</p><p hidden>secret-attribute</p><!-- secret-comment -->
    <noscript>secret-noscript</noscript><iframe src="https://ads.example/">secret-frame</iframe>
    <svg><text>secret-drawing</text></svg><template><p>secret-template</p></template>
  </div>
  <div class="more"><h3>Latest</h3><ul><li><a href="/1">A boat sank in the harbour last night</a></li>
    <li><a href="/2">The price of fish goes up again</a></li><li><a href="/3">Weather for the week</a></li></ul></div>
</div>
<section id="comments"><h3>2 comments</h3><p>I have always said that this bridge would come one day, and here it is!</p></section>
<footer><p>Copyright 2026 The Example News. All rights reserved, and some more words of the imprint.</p></footer>
</body></html>"""
DOCS = """<html lang="en"><head><title>Tasks — Example 3.1 documentation</title></head><body>
<div class="related"><ul><li><a href="index.html">index</a></li></ul></div>
<div class="document"><div class="body" role="main"><section id="menus">
<h1>Tasks<a class="headerlink" href="#tasks">¶</a></h1>
<p>A task runs <code>main()</code> in the background, with whatever ``name`` it was given by the one who made it.</p>
<div class="highlight-python notranslate"><div class="highlight"><pre><span></span><span class="k">def</span> main():
    <span class="c1 comment"># a comment stays</span>
    return "&lt;b&gt; ``` `x`"

main()
</pre></div></div>
<section id="options"><h2>Options</h2>
<table class="docutils"><caption>All options</caption>
<thead><tr><th>Name</th><th>Means</th><th>Since</th></tr></thead>
<tbody><tr><td><code>a|b</code></td><td><p>either, or | both</p></td><td rowspan="2">3.0</td></tr>
<tr><td colspan="2">none of them</td></tr></tbody></table>
<ol start="3"><li>Install it:<pre><code class="language-sh">make up</code></pre></li>
<li><p>Then:</p><ul><li>open it<ul><li>in a browser</li></ul></li><li>read</li></ul></li></ol>
<dl class="py function"><dt>example.<b>run</b>(<em>main</em>, *, debug=None)<a class="headerlink" href="#x">¶</a></dt>
<dd><p>Runs <em>main</em> until it is done.</p></dd></dl>
<h3>Notes</h3><p>1. This is no list.</p><p># This is no heading.</p><p>- Nor is this.</p><p>a &amp;lt; b &lt;script&gt;</p>
</section></section></div></div>
<div class="sphinxsidebar"><h3>Table of Contents</h3><ul><li><a href="#">Tasks</a></li></ul></div>
</body></html>"""


@pytest.fixture(autouse=True)
def attempts() -> Iterator[list[str]]:
    with loopback_only() as attempts:
        yield attempts
    assert attempts == []


def of(html: bytes | str, charset: str | None = None, address: str | None = ADDRESS) -> Extracted:
    return article(html, address=address, charset=charset)


def page(body: str) -> str:
    return f"<html><body><p>{PROSE}</p>{body}</body></html>"


def after_prose(body: str) -> str:
    """What a body becomes, after a paragraph that makes it an article."""
    text = of(page(body)).text
    assert text.startswith(PROSE)
    return text.removeprefix(PROSE).removeprefix("\n\n")


def code_of(html: bytes | str) -> str:
    with pytest.raises(ImportFailure) as failure:
        of(html)
    return failure.value.code


def test_a_news_page_is_its_article() -> None:
    assert of(NEWS).text == "\n\n".join([
        "# A new bridge for the harbour",
        PROSE,
        "## The ferry",
        f"{MORE} Read the [plan](https://news.example/2026/plan.pdf?v=1#page=2), or not, see below or write to us.",
        r"\[A drawing of the bridge at night\]",
        "So it will look.",
        "> Nobody will miss the ferry.\n>\n> Or so they say.",
        r"Costs rise, says **the council** : *seven* million, ~~not six~~, see \*this\* and \[that\].",
        "Swans nest below the wall.",
    ])  # fmt: skip


def test_a_news_page_says_who_wrote_it_and_when() -> None:
    found = of(NEWS)
    assert (found.kind, found.format, found.pages, found.notes) == ("html", "markdown", None, ())
    assert (found.title, found.author) == ("A new bridge for the harbour", "Ada Example")
    assert (found.date, found.language) == ("2026-11-20", "en-GB")


@pytest.mark.parametrize(
    "word", ["secret", "hx-", "onclick", "alert(", "red", "cookie", "boat", "Copyright", "comments"]
)
def test_nothing_of_scripts_styles_attributes_and_chrome_is_left(word: str) -> None:
    assert word in NEWS
    assert word not in of(NEWS).text


def test_a_page_of_documentation_keeps_its_structure() -> None:
    assert of(DOCS, address=None).text == "\n\n".join([  # noqa: FLY002 a block a line
        "# Tasks",
        r"A task runs `main()` in the background, with whatever \`\`name\`\` it was given by the one who made it.",
        '```python\ndef main():\n    # a comment stays\n    return "<b> ``` `x`"\n\nmain()\n```',
        "## Options",
        "All options",
        "| Name | Means | Since |\n| --- | --- | --- |\n| `a\\|b` | either, or \\| both | 3.0 |\n| none of them |  |  |",
        "3. Install it:\n\n   ```sh\n   make up\n   ```\n\n4. Then:\n   - open it\n     - in a browser\n   - read",
        r"**example.run(main, \*, debug=None)**",
        "Runs *main* until it is done.",
        "### Notes",
        r"1\. This is no list.",
        r"\# This is no heading.",
        r"\- Nor is this.",
        r"a \&lt; b \<script\>",
    ])  # fmt: skip


def test_documentation_has_its_heading_as_title() -> None:
    assert of(DOCS).title == "Tasks"


def test_a_page_in_chinese_is_found_by_its_few_long_lines() -> None:
    body = "<div class='nav'><a href='/'>首页</a></div><div><h1>新桥</h1><p>市议会将在旧港口旁的河上修建一座新桥，渡轮今天仍在那里停靠。</p></div>"
    html = f"<html lang=zh-CN><head><meta charset=gb2312><title>新桥</title></head><body>{body}</body></html>"
    found = of(html.encode("gb18030"))
    assert found.text == "# 新桥\n\n市议会将在旧港口旁的河上修建一座新桥，渡轮今天仍在那里停靠。"
    assert (found.title, found.language) == ("新桥", "zh-CN")


GERMAN = "Die Straßenbahn fährt künftig über die Brücke, sagt Frau Müller – „endlich“."


@pytest.mark.parametrize(
    ("declared", "charset", "written"),
    [
        ("", "iso-8859-1", "cp1252"),
        ("<meta charset='latin-1'>", None, "cp1252"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1252">', None, "cp1252"),
        ("<meta charset='iso-8859-1'>", "utf-8", "utf-8"),
        ("", None, "utf-8"),
        ("", None, "utf-16"),
        ("<meta charset='no-such-charset'>", None, "utf-8"),
        ('<?xml version="1.0" encoding="iso-8859-1"?>', "utf-8", "utf-8"),
    ],
)
def test_umlauts_survive_in_every_encoding(declared: str, charset: str | None, written: str) -> None:
    html = f"{declared}<html><head><title>Brücke</title></head><body><p>{GERMAN}</p></body></html>"
    found = of(html.encode(written), charset)
    assert (found.text, found.title) == (GERMAN, "Brücke")


@pytest.mark.parametrize(
    ("html", "code"),
    [
        ("", "empty"),
        (b" \n ", "empty"),
        ("<html></html>", "no_text"),
        ("<frameset><frame src='a.html'></frameset>", "no_text"),
        ("<div id=root></div><script>start()</script>", "no_text"),
        ("<noscript>You need to enable JavaScript to run this app, as it is made of nothing else at all.</noscript>", "no_text"),
        (f"<div>Please turn on JavaScript in your browser. {PROSE}</div>", "no_text"),
        ("<nav>" + "<a href=/>Home</a> " * 3 + "</nav><p>Loading…</p>", "no_text"),
        ("<!-- only a comment -->", "no_text"),
        ("<div>" * 100_000 + PROSE, "too_complex"),
        ("<ul><li>" * 100_000 + PROSE, "too_complex"),
        ("<b></b>" * (MOST_ELEMENTS + 1), "too_complex"),
        (b" " * (MOST_BYTES + 1), "too_large"),
    ],
)  # fmt: skip
def test_a_page_without_an_article_says_so(html: bytes | str, code: str) -> None:
    assert code_of(html) == code


@pytest.mark.parametrize(
    "opening",
    [
        "<div>",
        "<blockquote>",
        "<b>",
        "<q>",
        "<span><div>",
        "<ul><li>",
        "<dl><dd>",
        "<table><tr><td>",
        "<a href=/>",
    ],
)
def test_deep_nesting_is_read_as_far_as_the_parser_goes(opening: str) -> None:
    assert PROSE in of(opening * (240 // opening.count("<")) + PROSE).text.replace("*", "")


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>one<br>two<br><br>three</p>", "one  \ntwo\n\nthree"),
        ("<p>a\xa0b\u200bc\xadd   e\n\nf</p>", "a bcd e f"),
        ("<ul><li>a<li>b<p>c</p></ul>", "- a\n\n- b\n\n  c"),
        ("<ul><li></li><li>a</li></ul>", "- a"),
        ("<ol><li>a</li><ol><li>b</li></ol></ol>", "1. a\n2. 1. b"),
        ("<p>snake_case and _this_ and ~that~</p>", r"snake_case and \_this\_ and \~that\~"),
        ("<p>x <b> bold </b>y<i></i></p>", "x **bold** y"),
        ("<p><code>a`b</code> <code>`</code><code> </code></p>", "``a`b`` `` ` ``"),
        ("<pre>a\n```\nb</pre>", "````\na\n```\nb\n````"),
        ("<pre>a<br>b</pre><pre> </pre>", "```\na\nb\n```"),
        ("<table><tr><td>only</td></tr><tr><td>layout</td></tr></table>", "only\n\nlayout"),
        ("<table role=presentation><tr><td>a<td>b<tr><td>c<td>d</table>", "a\n\nb\n\nc\n\nd"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "| a | b |\n| --- | --- |\n| c |  |"),
        ("<table><tr><td><ul><li>a</ul><td>b<tr><td>c<td>d</table>", "- a\n\nb\n\nc\n\nd"),
        ("<a href='/x'><div>a</div></a>", "a"),
        ("<p><a href='//other.example/a (b)'>c</a></p>", "[c](https://other.example/a%20%28b%29)"),
        (
            "<p><a href='http://[bad'>c</a> <a>d</a> <a href=''>e</a> <a href='data:text/html,x'>f</a></p>",
            "c d e f",
        ),
        ("<p>She said <q>yes</q>.</p><hr>", "She said “yes”.\n\n---"),
        ("<details><summary>More</summary>Less</details>", "**More**\n\nLess"),
        ("<h2>Gone</h2>", ""),
        ("<h2>One</h2><p>two</p>", "## One\n\ntwo"),
        ("<p>1986. A great year, 3) it</p>", r"1986\. A great year, 3) it"),
        ("<p>===</p><p>-5 degrees</p><p>+ one</p>", "\\===\n\n-5 degrees\n\n\\+ one"),
    ],
)
def test_elements_become_markdown(html: str, markdown: str) -> None:
    assert after_prose(html) == markdown


def test_a_base_element_says_where_links_lead() -> None:
    html = f"<head><base href='/docs/'></head><body><p>{PROSE} <a href='a.html'>more</a></p></body>"
    assert "[more](https://news.example/docs/a.html)" in of(html).text
    assert "more" in of(html, address=None).text and "](" not in of(html, address=None).text


def test_sections_of_the_same_kind_stay_together() -> None:
    """The first has most of the text, and the second is of the article all the same."""
    html = f"<main><section><h2>One</h2>{f'<p>{PROSE}</p>' * 20}</section><section><h2>Two</h2><p>{MORE}</p></section></main>"
    assert "## Two" in of(html).text and MORE in of(html).text


def test_a_list_of_links_in_the_article_goes_with_its_heading() -> None:
    links = "".join(f"<li><a href='/{n}'>What happened on day {n}</a></li>" for n in range(4))
    html = f"<article><p>{PROSE}</p><h3>Elsewhere</h3><ul>{links}</ul><h3>Then</h3><p>{MORE}</p></article>"
    assert of(html).text == f"{PROSE}\n\n### Then\n\n{MORE}"


def test_links_that_are_described_stay() -> None:
    items = "".join(
        f"<li><a href='/{n}'>Part {n}</a>: how the bridge was built in year {n}</li>" for n in range(4)
    )
    assert (
        "[Part 3](https://news.example/3): how"
        in of(f"<article><p>{PROSE}</p><ul>{items}</ul></article>").text
    )


@pytest.mark.parametrize(
    "part", ["section id='menu-bar'", "div class=section id='related-work'", "p id=share"]
)
def test_a_section_about_menus_is_no_menu(part: str) -> None:
    html = f"<main><p>{PROSE}</p><p>{PROSE}</p><{part}>{MORE}</{part.partition(' ')[0]}></main>"
    assert MORE in of(html).text


def test_what_is_called_a_sidebar_and_holds_the_text_is_the_article() -> None:
    html = f"<body><div class='layout-sidebar'><p>{PROSE}</p><p>{MORE}</p></div><div>Contact</div></body>"
    assert MORE in of(html).text


BOOK = f"""<body><ul class=docnav><li><a href=a>Back</a></li></ul><div class=section>
<div class=titlepage><div><div><h2 class=title>The bridge</h2></div><div><p class=copyright>Copyright 2026 Ada</p></div></div></div>
<div class=para>{PROSE}</div><div class=para>{PROSE}</div>
<div class=sidebar><div class=titlepage><p class=title><strong>TIP The ferry</strong></p></div><div class=para>{MORE}</div></div>
<div class=footnote><p><a href="#r1"><sup>[1] </sup></a>Found at <a href="https://a.example/x">https://a.example/x</a> and
<a href="https://b.example/y">https://b.example/y</a>.</p></div></div></body>"""


@pytest.mark.parametrize("part", ["Copyright 2026 Ada", "TIP The ferry", MORE, "Found at"])
def test_boxes_notices_and_footnotes_of_a_book_stay(part: str) -> None:
    assert part in of(BOOK).text


def test_a_sentence_that_is_mostly_links_stays() -> None:
    links = [f"<a href='/{n}'>parser.parse_argument_number_{n}()</a>" for n in range(3)]
    html = f"<main><p>{PROSE}</p><p>Replace {links[0]} by {links[1]} and {links[2]}.</p><p>{' · '.join(links)}</p></main>"
    assert "Replace" in of(html).text and "·" not in of(html).text


def test_a_box_in_documentation_stays() -> None:
    box = f"<aside class=sidebar><p class=sidebar-title>Tutorial</p><p>{MORE}</p></aside>"
    assert f"Tutorial\n\n{MORE}" in of(f"<div role=main><p>{PROSE}</p>{box}<p>{PROSE}</p></div>").text


def test_a_chapter_keeps_its_heading_and_its_introduction() -> None:
    """Of which the first section has far more text."""
    title = "<div class=titlepage><div><div><h2 class=title>{}</h2></div></div></div>"
    section = f"<div class=section>{title.format('Policy')}{f'<p>{PROSE}</p>' * 9}</div>"
    html = f"<body><div class=chapter>{title.format('Security')}<div class=highlights><p>{MORE}</p></div>{section}</div></body>"
    assert of(html).text.startswith(f"## Security\n\n{MORE}\n\n## Policy\n\n{PROSE}")


@pytest.mark.parametrize("part", ["sidebar", "copyright"])
def test_other_pages_have_no_part_in_that(part: str) -> None:
    html = f"<body><p>{PROSE}</p><p>{PROSE}</p><div class={part}><p>{MORE}</p></div></body>"
    assert MORE not in of(html).text


@pytest.mark.parametrize(
    "page",
    [
        "<!doctype html><title>T</title><article><h1>T</h1>{}</article>",
        "<!doctype html><meta charset=utf-8><title>T</title><main><article><h1>T</h1>{}</article></main>",
        "<!doctype html><html lang=en><head><title>T</title></head><article><h1>T</h1>{}</article></html>",
        "<!doctype html><title>T</title><article><h1>T</h1>{}</article><footer>Imprint</footer>",
        "<!doctype html><title>T</title><section><h1>T</h1>{}</section>",
        "<article><h1>T</h1>{}</article>",
    ],
)
def test_a_page_needs_no_body_element(page: str) -> None:
    found = of(page.format(f"<p>{PROSE}</p><p>{MORE}</p>"))
    assert found.text == f"# T\n\n{PROSE}\n\n{MORE}"
    assert found.title == "T"


def test_what_follows_a_section_without_a_body_stays_behind_it() -> None:
    html = (
        f"<title>T</title><section><p>{PROSE}</p></section>And so on, they say in the harbour.<p>{MORE}</p>"
    )
    assert of(html).text == f"{PROSE}\n\nAnd so on, they say in the harbour.\n\n{MORE}"


def test_a_page_of_links_is_kept_where_there_is_nothing_else() -> None:
    links = "".join(f"<li><a href='/{n}'>What happened on day {n} of the year</a></li>" for n in range(5))
    assert "[What happened on day 4 of the year](https://news.example/4)" in of(f"<ul>{links}</ul>").text


LINKED = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "Organization", "name": "The Example News"},
        {"@type": ["NewsArticle"], "headline": "The bridge", "datePublished": "2026-11-19", "inLanguage": "de",
         "author": [{"name": "Ada"}, {"name": "Bob"}, "https://news.example/carol"]},
    ],
}  # fmt: skip


def with_head(head: str) -> Extracted:
    return of(f"<html><head>{head}</head><body><p>{PROSE}</p></body></html>")


def test_linked_data_come_first() -> None:
    found = with_head(
        f"<script type='application/ld+json'>{json.dumps(LINKED)}</script><meta name=author content=Eve><title>No</title>"
    )
    assert (found.title, found.author, found.date, found.language) == (
        "The bridge",
        "Ada, Bob",
        "2026-11-19",
        "de",
    )


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "[" * 100_000,
        '"text"',
        "null",
        '{"@type": 5, "@graph": 7}',
        '{"@type": "Article", "author": {"name": {}}, "headline": []}',
    ],
)
def test_broken_linked_data_are_passed_over(data: str) -> None:
    found = with_head(
        f"<script type='application/ld+json'>{data}</script><title>Yes</title><meta name=date content=2026/11/18>"
    )
    assert (found.title, found.author, found.date) == ("Yes", None, "2026-11-18")


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>The bridge - The Example News</title><meta property=og:site_name content='the example news'>", "The bridge"),
        ("<title>The bridge - and more</title>", "The bridge - and more"),
        ("<meta property='og:title' content='Shared'><title>Shown</title>", "Shared"),
        ("<title> \n</title>", None),
        ("<title>A\x1b[31m\u202eB&#10;C</title>", "A[31mB C"),
    ],
)  # fmt: skip
def test_the_title_is_the_articles(head: str, title: str | None) -> None:
    assert with_head(head).title == title


@given(st.text(alphabet="<>/=\"' abcdehilnoprstuv1&;*_`[]()#-|\n", max_size=300))
def test_any_markup_ends_in_text_or_in_a_failure_with_a_code(body: str) -> None:
    text = of(page(body)).text
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inner = [child for token in tokens for child in [token, *(token.children or ())]]
    assert not {token.type for token in inner} & {"html_block", "html_inline", "image"}
    assert all(
        str(token.attrs["href"]).startswith("https://") for token in inner if token.type == "link_open"
    )


@given(st.binary(max_size=200))
def test_any_bytes_end_in_text_or_in_a_failure_with_a_code(data: bytes) -> None:
    try:
        found = of(data)
    except ImportFailure as failure:
        found = None
        code = failure.code
    assert (found is not None and found.text) or code in ("empty", "no_text", "unknown_format", "too_complex")
