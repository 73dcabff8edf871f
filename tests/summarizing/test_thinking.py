"""What a model thinks never shows, in whatever pieces it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.summarizing.engine import Reset, Thinking, Words
from webapp.summarizing.thinking import MARKS, PreambleFilter, ThoughtFilter

PARTS = st.sampled_from(
    [*MARKS, "<THINK>", "`", '"', "<", "</", "<|", "[", "a", "final", " ", "\n", "- b", "<b>", "think>"]
)
TEXTS = st.lists(PARTS, max_size=12).map("".join)


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places})
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def shown(parts: list[str]) -> str:
    thoughts, text = ThoughtFilter(), ""
    for piece in [piece for part in parts for piece in thoughts.feed(part)] + thoughts.finish():
        text = "" if isinstance(piece, Reset) else text + piece.text if isinstance(piece, Words) else text
    return text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Nothing to hide.", "Nothing to hide."),
        ("<think>hm</think>Yes", "Yes"),
        ("<THINKING>hm</Thinking>Yes", "Yes"),
        ("<reasoning>hm < 5 </reasoning>Yes", "Yes"),
        ("<thought></thought>Yes", "Yes"),
        ("[THINK]hm[/THINK]Yes", "Yes"),
        ("<think>a</think>1<think>b</think>2", "12"),
        ("So far hm</think>Yes", "Yes"),
        ("a</think>b</think>Yes", "Yes"),
        ('He said "hm"</think>Yes', "Yes"),
        ("<think>It ends in `</think>Yes", "Yes"),
        ("<think>never closed", ""),
        (
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes<|return|>",
            "Yes",
        ),
        ("<|start|>assistant<|channel|>commentary<|message|>hm<|end|>", ""),
        ("<|message|>Yes<|im_end|>", "Yes"),
        ("Yes<|im_end|>", "Yes"),
        ("if a < b and b <= c [1] <b>", "if a < b and b <= c [1] <b>"),
        ("ends in <thin", "ends in <thin"),
        ("The tags `<think>` and `</think>` frame it.", "The tags `<think>` and `</think>` frame it."),
        ('The tags "<think>" and "</think>" frame it.', 'The tags "<think>" and "</think>" frame it.'),
    ],
)
def test_only_the_answer_shows(text: str, left: str) -> None:
    assert shown([text]) == left
    assert shown(list(text)) == left


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8))
def test_result_does_not_depend_on_the_pieces(text: str, places: list[int]) -> None:
    assert shown(cut(text, places)) == shown([text])


@given(st.text(st.characters(exclude_characters="<[")))
def test_text_without_brackets_passes_at_once(text: str) -> None:
    thoughts = ThoughtFilter()
    assert all(thoughts.feed(letter) == [Words(letter)] for letter in text)


@pytest.mark.parametrize("text", ["- a <b", "x [1", "a < b", "<|x", "a </b", "a [[T"])
def test_bracket_is_held_back_only_while_it_may_begin_a_mark(text: str) -> None:
    assert shown([text]) == text
    thoughts = ThoughtFilter()
    assert (
        "".join(piece.text for piece in thoughts.feed(text + "!") if isinstance(piece, Words)) == text + "!"
    )


@given(TEXTS)
def test_something_comes_out_of_everything_that_goes_in(text: str) -> None:
    thoughts = ThoughtFilter()
    assert all(thoughts.feed(letter) for letter in text)


def test_words_before_a_bare_closing_tag_are_taken_back() -> None:
    thoughts = ThoughtFilter()
    assert thoughts.feed("Let me see.") == [Words("Let me see.")]
    assert thoughts.feed("</thi") == [Thinking()]
    assert thoughts.feed("nk>Yes") == [Reset(), Words("Yes")]


def test_open_thought_is_known() -> None:
    thoughts, open_after = ThoughtFilter(), []
    for text in ("Yes. <think>or", "</think>", "<|return|>"):
        thoughts.feed(text)
        open_after.append(thoughts.is_open)
    assert open_after == [True, False, False]


def without_preamble(parts: list[str], *, is_prose: bool = False) -> str:
    preamble, text = PreambleFilter(is_prose=is_prose), ""
    for pieces in [*map(preamble.feed, parts), preamble.finish()]:
        for piece in pieces:
            text = text + piece.text if isinstance(piece, Words) else ""
    return text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("- One.\n- Two.", "- One.\n- Two."),
        ("Here is a summary:\n- One.", "- One."),
        ("**Voici le résumé :**\n\n* Un.", "* Un."),
        ("以下は要点です：\n\n- 一。", "- 一。"),
        ("Sure! Key points:\n1. One.", "1. One."),
        (
            "There were three causes:\nwar, plague and famine.",
            "There were three causes:\nwar, plague and famine.",
        ),
        ("Ada wrote it.\n- Really.", "Ada wrote it.\n- Really."),
        ("- Three causes:\n- war", "- Three causes:\n- war"),
        ("It ends here:", "It ends here:"),
        ("It ends here:\n\n", "It ends here:"),
        (f"{'long ' * 60}:\n- One.", f"{'long ' * 60}:\n- One."),
        (" \n\n- One. \n \n", "- One."),
        ("-", "-"),
        (" \n ", ""),
        ("Here is a summary:\n\n### One\n\n- Two.", "### One\n\n- Two."),
        ("### Causes:\n\n- One.", "### Causes:\n\n- One."),
        ("#hashtags are marks.\n- One.", "#hashtags are marks.\n- One."),
        ("Here is a summary:\n\nAda wrote it.", "Here is a summary:\n\nAda wrote it."),
    ],
)
def test_chatter_before_the_bullets_is_dropped(text: str, left: str) -> None:
    assert without_preamble([text]) == left
    assert without_preamble(list(text)) == left


@given(
    st.lists(
        st.sampled_from(["-", "*", "1", ".", " ", "\n", ":", "a", "#", "Here:", "\n\n- b", "x" * 150]),
        max_size=10,
    ),
    st.lists(st.integers(0, 500), max_size=6),
    st.booleans(),
)
def test_chatter_does_not_depend_on_the_pieces(parts: list[str], places: list[int], is_prose: bool) -> None:
    text = "".join(parts)
    assert without_preamble(cut(text, places), is_prose=is_prose) == without_preamble(
        [text], is_prose=is_prose
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Here is a summary:\n\nAda wrote it.", "Ada wrote it."),
        ("**Résumé :**\n \nAda l'a écrit.", "Ada l'a écrit."),
        ("Here is a summary:\n\n- Ada wrote it.", "- Ada wrote it."),
        (
            "There were three causes:\nwar, plague and famine.",
            "There were three causes:\nwar, plague and famine.",
        ),
        ("Ada wrote it.\n\nBob read it.", "Ada wrote it.\n\nBob read it."),
        ("It ends here:\n\n", "It ends here:"),
    ],
)
def test_chatter_before_a_lone_paragraph_is_dropped(text: str, left: str) -> None:
    assert without_preamble([text], is_prose=True) == left
    assert without_preamble(list(text), is_prose=True) == left


def test_first_word_shows_at_once_whatever_it_is() -> None:
    assert PreambleFilter().feed("Ada") == [Words("Ada")]


def test_bullet_shows_with_its_first_word() -> None:
    preamble = PreambleFilter()
    assert preamble.feed("-") == preamble.feed(" ") == []
    assert preamble.feed("Ada") == [Words("- Ada")]


def test_preamble_is_taken_back_once_a_bullet_follows() -> None:
    preamble = PreambleFilter()
    assert preamble.feed("Here:") == [Words("Here:")]
    assert preamble.feed("\n\n-") == []
    assert preamble.feed(" One") == [Reset(), Words("- One")]
