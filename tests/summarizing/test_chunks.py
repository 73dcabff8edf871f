"""Parts of a long text: exact, of a bounded size, and moved by an edit only where the edit is."""

import random
from collections import Counter
from functools import cache
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.summarizing.chunks import chunks, condensed
from webapp.summarizing.cuts import cuts, peaks
from webapp.summarizing.tokens import LARGEST, token_weight

TARGET = 250
VOCABULARY = [
    f"{a}{b}{c}" for a in ("ba", "no", "tri", "sel") for b in ("lu", "ke", "ron") for c in ("", "m", "ta")
]
HOSTILE = {
    "one line of words": "lorem ipsum dolor sit amet " * 8_000,
    "one word": "a" * 200_000,
    "one word of all letters": "".join(random.Random(1).choices("abcdefghij", k=200_000)),
    "Chinese without a full stop": "".join(chr(0x4E00 + n * 7919 % 3000) for n in range(60_000)),
    "short lines": "x\n" * 100_000,
    "fences that nothing closes": "```a\n" * 40_000,
    "fences": "```\n" * 50_000,
    "one table": "| a | b |\n" * 20_000,
    "headings only": "# a\n" * 50_000,
    "full stops": ". " * 100_000,
    "short paragraphs": "a\n\n" * 60_000,
    "a gap": "a" + " " * 200_000 + "b",
    "lone surrogates": "\ud800 " * 100_000,
}  # fmt: skip


def sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(VOCABULARY, k=chance.randint(6, 20))).capitalize() + "."


def paragraph(chance: random.Random) -> str:
    return " ".join(sentence(chance) for _ in range(chance.randint(1, 5)))


@cache
def paragraphs(count: int, seed: int = 0) -> tuple[str, ...]:
    chance = random.Random(seed)
    return tuple(paragraph(chance) for _ in range(count))


def parts(text: str, target: int = TARGET) -> list[str]:
    return [chunk.of(text) for chunk in chunks(text, target_tokens=target)]


def weights(text: str, target: int = TARGET) -> list[float]:
    return [token_weight(condensed(part)) for part in parts(text, target)]


def edited(before: tuple[str, ...], kind: str, place: int, seed: int) -> tuple[str, ...]:
    new = [] if kind == "delete" else [paragraph(random.Random(seed))]
    return (*before[:place], *new, *before[place + (kind != "insert") :])


def changed(before: tuple[str, ...], after: tuple[str, ...], target: int = TARGET) -> int:
    """How many parts of the second text the first one does not have."""
    return len(contents(after, target) - known(before, target))


def contents(body: tuple[str, ...], target: int) -> set[str]:
    return {condensed(part) for part in parts("\n\n".join(body), target)}


known = cache(contents)


@given(
    st.text(alphabet=st.sampled_from("ab .\n#|`-=1。中\u2028\t\ud800"), max_size=600),
    st.sampled_from([2, 10, 40]),
)
@settings(deadline=None)
def test_parts_are_the_text(text: str, target: int) -> None:
    assert "".join(parts(text, target)) == text
    assert all(parts(text, target))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_cut_within_bounds(name: str) -> None:
    text = HOSTILE[name]
    found = parts(text, 3_000)
    assert "".join(found) == text
    assert max(weights(text, 3_000)) <= 3_000 * LARGEST
    assert len(found) <= 3 * token_weight(text) / 3_000 + 1


def test_blank_lines_count_for_nothing() -> None:
    assert len(parts("\n" * 1_000_000)) == 1
    assert parts("One.\n\n" + " \n" * 10_000 + "Two.") == ["One.\n\n" + " \n" * 10_000 + "Two."]


def test_empty_text_has_no_parts() -> None:
    assert chunks("", target_tokens=TARGET) == []


def test_text_of_the_usual_size_is_one_part() -> None:
    text = "\n\n".join(paragraphs(2))
    assert parts(text, int(token_weight(text)) + 1) == [text]


def test_no_part_is_tiny_or_too_large() -> None:
    found = weights("\n\n".join(paragraphs(1_000)))
    assert min(found) >= 0.4 * TARGET
    assert max(found) <= LARGEST * TARGET
    assert 0.7 * TARGET <= sum(found) / len(found) <= 1.1 * TARGET


@pytest.mark.parametrize(
    "heading", ["# {}", "## {}", "{}\n===========", "Chapter IV", "3.2 {}", "THE HARBOUR"]
)
def test_parts_begin_at_headings_where_there_are_some(heading: str) -> None:
    body = [
        f"{heading.format(each[:20])}\n\n{each}" if n % 3 == 2 else each
        for n, each in enumerate(paragraphs(200))
    ]
    found = parts("\n\n".join(body), 400)
    begins = {each[:10] for each in body[2::3]}
    assert len(found) > 20
    assert sum(part[:10] in begins for part in found[1:]) >= 0.9 * (len(found) - 1)


def test_no_part_ends_with_a_heading() -> None:
    text = "\n\n".join(
        f"## About {number}\n\n### Details\n{each}" for number, each in enumerate(paragraphs(200))
    )
    assert not any(part.rstrip().rsplit("\n", 1)[-1].startswith("#") for part in parts(text))


def test_long_paragraphs_are_cut_between_sentences() -> None:
    text = " ".join(paragraphs(200))
    found = parts(text)
    assert len(found) > 50
    assert all(part.rstrip().endswith(".") for part in found)


