"""The embedded engine: verbatim key sentences, in reading order, never more than there is to say."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from webapp.summarizing import rendering
from webapp.summarizing.engine import Ask, Engine, EngineFailure, FailureKind, Finished, Style, Words
from webapp.summarizing.extract import ExtractEngine, key_sentences, rank
from webapp.summarizing.marks import plain
from webapp.summarizing.sentences import sentences

BEES = """\
# Bees in the city

Honey bees do better in many cities than in the fields around them, a study of four hundred hives has found.
The researchers weighed the honey of hives in twelve cities and of hives in the farmland for five years.
City bees brought home a third more honey, because parks and gardens flower from March to October.

See also: https://example.org/bees
- Contact
- Imprint

| city | hives |
|------|-------|
| Bonn | 40    |

In the farmland, the bees find rape in May and little else after it has flowered in the fields around.
Lunch was at noon.
Farmers could help the bees with strips of wild flowers along their fields, say the researchers.
The strips cost little, and hives beside them made as much honey as those in the parks of a city.

```
def honey(hives): return sum(hive.honey for hive in hives.every_hive_of_bees_in_the_city())
```

The study was paid for by the association of beekeepers, which keeps a list of farmers who plant such strips.
"""


def written(text: str, style: Style = Style.KEY_POINTS) -> str:
    words, finished = ExtractEngine().write(text, title="Bees", ask=Ask(style=style))
    assert isinstance(words, Words)
    assert finished == Finished(model="extract")
    return words.text


def collapsed(text: str) -> str:
    return " ".join(text.split())


def test_the_engine_keeps_the_protocol() -> None:
    engine: Engine = ExtractEngine()
    assert (engine.format, engine.recipe.engine, engine.recipe.model) == ("sentences", "extract", "extract")


def test_a_summary_is_verbatim_sentences_in_reading_order() -> None:
    lines = written(BEES).split("\n")
    assert len(lines) == 3
    positions = [collapsed(BEES).index(line) for line in lines]
    assert positions == sorted(positions)


def test_what_the_text_is_about_is_chosen_and_an_aside_is_not() -> None:
    summary = written(BEES)
    assert "Honey bees do better" in summary
    assert "Lunch" not in summary


def test_headings_navigation_code_tables_and_addresses_are_not_chosen() -> None:
    chosen = [span.of(BEES) for span in rank(BEES, 7)]
    assert len(chosen) == 7
    assert all(sentence.endswith(".") and " " in sentence for sentence in chosen)
    everything = " ".join(span.of(BEES) for span in rank(BEES, 100))
    assert not any(junk in everything for junk in ("def honey", "https:", "| Bonn", "---"))


def test_headings_are_no_candidates_and_list_lines_without_a_stop_come_last() -> None:
    assert {span.of(BEES) for span in rank(BEES, 100)[-2:]} == {"Contact", "Imprint"}
    assert "Bees in the city" not in [span.of(BEES) for span in rank(BEES, 100)]
    underlined = BEES.replace("# Bees in the city", "Bees in the city\n===")
    assert "Bees in the city" not in [span.of(underlined) for span in rank(underlined, 100)]


OPENING = "The council will build a new bridge over the river beside the old harbour."
TALE = f"""\
{OPENING}
The old bridge costs the council seven million for its repairs each year.
A ferry takes people over the river until the work is done.
Shops near the harbour hope that the bridge brings people back to them.
%s
The river below is deep and quick, so the work takes three years.
Swans nest below the harbour wall in spring.
"""


def test_a_sentence_is_not_chosen_twice() -> None:
    text = TALE % OPENING
    chosen = [span.of(text) for span in rank(text, 7)]
    assert chosen.count(OPENING) == 1


def test_a_sentence_that_says_much_the_same_waits_behind_those_that_do_not() -> None:
    variant = "So the council will build that bridge over the river beside its harbour."
    text = TALE % variant
    chosen = [span.of(text) for span in rank(text, 7)]
    assert chosen[0] == OPENING
    assert variant in chosen[4:]


def test_a_long_text_gets_more_sentences_than_a_short_one() -> None:
    topics = ["bees", "ships", "clouds", "roads", "songs", "stones"]
    lines = [
        f"The {topics[i % 6]} of year {i} were counted by {topics[i * 7 % 5]} experts in town {i % 37}."
        for i in range(400)
    ]
    assert [len(key_sentences(" ".join(lines[:n]))) for n in (1, 4, 12, 100, 400)] == [1, 2, 3, 5, 7]


def test_wrapped_lines_are_mended_in_the_summary_and_exact_in_the_spans() -> None:
    text = "The bridge over the river was closed on\nMonday because its stones had moved.\n\nNobody was hurt."
    assert written(text) == "The bridge over the river was closed on Monday because its stones had moved."
    assert "on\nMonday" in key_sentences(text, 1)[0].of(text)


def test_the_first_words_of_a_meeting_carry_no_weight() -> None:
    subjects = ["garden", "bridge", "school", "harbour", "museum", "market", "theatre"]
    talk = ["Let us open the window for some air please, everyone."]
    talk += [
        f"The budget of the {subject} for its next {10 + n} years is with the board."
        for n, subject in enumerate(subjects)
    ]
    labelled = [f"{'Alice' if i % 2 else 'Bob'}: {line}" for i, line in enumerate(talk)]
    assert place_of("window", "\n".join(labelled)) > place_of("window", "\n".join(talk))


def place_of(word: str, text: str) -> int:
    return [word in span.of(text) for span in rank(text, 100)].index(True)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            (
                "元宇宙是虚拟世界，人们在其中生活和工作。今天天气好。元宇宙需要区块链技术和虚拟现实技术的支持。"
                "投资人看好元宇宙的虚拟世界和区块链技术。"
            ),
            "元宇宙",
        ),
        (
            (
                "मधुमक्खियाँ शहर में अधिक शहद बनाती हैं। दोपहर हुई। "
                "शहर के बगीचों में मधुमक्खियाँ अधिक फूल पाती हैं और शहद बनाती हैं।"
            ),
            "मधुमक्खियाँ",
        ),
    ],
)
def test_scripts_without_spaces_or_capitals_are_ranked_too(text: str, first: str) -> None:
    assert first in written(text)
    assert "天气" not in written(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "*** --- ***",
        "12 34 56\n78 | 90",
        "https://example.org/a",
        "😀😀😀",
        "```\nx = 1\ny = 2\n```",
        "# Only a heading\n\nAnd another\n---",
        "![A picture of the bees](bees.png)",
    ],
)
@pytest.mark.parametrize("style", Style)
def test_a_text_without_a_sentence_fails_for_good(text: str, style: Style) -> None:
    with pytest.raises(EngineFailure) as failure:
        list(ExtractEngine().write(text, title="Nothing", ask=Ask(style=style)))
    assert (failure.value.kind, failure.value.code) == (FailureKind.PERMANENT, "no_sentences")


def test_prose_within_code_is_not_chosen() -> None:
    comment = "# The bees of each hive bring home the honey that is counted here for every city."
    fenced = f"{BEES}\n```\n{comment}\n```\n"
    assert not any("counted here" in span.of(fenced) for span in rank(fenced, 100))


@pytest.mark.parametrize(("whole", "fragment"), [("sleep.", "sleep"), ("The bees of", "the bees of")])
def test_a_sentence_goes_before_a_fragment_that_says_the_same(whole: str, fragment: str) -> None:
    text = (
        f"{BEES}\n\nThe bees of the city fly to the parks and gardens of the city before all others sleep.\n"
    )
    cut = text.replace(whole, fragment)
    assert place_of("before all others", text) < place_of("before all others", cut)


def test_an_unclosed_fence_does_not_swallow_the_prose_before_it() -> None:
    assert written("The bees came home in the evening. They slept.\n\n```\nx = 1").startswith("The bees")


TEXTS = st.one_of(
    st.text(max_size=400),
    st.lists(
        st.sampled_from(
            [
                "The bees fly home. ",
                "Honey is sweet!\n",
                "\n\n",
                "- a list line\n",
                "我们回家。",
                "Bob: Yes, I would.\n",
                "3.5 ",
                "| a | b |\n",
            ]
        ),
        max_size=40,
    ).map("".join),
)


@given(TEXTS)
def test_whatever_is_written_is_in_the_text_and_no_longer_than_it(text: str) -> None:
    assume(key_sentences(text))
    summary = written(text)
    verbatim = [plain(text, span) for span in sentences(text)]
    rest = iter(verbatim)
    assert all(line in rest for line in summary.split("\n")), "each line is a sentence, in reading order"
    assert len(summary) <= len(text)


@given(TEXTS, st.integers(min_value=1, max_value=12))
def test_key_sentences_are_the_ranked_ones_in_reading_order(text: str, count: int) -> None:
    assert key_sentences(text, count) == sorted(rank(text, count))
    assert len(key_sentences(text, count)) <= count


def test_the_same_text_has_the_same_summary() -> None:
    assert written(BEES) == written(BEES)


def test_a_document_that_attacks_is_quoted_harmlessly() -> None:
    text = "The script <script>alert(1)</script> was found in the page. It ran. The page was mended by Bob."
    page = rendering.summary_html(written(text), "sentences")
    assert "&lt;script&gt;" in page
    assert "<script" not in page
