"""What is stored of a summary's passages, and what an archive may bring in its place."""

import json

import pytest

from webapp.models.passages import Passages

TEXT = "Ada Lovelace wrote the first program in 1843. It computed Bernoulli numbers on a machine never built."
SUMMARY = "Ada Lovelace wrote the first program in 1843."


def stored() -> str:
    return Passages.find(SUMMARY, "sentences", text=TEXT, text_format="plain", is_selected=True)


def without_places() -> str:
    return json.dumps({**json.loads(stored()), "places": {}})


def test_passages_that_were_found_are_read_again() -> None:
    passages = Passages.read(stored())
    assert passages is not None
    assert [TEXT[each.start : each.end] for each in passages.found[0].passages] == [SUMMARY]


@pytest.mark.parametrize("junk", [None, "", "[]", "{}", "null", "7", "{", '{"method": 1}', "[[1, 2]]"])
def test_what_is_no_record_of_passages_shows_none(junk: str | None) -> None:
    assert Passages.read(junk) is None


@pytest.mark.parametrize("places", [[], {"x": ["p-0", 0]}, {"0": "p"}, {"0": [[], []]}, None])
def test_places_that_lead_nowhere_show_none(places: object) -> None:
    assert Passages.read(json.dumps({**json.loads(stored()), "places": places})) is None


def test_passages_without_their_places_show_none() -> None:
    assert Passages.read(without_places()) is None
