"""The sentence splitter: any script, exact offsets, linear time."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.summarizing.sentences import (
    LONGEST_SENTENCE_CHARS,
    LONGEST_UNMARKED_CHARS,
    Span,
    is_turn,
    sentences,
)

HOSTILE = [
    ". . . ", '!"!"', ".....x", "Mr. Mr. ", "a.b.", "(((((", "))))).", "\n \n ", "A. A. ", "1. ", "。」",
    "[1].[1]", "   ", "A: b\n", "x\n", "Ab Cd Ef: ", "- ", "| a ", "```\n", "ก", "a, ", "?!", "... ",
]  # fmt: skip

PARAGRAPHS = {
    "english": [
        "Mr. Smith met Dr. J. R. R. Tolkien in the U.S.",
        "The price was 3.5 dollars.",
        "He paid, i.e. lost.",
    ],
    "quotes": ['"Who are you?" she asked.', '"Nobody!"', "(He left.)", "Then it was quiet..."],
    "companies": ["Apple Inc. Chief Cook spoke.", "He left Apple Inc.", "The rest stayed."],
    "numbers": ["See Fig. 3 and No. 5 of vol. 2.", "He said no.", "In 2003.", "17 people came."],
    "german": [
        "Am 3. Oktober kam z. B. Dr. Müller.",
        "Die Kirche des 14. Jahrhunderts steht bzw. Reste.",
        "Es war 1999.",
    ],
    "french": ["M. Dupont habite Paris.", "Est-ce vrai ?", "« Oui ! »", "Mme Curie le dit."],
    "spanish": ["La Sra. Ruiz llegó.", "¿Qué pasa?", "¡Nada!"],
    "russian": ["А. С. Пушкин родился в 1799 г. в Москве.", "Он писал стихи.", "И т. д."],
    "chinese": ["我休息一下。", "价格是3.5元！", "为什么？", "“好。”"],
    "japanese": ["「行こう。」と彼は言った。", "価格は３．５です。", "次の文！？"],
    "hindi": ["डॉ. शर्मा आए।", "क्या यह ठीक है?", "हाँ।"],
    "arabic": ["هذه جملة طويلة.", "هل هذه جملة؟", "نعم."],
    "chat": ["so i went there.", "it was closed, e.g. for lunch.", "why?", "no idea"],
    "footnotes": ["It grew.[1]", "Nobody knows why.[2][3]", "The end."],
}


def parts(text: str) -> list[str]:
    return [span.of(text) for span in sentences(text)]


@pytest.mark.parametrize("language", PARAGRAPHS)
def test_sentences_end_at_their_marks_in_each_script(language: str) -> None:
    expected = PARAGRAPHS[language]
    joint = "" if language in ("chinese", "japanese") else " "
    assert parts(joint.join(expected)) == expected


def test_hard_wrapped_lines_are_one_sentence() -> None:
    text = (
        "The library keeps a summary of each\ndocument, written when Alice\nsaves it. Nobody waits for\nit."
    )
    assert parts(text) == [text[: text.index(" Nobody")], "Nobody waits for\nit."]


def test_a_line_that_goes_on_small_is_the_same_sentence_however_it_was_wrapped() -> None:
    text = "It is short here\nbut it goes on for a good deal longer on the second of the lines."
    assert parts(text) == [text]


def test_a_blank_line_ends_a_sentence_without_a_mark() -> None:
    assert parts("A heading\n  \nThe text. ") == ["A heading", "The text."]


def test_a_heading_right_above_its_paragraph_stands_alone() -> None:
    long = "This paragraph is a good deal wider than its heading, as they are. It has two sentences."
    assert parts(f"Results\n{long}") == ["Results", *parts(long)]


def test_list_lines_are_units_without_their_marks() -> None:
    assert parts("To buy:\n- milk\n* two eggs. Or three.\n1. Bread\n2) Tea\n• Salt") == [
        "To buy:", "milk", "two eggs.", "Or three.", "Bread", "Tea", "Salt",
    ]  # fmt: skip


def test_each_speaker_begins_a_sentence() -> None:
    assert parts("Alice: Good morning\nBob Smith: I would say\nCharlie: No.") == [
        "Alice: Good morning", "Bob Smith: I would say", "Charlie: No.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line", ["Alice: Hello", "Dr. Bob Smith: Yes", "00:12:03 Alice: Hello", "[00:12] so we", "主持人：大家好"]
)
def test_a_turn_is_recognised(line: str) -> None:
    assert is_turn(line)


@pytest.mark.parametrize(
    "line", ["The end.", "we said: no", "https://example.org", "A sentence of many words, that says this: no"]
)
def test_prose_is_no_turn(line: str) -> None:
    assert not is_turn(line)


def test_thai_falls_back_to_lines_and_a_length_cap() -> None:
    text = "สวัสดีครับ ยินดีต้อนรับ " * 40 + "\nบรรทัดที่สอง"
    assert parts(text)[-1] == "บรรทัดที่สอง"
    assert max(map(len, parts(text))) <= LONGEST_UNMARKED_CHARS


def test_captions_without_marks_are_cut_to_bearable_lengths() -> None:
    pieces = parts("and so we went on, and on " * 400)
    assert max(map(len, pieces)) <= LONGEST_SENTENCE_CHARS
    assert all(piece.endswith(",") for piece in pieces[:-1])


def test_nothing_comes_of_nothing() -> None:
    assert sentences("") == sentences(" \n\t\n ") == []


@pytest.mark.parametrize("pattern", HOSTILE)
def test_time_grows_with_the_text_and_not_with_its_malice(pattern: str) -> None:
    small, large = _seconds(pattern, 12_000), _seconds(pattern, 96_000)
    # Eight times the text: a quadratic splitter needs 64 times as long, a cubic one 512.
    assert large < 30 * max(small, 0.002)


def _seconds(pattern: str, length: int) -> float:
    text = (pattern * length)[:length]
    return min(_once(text) for _ in range(3))


def _once(text: str) -> float:
    start = time.process_time()
    sentences(text)
    return time.process_time() - start


PIECES = [
    "Alice", "went", "home", ".", "!", "?", "。", "我们", "\n", "\n\n", " ", "- ", "Dr.", "3.5",
    '"', ")", "।", "ก", "A:",
]  # fmt: skip
PROSE = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@given(st.one_of(PROSE, st.text(max_size=300)))
def test_spans_are_ordered_disjoint_trimmed_and_hold_every_letter(text: str) -> None:
    spans = sentences(text)
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(text)
        assert span.of(text) == span.of(text).strip()
        end = span.end
    outside = re.sub(r"^\s*[a-z]\)", "", _outside(text, spans), flags=re.MULTILINE)  # the mark of a list line
    assert not any(map(str.isalpha, outside))


def _outside(text: str, spans: list[Span]) -> str:
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return "\n".join(text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
