"""Which passages of a document each sentence of its summary rests on, told by the words that they share.

This finds passages and proves nothing: a sentence can share all its words with a passage and be wrong, and one
that is true can be worded too freely to be found. What a likeness of words does not see (a number, a name, a
"not") is told apart from it. The figures behind the weights and limits are in docs/grounding.md.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from webapp.summarizing.facts import missing_facts
from webapp.summarizing.index import Index
from webapp.summarizing.language import COMMON_WORDS, language_of
from webapp.summarizing.negation import is_negation_odd
from webapp.summarizing.sentences import LONGEST_SENTENCE_CHARS, Span
from webapp.summarizing.statements import statements
from webapp.summarizing.terms import common_length, plain, script_of, terms, words

__all__ = ["Grounded", "Index", "Passage", "as_json", "as_rows", "from_json", "ground"]

MOST_PASSAGES = 3
LEAST_GAIN = 0.15  # the share of the sentence that a further passage must add, in two words or more
COVERED, IN_ORDER, IN_PAIRS = 0.6, 0.2, 0.2  # how much each counts
SUPPORTED, PARTLY = 0.65, 0.4
LEAST_TERMS = 4  # of fewer, chance decides
MOST_SENTENCES = 400  # of a summary: those behind stay unchecked
LEAST_COMMON_SHARE, LEAST_WORDS = 0.04, 12  # of a language's commonest words, in a summary that long


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of the document: its slice of the text as it is stored."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Grounded:
    """A sentence of the summary, with what was found for it.

    `start` and `end` are its slice of the summary's text. `passages` are at most three, the best first.
    `support` is from 0 to 1. `strength` is "exact" (selected from there), "supported", "partly", "none" (and
    then without passages), or "unchecked": too short, or in another language than the document. `missing` are
    numbers and names that stand in the sentence and not in its passages. `is_negation_odd`: one denies what
    the other does not.
    """

    start: int
    end: int
    passages: tuple[Passage, ...] = ()
    support: float = 0.0
    strength: str = "unchecked"
    missing: tuple[str, ...] = ()
    is_negation_odd: bool = False


def ground(summary: str, document: str | Index, *, format: str, is_selected: bool = False) -> list[Grounded]:
    """Each statement of a summary with the passages of the document that it rests on.

    `format` is the summary's, "sentences" or "markdown"; raises ValueError for another. `is_selected`: its
    sentences were taken from the document, so they are found by their very words.
    """
    index = document if isinstance(document, Index) else Index(document)
    spans = statements(summary, format)
    literal = _literal(index, {_wording(span.of(summary)) for span in spans}) if is_selected else {}
    is_foreign = _is_foreign(summary, index)
    found = []
    for number, span in enumerate(spans):
        passage = literal.get(_wording(span.of(summary)))
        if passage:
            found.append(Grounded(*span, (passage,), 1.0, "exact"))
        elif number < MOST_SENTENCES:
            found.append(_grounded(span, plain(span.of(summary)[:LONGEST_SENTENCE_CHARS]), index, is_foreign))
        else:
            found.append(Grounded(*span))
    return found


def _wording(sentence: str) -> str:
    """The words alone: marks may have been taken off, or escaped."""
    return " ".join(words(plain(sentence)))


def _literal(index: Index, wanted: set[str]) -> dict[str, Passage]:
    found: dict[str, Passage] = {}
    for span in index.spans:
        wording = _wording(span.of(index.text))
        if wording in wanted:
            found.setdefault(wording, Passage(*span))
    return found


def _is_foreign(summary: str, index: Index) -> bool:
    """Whether the summary is in another language than the document, as far as that can be told."""
    if script_of(summary) not in index.scripts:
        return True
    language = language_of(summary)
    if language and index.languages:
        return language not in index.languages
    common = set(COMMON_WORDS.get(index.language or "", "").split())
    said = words(summary.casefold())
    return (
        bool(common)
        and len(said) >= LEAST_WORDS
        and sum(w in common for w in said) < LEAST_COMMON_SHARE * len(said)
    )


def _grounded(span: Span, sentence: str, index: Index, is_foreign: bool) -> Grounded:
    asked = terms(sentence)
    if len(set(asked)) < LEAST_TERMS:
        return Grounded(*span)
    places, support = _linked(index, asked)
    if support < SUPPORTED and (is_foreign or script_of(sentence) not in index.scripts):
        return Grounded(*span)
    shown = places if support >= PARTLY else []
    return Grounded(
        *span,
        tuple(Passage(*index.spans[place]) for place in shown),
        round(support, 3),
        "supported" if support >= SUPPORTED else "partly" if shown else "none",
        missing_facts(sentence, " ".join(map(index.context, places)), index.language, index),
        is_negation_odd(sentence, [index.sentence(place) for place in shown], index.language),
    )


def _linked(index: Index, asked: list[str]) -> tuple[list[int], float]:
    """The places of the passages for a sentence's terms, and how far these support it."""
    weights = {term: index.rarity(term) for term in asked}
    total = sum(weights.values())
    bags = {place: index.terms(place) for place in index.candidates(weights)}
    places = _covering(weights, {place: set(bag) for place, bag in bags.items()})
    if not places:
        return [], 0.0
    covered = set().union(*(bags[place] for place in places))
    share = sum(weight for term, weight in weights.items() if term in covered) / total
    known = sum(weight for term, weight in weights.items() if index.has(term)) / total
    in_order = max(common_length(bags[place], asked) for place in places) / len(asked)
    in_pairs = _in_pairs(asked, weights, [bags[place] for place in places])
    return places, math.sqrt((COVERED * share + IN_ORDER * in_order + IN_PAIRS * in_pairs) * known)


