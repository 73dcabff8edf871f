"""The languages that a reader may pick, and when an answer is plainly in another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.summarizing.test_prompt import TEXTS
from webapp.summarizing.language import LANGUAGES, code_of, is_plainly_other, language_of, name_of

NAMES = [language.name for language in LANGUAGES]


def test_names_endonyms_and_codes_are_there_once_each() -> None:
    for column in zip(*LANGUAGES, strict=True):
        assert len(set(column)) == len(LANGUAGES)
        assert all(column)
    assert sorted(NAMES) == NAMES


def test_names_and_codes_lead_to_each_other() -> None:
    assert all(name_of(code) == name and code_of(name) == code for name, _, code in LANGUAGES)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("pt-BR", "Portuguese"),
        ("zh_Hant_TW", "Chinese"),
        (" DE ", "German"),
        ("nb-NO", "Norwegian"),
        ("nn", "Norwegian"),
    ],
)
def test_regions_and_scripts_of_a_code_do_not_matter(code: str, name: str) -> None:
    assert name_of(code) == name


@pytest.mark.parametrize("unknown", ["", "xx", "tlh", "english", "English"])
def test_what_is_not_on_the_list_has_no_name(unknown: str) -> None:
    assert name_of(unknown) is None
    assert code_of(unknown.lower()) is None


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_that_is_recognised_can_be_picked(language: str) -> None:
    assert language in NAMES


@pytest.mark.parametrize("language", TEXTS)
def test_text_is_not_other_than_its_own_language_and_plainly_other_than_the_rest(language: str) -> None:
    assert [name for name in NAMES if not is_plainly_other(TEXTS[language], name)] == [language]


@pytest.mark.parametrize(
    "text", ["", "- 12 %\n- 1,000 km", "- Ada Lovelace, 1843", "SELECT a FROM b;", "नमस्ते दुनिया।"]
)
def test_text_that_may_be_in_any_language_is_not_other_than_one(text: str) -> None:
    assert not any(is_plainly_other(text, name) for name in NAMES)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("宫崎骏的电影《となりのトトロ》" + "讲述了两个女孩搬到乡下以后遇见森林精灵的故事，受到观众的广泛喜爱，" * 5, "Chinese"),
        ("宫崎骏的电影《となりのトトロ》讲述了两个女孩搬到乡下以后遇见森林精灵的故事，影片在日本上映以后受到观众的喜爱。", None),
        ("図書館建設計画の資金", None),
        ("図書館は町の人々のために、古い基金のお金で建てられました。", "Japanese"),
        ("Газета «Київ сьогодні» выходит в столице и рассказывает о жизни города, о книгах и о новых фильмах.", "Russian"),
        ("Газета «Вечерний мыс» виходить у столиці і розповідає про життя міста, про книжки та їхніх авторів.", "Ukrainian"),
    ],
)  # fmt: skip
def test_a_name_in_another_language_does_not_decide(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_danish_and_norwegian_are_told_apart_or_left_open() -> None:
    shared = "det er en by og den har for lite, som ikke var til å se på med det og det"
    assert language_of(shared) is None
    assert language_of(f"{shared} av seg") == "Norwegian"
    assert language_of(f"{shared} af sig") == "Danish"


@given(st.text(max_size=300))
def test_whatever_is_recognised_is_on_the_list(text: str) -> None:
    assert language_of(text) in {*NAMES, None}
