"""Grounding: which passages a summary's sentences rest on, and what these do not have."""

import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.summarizing import index as index_module
from webapp.summarizing.grounding import (
    LEAST_TERMS,
    MOST_PASSAGES,
    MOST_SENTENCES,
    Grounded,
    Index,
    as_json,
    from_json,
    ground,
)

HARBOUR = """\
# The **Harbour** report

Alice Meyer opened the harbour on 3 October 1990. It cost **1.5 million** euros, and [twelve
cranes](https://example.org/a?b=1) stand there.

The mayor did not attend the ceremony. Ships from Norway | Sweden | Denmark arrive each week, about 1,200 a year.

- The fish market closed in 2003 because the fishermen moved to the new pier.
- The World Health Organization praised the clean water of the bay.
"""


def one(sentence: str, document: str | Index = HARBOUR) -> Grounded:
    (found,) = ground(sentence, document, format="sentences")
    return found


def passages(found: Grounded, document: str = HARBOUR) -> list[str]:
    return [document[passage.start : passage.end] for passage in found.passages]


def test_a_sentence_leads_to_the_passage_that_it_rests_on() -> None:
    found = one("The fish market closed in 2003, as the fishermen moved.")
    assert found.strength == "supported"
    assert passages(found) == ["The fish market closed in 2003 because the fishermen moved to the new pier."]
    assert found.missing == () and not found.is_negation_odd


def test_a_sentence_made_of_two_leads_to_both() -> None:
    found = one("Alice Meyer opened the harbour in October 1990 for 1,500,000 euros.")
    first, second = passages(found)
    assert first.startswith("Alice Meyer opened") and second.startswith("It cost **1.5 million**")
    assert found.missing == ()


def test_a_passage_that_adds_one_word_only_is_not_shown() -> None:
    assert (
        len(one("The World Health Organization praised the clean water of the bay, and the mayor.").passages)
        == 1
    )


def test_a_sentence_about_something_else_has_no_passage() -> None:
    found = one("Quantum computers will replace every banker in Tokyo.")
    assert (found.strength, found.passages) == ("none", ())
    assert found.support < 0.2


def test_half_an_invention_has_less_support_than_the_truth() -> None:
    true = one("The fish market closed because the fishermen moved to the pier.")
    half = one("The fish market closed because elephants trampled seven greenhouses.")
    assert half.support < true.support and half.strength != "supported"


def test_a_changed_number_name_and_not_are_told_apart_from_support() -> None:
    wrong_year = one("The fish market closed in 2005 because the fishermen moved to the new pier.")
    assert (wrong_year.strength, wrong_year.missing) == ("supported", ("2005",))
    assert one("On 3 October 1990 Bob Miller opened the harbour.").missing == ("Bob Miller",)
    assert one("The mayor did attend the ceremony.").is_negation_odd
    assert one("The fishermen did not move to the new pier.").is_negation_odd
    assert not one("The mayor did not attend the ceremony.").is_negation_odd


def test_a_passage_that_adds_little_is_not_shown() -> None:
    long = "In spring the eldest of seven brothers carried grain, salt, wool and honey over the pass to the market town"
    text = f"{long}. Copper wire rusts slowly. Nothing else happened."
    assert len(one(f"{long} with copper wire.", text).passages) == 1
    assert len(one("Seven brothers carried honey, copper wire rusts.", text).passages) == 2


def test_the_passage_that_says_just_that_comes_first() -> None:
    short = "The pier is old."
    text = f"The pier is old, as everybody in the town and far beyond it knows from songs. It rained. {short}"
    assert passages(one("Old is the pier.", text), text)[0] == short


def test_what_stands_in_the_sentence_before_is_not_missing() -> None:
    text = "Then Meyer came in May. She painted the old lighthouse of the island white. It rained for days."
    assert one("In white Meyer painted the old lighthouse of the island.", text).missing == ()
    assert one("In white Carol Jones painted the old lighthouse of the island.", text).missing == (
        "Carol Jones",
    )


def test_the_first_word_is_a_name_where_the_document_has_it_as_one() -> None:
    text = "They saw Gurn at the cave. It rained for days. Noork paddled across the water to the temple of skulls."
    assert one("Gurn paddled across the water to the temple of skulls.", text).missing == ("Gurn",)
    assert one("Somebody paddled across the water to the temple of skulls.", text).missing == ()


def test_a_speaker_is_known_from_the_label_of_the_turn() -> None:
    turns = "\n".join(
        f"{name}: Well. I see. We talked about it. The {thing} must be repaired before winter comes. Yes."
        for name, thing in (("Ann Lee", "roof"), ("Tom Roe", "boiler"), ("Sue Poe", "gutter"))
    )
    assert one("The boiler must be repaired before winter comes, said Roe.", turns).missing == ()
    assert one("The boiler must be repaired before winter comes, said Poe.", turns).missing == ("Poe",)


