"""PDFs as people would type them: paragraphs whole, headings, lists and code kept, running heads gone."""

from tests.importing.conftest import Read
from tests.importing.pdfs import Said, pdf, pdf_of, said

PARAGRAPH = (
    "It was the best of times, it was the worst of times, it was the age of",
    "wisdom, it was the age of foolishness, it was the epoch of belief, it",
    "was the epoch of incredulity. It was the season of Light.",
)
WHOLE = " ".join(PARAGRAPH)


def test_the_lines_of_a_paragraph_are_one(read: Read) -> None:
    assert read(pdf(said(*PARAGRAPH))).text == f"{WHOLE}\n"


def test_a_gap_or_an_indent_begins_a_paragraph(read: Read) -> None:
    gap = [*said(*PARAGRAPH), *said(*PARAGRAPH, y=640)]
    assert read(pdf(gap)).text == f"{WHOLE}\n\n{WHOLE}\n"
    indent = [*said(*PARAGRAPH), Said(PARAGRAPH[0], x=90, y=664), *said(*PARAGRAPH[1:], y=652)]
    assert read(pdf(indent)).text == f"{WHOLE}\n\n{WHOLE}\n"


def test_short_lines_stay_lines(read: Read) -> None:
    address = said("The Library of Alexandria", "1 Harbour Street", "Alexandria", y=640)
    text = read(pdf([*said(*PARAGRAPH), *address])).text
    assert text.endswith("\n\nThe Library of Alexandria  \n1 Harbour Street  \nAlexandria\n")


def test_hyphens_at_line_ends_are_undone_unless_the_word_has_one(read: Read) -> None:
    lines = said(
        "Some readers of this very long paragraph will surely know the pheno-",
        "menon of words that are broken, and those who are well-known or self-",
        "made will keep their hyphens, as self-made is written with one else-",
        "where, and a US-",
    )
    text = read(pdf(lines)).text
    assert "the phenomenon of" in text
    assert "or self-made will" in text
    assert "one elsewhere, and" in text


def test_a_sentence_goes_on_over_the_page_and_past_its_footnotes(read: Read) -> None:
    first = [*said(*PARAGRAPH[:2], y=200), *said("1 The guillotine, of course.", y=80, size=7)]
    text = read(pdf(first, said(*PARAGRAPH[2:], "A new sentence begins."))).text
    assert WHOLE in text
    assert "\n\n1 The guillotine, of course." in text


def test_two_columns_are_read_one_after_the_other(read: Read) -> None:
    left = ("The left column is read", "before the right one, and", "its last sentence goes on")
    right = ("at the top of the right", "column, as in a journal.")
    text = read(pdf([*said(*left, x=72), *said(*right, x=320)])).text
    assert text == f"{' '.join(left + right)}\n"


def test_large_letters_are_headings_by_their_size(read: Read) -> None:
    page = [
        *said("A Tale of Two Cities", y=760, size=20), *said("The Period", y=720, size=14),
        *said(*PARAGRAPH), *said("The Mail", y=640, size=14), *said(*PARAGRAPH, y=620),
    ]  # fmt: skip
    text = read(pdf(page)).text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# A Tale of Two Cities", "## The Period", "## The Mail"]  # fmt: skip


def test_a_bold_line_on_its_own_is_a_heading_where_there_is_no_outline(read: Read) -> None:
    page = [*said("The Period", y=720, font="F2"), *said(*PARAGRAPH), *said("Note this:", y=650, font="F2")]
    lines = read(pdf(page)).text.splitlines()
    assert "## The Period" in lines
    assert "Note this:" in lines


def test_the_outline_tells_headings_that_look_like_text(read: Read) -> None:
    pages = (
        [*said("1. The Period", y=720), *said(*PARAGRAPH)],
        [*said("2. The Mail", y=720), *said("Dover.")],
    )
    text = read(pdf(*pages, outline=[("The Period", 0), ("The Mail", 1)])).text
    assert text.startswith(f"# 1. The Period\n\n{WHOLE}")
    assert "\n\n# 2. The Mail\n\n" in text


