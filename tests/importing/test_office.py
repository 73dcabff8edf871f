"""Office files and books: their structure as Markdown, and what they say of themselves."""

import pytest

from tests.importing.conftest import Read
from tests.importing.files import (
    core,
    docx,
    epub_parts,
    footnotes,
    odt_parts,
    para,
    pptx_parts,
    table,
    zipped,
)

REMOTE_IMAGE = '<img src="https://tracker.example/x.png" alt="a cat"/>'


def test_a_docx_keeps_headings_paragraphs_and_tables(read: Read) -> None:
    body = para("Results", "heading1") + para("All went well.") + table(("Name", "Value"), ("a|b", "2"))
    found = read(docx(body, properties=core("My Report", "Ann Other", "2020-05-06T07:08:09Z", "en-GB")))
    assert (found.kind, found.format) == ("docx", "markdown")
    assert found.text.startswith("# Results\n\nAll went well.\n\n| Name | Value |\n|")
    assert r"a\|b" in found.text
    assert (found.title, found.author, found.date, found.language) == (
        "My Report", "Ann Other", "2020-05-06", "en-GB")  # fmt: skip


def test_a_docx_keeps_the_paragraph_in_the_style_of_a_title(read: Read) -> None:
    found = read(docx(para("The Whale", "Title") + para("Call me Ishmael.")))
    assert found.text == "# The Whale\n\nCall me Ishmael.\n"
    assert found.title == "The Whale"


def test_what_a_footnote_says_is_kept(read: Read) -> None:
    body = para("Known.", inside='<w:r><w:footnoteReference w:id="1"/></w:r>')
    assert "as Euler showed" in read(docx(body, more=footnotes("as Euler showed"))).text


def test_markup_in_the_words_of_a_docx_stays_words(read: Read) -> None:
    words = "&lt;script&gt;alert(1)&lt;/script&gt; *not bold* ![x](https://evil.example/)"
    text = read(docx(para(words))).text
    assert r"\<script\>" in text
    assert "](" not in text.replace(r"\]", "")


@pytest.mark.parametrize("title", ["Microsoft Word - Entwurf.doc", "untitled", "report.docx", "  "])
def test_a_title_that_no_person_wrote_is_none(read: Read, title: str) -> None:
    assert read(docx(para("Some words."), properties=core(title))).title is None


def test_an_odt_keeps_its_structure_and_properties(read: Read) -> None:
    body = (
        '<text:h text:outline-level="2">Ziel</text:h><text:p>Erster Absatz.</text:p>'
        "<text:list text:style-name='B'><text:list-item><text:p>eins</text:p></text:list-item>"
        "<text:list-item><text:p>zwei</text:p></text:list-item></text:list>"
    )
    meta = (
        "<dc:title>Der Bericht</dc:title><meta:initial-creator>Eva Erste</meta:initial-creator>"
        "<dc:creator>Otto Letzter</dc:creator><meta:creation-date>2018-01-02T03:04:05</meta:creation-date>"
        "<dc:date>2022-01-01T00:00:00</dc:date>"
    )
    found = read(zipped(odt_parts(body, meta=meta)))
    assert found.text == "## Ziel\n\nErster Absatz.\n\n- eins\n- zwei\n"
    assert (found.kind, found.title, found.author) == ("odt", "Der Bericht", "Eva Erste")
    assert (found.date, found.language) == ("2018-01-02", "de-CH")


def test_a_book_is_read_in_the_order_of_its_spine(read: Read) -> None:
    found = read(zipped(epub_parts("<h1>One</h1><p>First.</p>", "<h1>Two</h1><p>Second.</p>")))
    assert found.text == "# One\n\nFirst.\n\n# Two\n\nSecond.\n"
    assert (found.kind, found.title, found.author, found.date, found.language) == (
        "epub", "A Small Book", "Ada Author", "2019-04-01", "fr")  # fmt: skip


def test_a_book_loses_scripts_images_and_links_into_itself(read: Read) -> None:
    page = (
        f'<p>See <a href="c1.xhtml#x">below</a> {REMOTE_IMAGE}<script>alert(1)</script>'
        '<a href="javascript:alert(1)">click</a> <a href="https://example.org/a">site</a></p>'
    )
    text = read(zipped(epub_parts(page))).text
    assert "tracker" not in text
    assert "alert" not in text
    assert "See below" in text
    assert "[site](https://example.org/a)" in text