def test_who_the_whole_text_is_about_is_not_missing() -> None:
    story = "".join(
        f"Noork went to the {place}. " for place in ("lake", "hill", "cave", "mill", "gate", "barn")
    )
    story += "It was dark. Nobody spoke. Then he paddled across the water to the temple of skulls."
    assert one("There Noork paddled across the water to the temple of skulls.", story).missing == ()
    assert one("There Gurn paddled across the water to the temple of skulls.", story).missing == ("Gurn",)


def test_marks_of_markdown_do_not_come_between() -> None:
    marked = (
        "The **cat** sat [on the](http://a.example/not-a-word) `mat` of *Al*ice.\n\nIt rained on the hills."
    )
    found = one("The cat sat on the mat of Alice.", marked)
    assert found.support > 0.99
    assert passages(found, marked) == [marked.partition("\n")[0]]


def test_sentences_of_the_document_itself_are_found_by_their_words() -> None:
    summary = (
        "The mayor did not attend the ceremony.\nIt cost 1.5 million euros, and twelve cranes stand there."
    )
    for found in ground(summary, HARBOUR, format="sentences", is_selected=True):
        assert (found.strength, found.support, found.missing) == ("exact", 1.0, ())
        assert len(found.passages) == 1
    changed = ground(
        "The mayor did not attend the big ceremony.", HARBOUR, format="sentences", is_selected=True
    )
    assert changed[0].strength == "supported"


def test_escaped_marks_are_still_the_same_words() -> None:
    text = "Use 5 * 3 [sic] in snake_case today. Then go."
    (found,) = ground(r"Use 5 \* 3 \[sic\] in snake\_case today.", text, format="markdown", is_selected=True)
    assert found.strength == "exact"


def test_only_a_selected_sentence_is_called_exact() -> None:
    assert one("The mayor did not attend the ceremony.").strength == "supported"


def test_markdown_is_grounded_but_for_headings_and_the_like() -> None:
    summary = (
        "## Key points\n\n**Overview**\n\nThe main points are:\n\n- The mayor did not attend. The harbour opened in 1990.\n"
        "- **The fish market closed.**\n\n```\ncode here is not checked\n```\n\n"
        "| Place | Year |\n|---|---|\n| fish market | 2003 |\n"
    )
    found = ground(summary, HARBOUR, format="markdown")
    assert [summary[one.start : one.end] for one in found] == [
        "The mayor did not attend.",
        "The harbour opened in 1990.",
        "**The fish market closed.**",
        "| fish market | 2003 |",
    ]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format"):
        ground("Text.", HARBOUR, format="html")


def test_another_language_or_script_is_not_checked() -> None:
    german = (
        "Der Hafen wurde im Jahr 1990 eröffnet, und die Stadt ist sehr stolz auf die neuen Schiffe, die jede "
        "Woche in den Hafen kommen und von weit her sind."
    )
    assert one(german).strength == "unchecked"
    assert one("市长没有出席港口的开幕典礼。").strength == "unchecked"
    assert one("Мэр не посетил церемонию открытия порта.").strength == "unchecked"


def test_a_language_without_a_list_is_known_by_what_it_lacks() -> None:
    english = (
        "The mayor of the town did not go to the opening of the harbour, and that was the end of it. " * 3
    )
    welsh = "Agorwyd porthladd newydd gan faer tref fach heddiw ond roedd llawer o bobl yn aros gartref wedyn"
    assert one(welsh, english).strength == "unchecked"


def test_a_document_in_two_languages_answers_in_both() -> None:
    german = "Der Hafen ist alt, und die Schiffe kommen von weit her, aber nicht mit dem Wind. " * 50
    english = "The harbour is old, and the ships that come to it are from far away in the north. " * 50
    foreign = "Die Banken der Welt haben ein neues Gesetz für sich, das nicht von dem Parlament ist."
    assert one(foreign, german + english).strength == "none"
    assert one(foreign, english).strength == "unchecked"


def test_a_sentence_that_the_document_has_is_found_in_whichever_script() -> None:
    text = (
        "The harbour is old, and ships come to it. " * 200
        + "市长没有出席港口的开幕典礼。"
        + "It is of stone. " * 200
    )
    assert one("市长没有出席港口的开幕典礼。", text).strength == "supported"
    assert one("量子计算机将取代银行职员。", text).strength == "unchecked"


def test_a_few_words_are_not_checked() -> None:
    assert one("Not good.").strength == "unchecked"
    assert LEAST_TERMS > 2