def test_chinese_is_cut_between_sentences() -> None:
    chance = random.Random(3)
    text = "".join("".join(chr(0x4E00 + chance.randrange(900)) for _ in range(15)) + "。" for _ in range(500))
    assert all(part.endswith("。") for part in parts(text))


@pytest.mark.parametrize("row", ["| 12 | north |\n", "    step = step + 1\n\n"])
def test_table_or_listing_is_kept_whole_up_to_the_largest_size(row: str) -> None:
    body = row * (TARGET // int(token_weight(row)))
    block = body if row.startswith("|") else f"```python\n{body}```\n"
    assert TARGET / 2 < token_weight(block) <= LARGEST * TARGET
    for seed in range(20):
        before, after = "\n\n".join(paragraphs(9, seed)), "\n\n".join(paragraphs(9, seed + 50))
        found = parts(f"{before}\n\n{block}\n{after}")
        assert any(block.strip() in part for part in found), found


def test_larger_table_is_cut_between_its_rows() -> None:
    found = parts("".join(f"| {number} | north |\n" for number in range(500)))
    assert len(found) > 8
    assert all(part.startswith("| ") and part.endswith("|\n") for part in found)


def test_fence_that_is_not_closed_hides_only_what_is_near() -> None:
    body = paragraphs(400)
    assert changed(body, (*body[:100], "```", *body[100:])) <= 12


def test_condensed_leaves_out_what_nobody_reads() -> None:
    assert condensed("\n a  \n\n \n\nb\tc" + " " * 500 + "d \n") == " a\n\nb\tc" + " " * 16 + "d"


@given(st.sampled_from(["insert", "delete", "replace"]), st.integers(0, 1_599), st.integers(0))
@settings(deadline=None, max_examples=50)
def test_an_edit_of_500_parts_changes_those_beside_it_alone(kind: str, place: int, seed: int) -> None:
    body = paragraphs(1_600)
    assert len(known(body, TARGET)) > 450
    assert changed(body, edited(body, kind, place, seed)) <= 6


def test_an_edit_mostly_changes_one_part_or_two() -> None:
    body, chance = paragraphs(800), random.Random(11)
    counts = Counter(
        changed(body, edited(body, kind, chance.randrange(800), number), 1_000)
        for kind in ("insert", "delete", "replace")
        for number in range(60)
    )
    assert counts[0] + counts[1] + counts[2] >= 0.95 * counts.total(), counts
    assert counts[1] > counts.total() / 2, counts


def test_an_edit_within_a_text_without_paragraphs_changes_what_is_beside_it_alone() -> None:
    words, chance = " ".join(paragraphs(600)).replace(".", "").split(" "), random.Random(5)
    for _ in range(10):
        place = chance.randrange(len(words))
        assert changed((" ".join(words),), (" ".join([*words[:place], "quux", *words[place:]]),), 750) <= 6


def test_same_passage_in_two_texts_has_the_same_parts_within() -> None:
    chapter = paragraphs(200, seed=7)
    one, other = (
        "\n\n".join([*paragraphs(50, seed), *chapter, *paragraphs(50, seed + 1)]) for seed in (20, 30)
    )
    shared = set(parts(one)) & set(parts(other))
    assert len(shared) >= len(parts("\n\n".join(chapter))) - 4


ITEMS = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 5)), max_size=40)


def found_peaks(items: list[tuple[int, int]], reach: int) -> tuple[list[int], list[int], int]:
    at = list(accumulate((weight for weight, _ in items), initial=0))
    return peaks(at[:-1], [rank for _, rank in items], at[-1], reach), at[:-1], at[-1]


@given(ITEMS, ITEMS, ITEMS, ITEMS, st.integers(1, 60))
@settings(deadline=None)
def test_no_edit_moves_a_sure_cut_beyond_its_reach(
    before: list[tuple[int, int]],
    old: list[tuple[int, int]],
    new: list[tuple[int, int]],
    after: list[tuple[int, int]],
    reach: int,
) -> None:
    start, length = sum(weight for weight, _ in before), sum(weight for weight, _ in after)
    sure = []
    for middle in (old, new):
        found, at, total = found_peaks([*before, *middle, *after], reach)
        left = [at[place] for place in found if place < len(before) and start - at[place] > reach]
        right = [total - at[place] for place in found if at[place] - (total - length) > reach]
        sure.append((left, right))
    assert sure[0] == sure[1]


@given(ITEMS, st.integers(1, 60))
@settings(deadline=None)
def test_sure_cuts_are_further_apart_than_their_reach(items: list[tuple[int, int]], reach: int) -> None:
    found, at, total = found_peaks(items, reach)
    edges = [*(at[place] for place in found), total]
    assert all(later - earlier >= reach for earlier, later in pairwise(edges))


@given(st.lists(st.integers(0, 3), max_size=300))
@settings(deadline=None)
def test_fine_sequences_are_cut_within_bounds_whatever_their_ranks(ranks: list[int]) -> None:
    edges = [0, *cuts(range(len(ranks)), ranks, len(ranks), 20), len(ranks)]
    sizes = [later - earlier for earlier, later in pairwise(edges)]
    assert max(sizes) <= 30
    assert len(sizes) == 1 or min(sizes) >= 10