def test_a_table_that_markdown_cannot_say_is_kept_as_far_as_it_can(read: Read) -> None:
    page = (
        '<table><tr><th colspan="2">Both</th></tr><tr><td rowspan="2">left</td><td><p>one</p><p>two</p></td></tr>'
        "<tr><td>three</td></tr></table>"
    )
    rows = [row for row in read(zipped(epub_parts(page))).text.splitlines() if row.startswith("|")]
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if "--" not in row] == [
        ["Both", ""],
        ["left", "one two"],
        ["", "three"],
    ]


def test_a_table_that_lays_out_a_page_becomes_its_contents(read: Read) -> None:
    page = "<table><tr><td><table><tr><td>a</td><td>b</td></tr></table><h2>News</h2><p>Hello.</p></td></tr></table>"
    text = read(zipped(epub_parts(page))).text
    assert "## News" in text
    assert "\nHello." in text


def test_slides_follow_each_other_under_their_titles(read: Read) -> None:
    found = read(zipped(pptx_parts(("Why", "Because."), ("How", "Slowly."))))
    assert found.text == "## Why\n\nBecause.\n\n## How\n\nSlowly.\n"
    assert (found.kind, found.pages, found.title, found.author, found.date) == (
        "pptx", 2, "A Talk", "Ben Speaker", "2021-02-03")  # fmt: skip


def test_rich_text_keeps_emphasis_and_letters_beyond_ascii(read: Read) -> None:
    found = read(rb"{\rtf1\ansi\ansicpg1252 {\b Gr\'fc\'dfe} aus Z\u252?rich.\par Zweiter Absatz.\par}")
    assert found.text == "**Grüße** aus Zürich.\n\nZweiter Absatz.\n"
    assert found.kind == "rtf"


def test_rich_text_keeps_headings_and_not_the_look_of_its_styles(read: Read) -> None:
    styles = (
        rb"{\stylesheet{\s1 \b Heading 1;}{\s2\outlinelevel1 Kapitel;}{\s26\i Body;}{\*\cs21\i Emphasis;}}"
    )
    body = rb"\pard\plain\s1\b Top\par\pard\plain\s2 Below\par\pard\plain\s26 Words.\par"
    assert read(rb"{\rtf1\ansi" + styles + body + b"}").text == "# Top\n\n## Below\n\nWords.\n"


def test_rich_text_says_its_title_author_and_date(read: Read) -> None:
    info = rb"{\info{\title \'dcber Bienen}{\author B. Keeper}{\creatim\yr2009\mo3\dy7\hr1\min2}}"
    found = read(rb"{\rtf1\ansi" + info + rb" Summ.}")
    assert (found.title, found.author, found.date) == ("Über Bienen", "B. Keeper", "2009-03-07")


@pytest.mark.parametrize(
    ("rtf", "words"),
    [
        (rb"{\rtf1\ansi Z\u252?rich \u8217?s}", "Zürich ’s"),
        (rb"{\rtf1\ansi Z\u252\'fcrich}", "Zürich"),
        (rb"{\rtf1\ansi{\uc2 \u20320\'c4\'e3}\'fc}", "你ü"),
        (rb"{\rtf1\ansi\uc0 Z\u252 rich}", "Zürich"),
        (rb"{\rtf1\ansi \u-10179?\u-8704?!}", "😀!"),
        (rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
        (rb"{\rtf1\ansi{\fonttbl{\f0\fcharset134 SimSun;}}{\f0 \'c4\'e3\'ba\'c3} caf\'e9}", "你好 café"),
        (rb"{\rtf1\ansi 50\'25 of \\e9 \'7bx\'7d}", r"50% of \e9 {x}"),
    ],
)
def test_rich_text_is_read_in_the_code_page_it_was_written_in(read: Read, rtf: bytes, words: str) -> None:
    assert read(rtf).text.strip() == words


def test_markdown_is_kept_without_html_images_and_front_matter(read: Read) -> None:
    source = (
        b"---\ntitle: 'On Bees'\nauthor: B. Keeper\ndate: 2023-07-08\nlang: en\ntags: [a]\n---\n\n"
        b"## Hive\n\nPress <kbd>Ctrl</kbd>. ![pixel](https://evil.example/p.png)\n\n"
        b"| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nif a < b: pass\n```\n\n<div onclick=x>\nhidden\n</div>\n"
    )
    found = read(source, "bees.md")
    assert (found.kind, found.format) == ("markdown", "markdown")
    assert (found.title, found.author, found.date, found.language) == (
        "On Bees",
        "B. Keeper",
        "2023-07-08",
        "en",
    )
    assert "## Hive" in found.text
    assert "if a < b: pass" in found.text
    assert "| 1 " in found.text
    assert "Press Ctrl." in found.text
    assert "evil.example" not in found.text
    assert "<div" not in found.text
