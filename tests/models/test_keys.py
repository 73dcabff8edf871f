"""Keys: all that decides a summary's words is in its key, and nothing else."""

from dataclasses import fields, replace

import hypothesis.strategies as st
from hypothesis import example, given

from webapp.models.document import content_hash
from webapp.models.summary import cache_key
from webapp.summarizing.engine import Recipe, Style

RECIPE = Recipe("openai", "a model", "1")
LETTERS = st.text(st.characters(categories=["L"], max_codepoint=0x17F), min_size=1)
OTHERS = [
    replace(RECIPE, engine="other"),
    replace(RECIPE, model="other"),
    replace(RECIPE, prompt_version="other"),
    replace(RECIPE, style=Style.BRIEF),
    replace(RECIPE, language="other"),
    replace(RECIPE, parameters=(("temperature", "1"),)),
    replace(RECIPE, instruction="other"),
    replace(RECIPE, prompt_hash="other"),
]


@given(LETTERS, LETTERS)
@example("x" * 100_000 + "y", "x" * 100_000 + "z")
@example("Line one.\nLine two.", "Line one.\n\nLine two.")
@example("a", "A")
def test_different_texts_have_different_keys(one: str, other: str) -> None:
    """B3: no edit is too small or too soon to be another content."""
    keys = {cache_key(1, content_hash(text), RECIPE.hash) for text in (one, other)}
    assert len(keys) == len({one, other})


def test_every_part_of_the_recipe_is_in_the_key() -> None:
    """B13: another model, prompt, language or parameter is another summary."""
    assert len(OTHERS) == len(fields(Recipe))
    assert len({cache_key(1, "text", recipe.hash) for recipe in (RECIPE, *OTHERS)}) == 1 + len(OTHERS)


def test_blanks_that_nobody_sees_are_no_other_text() -> None:
    assert content_hash("One line. \nAnother.\n\n") == content_hash("One line.\nAnother.")