def _covering(weights: dict[str, float], bags: dict[int, set[str]]) -> list[int]:
    """The best candidate, then those that hold most of what is not yet covered, and enough of it."""
    left, least = dict(weights), LEAST_GAIN * sum(weights.values())
    chosen: list[int] = []
    while bags and len(chosen) < MOST_PASSAGES:
        gains = {place: [left[term] for term in left if term in bag] for place, bag in bags.items()}
        best = max(gains, key=lambda place: sum(gains[place])) if chosen else next(iter(bags))
        if chosen and (sum(gains[best]) < least or len(gains[best]) < 2):
            break
        chosen.append(best)
        covered = bags.pop(best)
        left = {term: weight for term, weight in left.items() if term not in covered}
    return chosen


def _in_pairs(asked: list[str], weights: dict[str, float], bags: list[list[str]]) -> float:
    """The share of the sentence's neighbours that are neighbours in a passage."""
    there = {pair for bag in bags for pair in pairwise(bag)}
    pairs = [(pair, weights[pair[0]] + weights[pair[1]]) for pair in pairwise(asked)]
    total = sum(weight for _, weight in pairs)
    return sum(weight for pair, weight in pairs if pair in there) / total if total else 0.0


def as_json(grounded: Iterable[Grounded]) -> str:
    """The findings as compact JSON, to be stored with the summary."""
    return json.dumps(as_rows(grounded), ensure_ascii=False, separators=(",", ":"))


def as_rows(grounded: Iterable[Grounded]) -> list[tuple[object, ...]]:
    """The findings as JSON has them."""
    return [
        (one.start, one.end, [(passage.start, passage.end) for passage in one.passages], one.support,
         one.strength, one.missing, one.is_negation_odd)
        for one in grounded
    ]  # fmt: skip


def from_json(stored: str) -> list[Grounded]:
    """What `as_json` made. Raises ValueError for anything else."""
    try:
        return [
            Grounded(start, end, tuple(Passage(*p) for p in passages), support, strength, tuple(missing), odd)
            for start, end, passages, support, strength, missing, odd in json.loads(stored)
        ]
    except TypeError as error:
        raise ValueError("not a stored grounding") from error
