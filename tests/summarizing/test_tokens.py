"""What a call may hold, and what a server's counts and refusals teach about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.summarizing.tokens import (
    ANSWER_TOKENS,
    ASSUMED_CONTEXT,
    CHUNK_TOKENS,
    LARGEST,
    LEAST_CONTEXT,
    MOST_FACTOR,
    PROMPT_TOKENS,
    WHOLE_TOKENS,
    Budget,
    Calibration,
    context_told,
    estimated_tokens,
    token_weight,
)

CONTEXTS = st.integers(2_048, 2_000_000)
CALIBRATIONS = st.builds(Calibration, st.floats(1.0, MOST_FACTOR))

TOO_LONG = {
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages,"
    " 1000 in the completion).": 8_192,
    "the request exceeds the available context size (4096 tokens), try increasing it": 4_096,
    "prompt is too long: 210000 tokens > 200000 maximum": 200_000,
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).": 1_048_576,
    "the model is loaded with context length of only 4,096 tokens, which is not enough": 4_096,
    "The decoder prompt (length 5000) is longer than the maximum model length of 4096.": 4_096,
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000": 4_096,
    "HTTP 400 context_length_exceeded n_ctx 4096": 4_096,
    "the server has read 2048 tokens of at least 3000": 2_048,
    "HTTP 400 context_length_exceeded": None,
    "at most 12 tokens": None,
    "": None,
}  # fmt: skip


@given(st.lists(st.text(), max_size=5))
def test_weights_of_pieces_add_up_to_that_of_the_text(pieces: list[str]) -> None:
    assert sum(map(token_weight, pieces)) == pytest.approx(token_weight("".join(pieces)))


def test_estimate_knows_three_sorts_of_characters() -> None:
    assert estimated_tokens("a" * 3_500) == 1_200
    assert estimated_tokens("ж" * 1_000) == 1_200
    assert estimated_tokens("图" * 1_000) == 1_440


@given(CONTEXTS, CALIBRATIONS)
def test_whole_texts_and_the_largest_parts_leave_room_for_rules_and_answer(
    context: int, known: Calibration
) -> None:
    budget = Budget(context, calibration=known)
    usual = (budget.whole_tokens + PROMPT_TOKENS) * known.factor + ANSWER_TOKENS
    assert usual <= context or budget.whole_tokens == 0
    if budget.chunk_tokens > CHUNK_TOKENS[0]:
        assert (LARGEST * budget.chunk_tokens + PROMPT_TOKENS) * known.factor + ANSWER_TOKENS <= context


@given(CONTEXTS)
def test_parts_are_at_most_two_fifths_of_the_context(context: int) -> None:
    assert Budget(context).chunk_tokens <= 0.4 * context
    assert Budget(context).chunk_tokens <= 6_000


def test_large_context_is_used_by_half() -> None:
    assert Budget(128_000).whole_tokens == 64_000
    assert Budget(16_384).whole_tokens == WHOLE_TOKENS
    assert Budget(8_192).whole_tokens == 8_192 - ANSWER_TOKENS - PROMPT_TOKENS


def test_unknown_context_is_assumed_for_long_texts_alone() -> None:
    unknown, assumed = Budget(None), Budget(ASSUMED_CONTEXT)
    assert unknown.whole_tokens == WHOLE_TOKENS > assumed.whole_tokens
    assert unknown.chunk_tokens == assumed.chunk_tokens
    assert unknown.notes_tokens == assumed.notes_tokens


@given(CONTEXTS, st.integers(256, 4_096), st.integers(300, 2_000))
def test_what_is_asked_for_changes_no_part(context: int, answer: int, prompt: int) -> None:
    asked = Budget(context, answer_tokens=answer, prompt_tokens=prompt)
    assert asked.chunk_tokens == Budget(context).chunk_tokens


@given(st.floats(1.0, 1.15))
def test_small_calibrations_change_no_part(factor: float) -> None:
    assert Budget(8_192, calibration=Calibration(factor)).chunk_tokens == Budget(8_192).chunk_tokens
    assert Budget(128_000, calibration=Calibration(factor)).chunk_tokens == Budget(128_000).chunk_tokens


@pytest.mark.parametrize("message", TOO_LONG)
def test_context_is_read_out_of_a_refusal(message: str) -> None:
    assert context_told(message) == TOO_LONG[message]


@given(st.none() | CONTEXTS, st.none() | st.integers(0, 3_000_000))
def test_shrinking_ends(context: int | None, told: int | None) -> None:
    budget: Budget | None = Budget(context)
    for _ in range(30):
        smaller = budget.shrunk(told) if budget else None
        assert smaller is None or (smaller.context_tokens or 0) >= LEAST_CONTEXT
        budget = smaller
    assert budget is None


def test_what_the_server_says_goes_before_halving() -> None:
    assert Budget(32_768).shrunk(20_000) == Budget(20_000)
    assert Budget(32_768).shrunk(40_000) == Budget(16_384)
    assert Budget(None).shrunk() == Budget(4_096)
    assert Budget(None).shrunk(10_000) == Budget(10_000)


def test_counts_above_the_estimate_are_learnt_and_others_are_not() -> None:
    fresh = Calibration()
    assert fresh.after(estimated=1_000, counted=800) == fresh
    assert fresh.after(estimated=100, counted=300) == fresh
    known = fresh
    for _ in range(20):
        known = known.after(estimated=1_000, counted=1_500)
    assert known.factor == pytest.approx(1.5, abs=0.01)
    assert known.after(estimated=1_000, counted=900) == known
    assert known.after(estimated=1_000, counted=10**9).factor == MOST_FACTOR


@given(CALIBRATIONS)
def test_calibration_is_kept(known: Calibration) -> None:
    assert Calibration.from_json(known.to_json()).factor == pytest.approx(known.factor, abs=0.001)


@pytest.mark.parametrize(
    "kept", [None, "", "null", "[]", "{", '{"factor": "x"}', '{"factor": NaN}', '{"factor": null}']
)
def test_what_can_not_be_read_is_a_fresh_calibration(kept: str | None) -> None:
    assert Calibration.from_json(kept) == Calibration()


@pytest.mark.parametrize(("kept", "factor"), [('{"factor": 99}', MOST_FACTOR), ('{"factor": 0.1}', 1.0)])
def test_kept_factor_is_clamped(kept: str, factor: float) -> None:
    assert Calibration.from_json(kept).factor == factor
