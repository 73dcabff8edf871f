"""Plain text: whatever characters it was written in, and otherwise as it was typed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importing.conftest import Read
from webapp.importing.extracted import ImportFailure
from webapp.importing.texts import decoded, without_front_matter

TEXTS = {
    "cp1252": "Während die Bücher schön gebunden waren, fügte der Verleger – natürlich – noch „Größe“ hinzu. "
    * 3,
    "cp1251": "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. "
    * 3,
    "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 3,
    "gb18030": "满纸荒唐言，一把辛酸泪。都云作者痴，谁解其中味。" * 4,
    "euc_kr": "동해물과 백두산이 마르고 닳도록 하느님이 보우하사 우리나라 만세" * 4,
}


def test_a_plain_text_stays_as_it_was_typed(read: Read) -> None:
    typed = "Title\n=====\n\n\n  indented *stars* <b>\n\ttab   \n1) x\n"
    found = read(typed.encode(), "notes.txt")
    assert (found.text, found.format, found.kind, found.title) == (typed, "plain", "text", None)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_become_ours(end: str) -> None:
    assert decoded(f"a{end}{end}b{end}".encode()) == "a\n\nb\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_whatever_its_form(encoding: str) -> None:
    assert decoded("Grüße, 世界 😀".encode(encoding)) == "Grüße, 世界 😀"


@pytest.mark.parametrize("encoding", TEXTS)
def test_older_encodings_are_recognised_by_what_they_hold(encoding: str) -> None:
    assert decoded(TEXTS[encoding].encode(encoding)) == TEXTS[encoding]


def test_a_declared_charset_goes_before_guesses_but_not_before_a_mark() -> None:
    assert decoded("Привет".encode("koi8-r"), "koi8-r") == "Привет"
    assert decoded("Привет".encode("utf-16"), "koi8-r") == "Привет"
    assert decoded(b"\x93quoted\x94", "iso-8859-1") == "“quoted”"


@pytest.mark.parametrize("charset", ["no-such-thing", "base64", "rot13", "\0"])
def test_a_charset_that_is_none_is_not_heeded(charset: str) -> None:
    assert decoded("Grüße".encode(), charset) == "Grüße"


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "utf-16", "ascii", "gbk", "hex"]))
def test_any_bytes_are_a_text_or_no_text(data: bytes, charset: str | None) -> None:
    with suppress(ImportFailure):  # and no other error
        assert "\r" not in decoded(data, charset)


def test_front_matter_is_no_text_but_a_rule_is() -> None:
    text, said = without_front_matter('---\nTitle: "Bees"\nauthor:\n  - A\n---\nText\n\n---\n')
    assert (text, said.title, said.author) == ("Text\n\n---\n", "Bees", None)
    assert without_front_matter("Text\n---\ntitle: x\n---\n")[0].startswith("Text")