def test_chinese_and_japanese_are_compared_by_characters() -> None:
    chinese = "港口于1990年开放，花费一百五十万欧元。市长没有出席典礼。每年有一千二百艘船来到这里。渔市在2003年关闭了。"
    found = one("渔市于2003年关闭。", chinese)
    assert passages(found, chinese) == ["渔市在2003年关闭了。"] and found.missing == ()
    assert one("每年有1200艘船来到。", chinese).missing == ()
    assert one("每年有1300艘船来到。", chinese).missing == ("1300",)
    assert one("市长出席了典礼。", chinese).is_negation_odd
    assert one("量子计算机将取代银行职员。", chinese).strength == "none"
    japanese = "港は千九百九十年に開かれました。市長は式典に出席しませんでした。魚市場は閉鎖されています。"
    assert passages(one("魚市場は閉鎖された。", japanese), japanese) == ["魚市場は閉鎖されています。"]


def test_nothing_in_nothing_out() -> None:
    assert ground("", HARBOUR, format="sentences") == []
    assert ground("...\n---\n", HARBOUR, format="markdown") == []
    assert one("The mayor did not attend the ceremony.", "").passages == ()


def test_an_index_serves_many_summaries() -> None:
    index = Index(HARBOUR)
    sentence = "The World Health Organization praised the water."
    assert one(sentence, index) == one(sentence, HARBOUR)


def test_what_is_stored_comes_back() -> None:
    found = ground(
        f"{HARBOUR}\nBob Miller closed the fish market in 2005 – „so“.", HARBOUR, format="markdown"
    )
    assert any(one.missing for one in found) and any(len(one.passages) for one in found)
    stored = as_json(found)
    assert from_json(stored) == found
    assert len(stored) < 80 * len(found)


@pytest.mark.parametrize(
    "junk", ["", "{", "1", "[1]", "[[1,2]]", '{"a":1}', '[[1,2,[[3]],0.5,"none",[],false]]']
)
def test_what_was_not_stored_by_us_is_refused(junk: str) -> None:
    with pytest.raises(ValueError, match=r"stored|Expecting|unpack"):
        from_json(junk)


def test_a_summary_without_end_is_checked_as_far_as_is_reasonable() -> None:
    sentence = "The mayor did not attend the ceremony.\n"
    found = ground(sentence * (MOST_SENTENCES + 5), HARBOUR, format="sentences")
    assert [one.strength for one in found[MOST_SENTENCES - 1 :]] == ["supported"] + ["unchecked"] * 5


def test_a_document_of_too_many_words_still_finds_its_passages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "MOST_EXACT_TERMS", 500)
    monkeypatch.setattr(index_module, "BUCKETS", 4_000)
    chance = random.Random(1)
    made = [
        " ".join("".join(chance.choices(string.ascii_lowercase, k=6)) for _ in range(12)) for _ in range(400)
    ]
    text = "".join(f"{sentence.capitalize()}. " for sentence in made)
    index = Index(text)
    assert len(index._holders) <= 500 + 4_000
    assert passages(one(f"{made[350]}.", index), text) == [f"{made[350].capitalize()}."]


HOSTILE = [
    "a b c d. ",
    "**a** [x](y) ",
    "[",
    "1.1.1,",
    "U.S.A.",
    "not ",
    "字",
    "A B C ",
    "no1 000 ",
    "__",
    "\\[(",
    "|-",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("format", ["sentences", "markdown"])
def test_time_grows_with_the_length_of_the_text_and_not_with_its_malice(piece: str, format: str) -> None:
    def took(length: int) -> float:
        text = piece * (length // len(piece))
        start = time.process_time()
        ground(text, Index(text), format=format)
        return time.process_time() - start

    took(5_000)
    assert took(100_000) < 40 * max(took(10_000), 0.02)  # linear: 10


WORDS = st.sampled_from([
    "The", "Alice", "not", "harbour", "opened", "1990", "1,000", "**bold**", "[a](b)", "|", ".", "!", "\n\n", "-", "#",
    "港口", "没有", "в", "мире", "über", "3.5", "million", "U.S.",
])  # fmt: skip


@given(
    st.lists(WORDS, max_size=40),
    st.lists(WORDS, max_size=80),
    st.sampled_from(["sentences", "markdown"]),
    st.booleans(),
)
def test_findings_are_slices_and_in_order(
    summary: list[str], document: list[str], format: str, is_selected: bool
) -> None:
    text, source = " ".join(summary), " ".join(document)
    found = ground(text, source, format=format, is_selected=is_selected)
    assert [one.start for one in found] == sorted({one.start for one in found})
    for each in found:
        assert text[each.start : each.end].strip() == text[each.start : each.end] != ""
        assert 0 <= each.support <= 1
        assert len(each.passages) <= MOST_PASSAGES
        assert bool(each.passages) == (each.strength in ("exact", "supported", "partly"))
        assert all(source[passage.start : passage.end].strip() for passage in each.passages)
    assert from_json(as_json(found)) == found


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_grounded_in_any_other(summary: str, document: str) -> None:
    assert from_json(as_json(ground(summary, document, format="markdown"))) is not None