def test_the_parts_of_a_list_are_kept_apart_and_nested(read: Read) -> None:
    page = [
        *said("Bring:"), *said("\x95 bread and", x=80, y=680), *said("butter,", x=88, y=668),
        *said("\x95 salt.", x=80, y=656), *said("\x95 coarse", x=100, y=644), *said("1. First", x=80, y=620),
        *said("2. Second", x=80, y=608),
    ]  # fmt: skip
    data = pdf([Said(s.words.replace("\x95", "•"), *s[1:]) for s in page])
    assert read(data).text == "Bring:\n\n- bread and butter,\n- salt.\n    - coarse\n1. First\n2. Second\n"


def test_code_keeps_its_lines_and_indents(read: Read) -> None:
    code = [
        *said("def f(x):", y=640, font="F3"), *said("if x < 1:", x=96, y=628, font="F3"),
        *said("return `x`", x=120, y=616, font="F3"),
    ]  # fmt: skip
    text = read(pdf([*said(*PARAGRAPH), *code])).text
    assert text.endswith("\n\n```\ndef f(x):\n    if x < 1:\n        return `x`\n```\n")


def test_running_heads_and_page_numbers_are_dropped(read: Read) -> None:
    pages = [
        [
            *said(f"{n} A TALE OF TWO CITIES", y=800),
            *said(*PARAGRAPH, y=700 - 10 * n),
            *said(f"Chapter {n}.", y=500 - 5 * n),
            *said(str(n), y=40),
        ]
        for n in range(11, 16)
    ]
    text = read(pdf(*pages)).text
    assert "TALE" not in text
    assert text.count("It was the best of times") == 5
    assert "Chapter 13." in text
    assert "\n13\n" not in text


def test_the_text_of_a_single_page_is_never_taken_for_a_running_head(read: Read) -> None:
    assert read(pdf(said("All there is."))).text == "All there is.\n"


def test_pages_that_only_hold_a_picture_are_named(read: Read) -> None:
    image = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\nstream\n\x80\nendstream"  # fmt: skip
    words, scan = b"BT /F1 10 Tf 72 700 Td (Words.) Tj ET", b"q 500 0 0 700 40 40 cm /Im Do Q"
    found = read(pdf_of([words, scan, words, scan, b""], resources="/XObject << /Im 10 0 R >>", more=[image]))
    assert found.notes == ("Pages 2 and 4 have no text: they may be scanned.",)
    assert found.pages == 5


def test_a_pdf_says_its_title_author_date_and_language(read: Read) -> None:
    info = {"Title": "On Bees", "Author": "B. Keeper", "CreationDate": "D:20230708120000+02'00'"}
    found = read(pdf(said("Words."), info=info, catalog="/Lang (en-GB)"))
    assert (found.kind, found.format, found.pages) == ("pdf", "markdown", 1)
    assert (found.title, found.author, found.date, found.language) == (
        "On Bees",
        "B. Keeper",
        "2023-07-08",
        "en-GB",
    )


def test_what_looks_like_markup_in_a_pdf_stays_words(read: Read) -> None:
    line = "# no heading <b>bold</b> *a* [x](https://evil.example) ![y](z) &lt;"
    assert (
        read(pdf(said(line))).text
        == "\\# no heading \\<b>bold\\</b> \\*a\\* [x\\](https://evil.example) ![y\\](z) \\&lt;\n"
    )


def test_a_page_that_is_shown_turned_reads_the_same(read: Read) -> None:
    rows = [f"BT /F1 10 Tf 0 1 -1 0 {100 + 12 * n} 72 Tm ({line}) Tj ET" for n, line in enumerate(PARAGRAPH)]
    data = pdf_of(["\n".join(rows).encode()])
    assert (
        read(data.replace(b"/MediaBox [0 0 595 842]", b"/Rotate 90 /MediaBox [0 0 595 842]", 1)).text
        == f"{WHOLE}\n"
    )
