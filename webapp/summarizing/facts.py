"""Numbers and names of a sentence that its passages don't have: what a likeness of words does not see.

Names are told by their capitals, so there are none in scripts without. German writes all nouns like that: there
only two such words in a row, or capitals inside a word, make a name.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple, Protocol

from webapp.summarizing.language import COMMON_WORDS
from webapp.summarizing.numbers import Number, is_among, numbers, values, word_values
from webapp.summarizing.terms import IS_UNSPACED, WORD, terms

HEADLINE_SHARE = 0.6  # of a sentence's words: where so many have capitals, they say nothing
LEAST_HEADLINE_WORDS = 4

_COMMON = frozenset(word for listed in COMMON_WORDS.values() for word in listed.split())
_BEGINS_HERE = re.compile(r"(?:^|[.:!?;–—•(\"“„«‘'»\[]\s?\W*)$")


class Lexicon(Protocol):
    """What a document as a whole knows of a word."""

    def is_name(self, word: str) -> bool:
        """Whether the document writes the word with a capital within a sentence."""
        ...

    def is_everywhere(self, word: str) -> bool:
        """Whether the document speaks of it all the time, often as "he" or "it"."""
        ...


class _Word(NamedTuple):
    start: int
    end: int
    text: str


def missing_facts(sentence: str, passages: str, language: str | None, lexicon: Lexicon) -> tuple[str, ...]:
    """The numbers and names of a plain sentence that its passages don't have, as they stand in the sentence.

    `language` is the document's, by its English name.
    """
    counted = list(numbers(sentence))
    named = list(_names(_without(sentence, counted), language, lexicon))
    there = values(passages) if counted or any(map(_counts, named)) else set()
    known, initials = frozenset(terms(passages)), _initials(passages)
    found = [(number.start, number.end) for number in counted if not is_among(number, there)]
    found += [
        (word.start, word.end)
        for word in named
        if not _is_there(word.text, known, initials)
        and there.isdisjoint(_counts(word))
        and not lexicon.is_everywhere(word.text)
    ]
    return tuple(dict.fromkeys(sentence[start:end] for start, end in _joined(sentence, sorted(found))))


def _without(sentence: str, counted: Iterable[Number]) -> str:
    """The sentence with its numbers blotted out: the capital of "Millionen" makes no name."""
    for number in counted:
        sentence = sentence[: number.start] + " " * (number.end - number.start) + sentence[number.end :]
    return sentence


def _counts(word: _Word) -> list[Decimal]:
    """The month's place in the year, if the word is one."""
    return [Decimal(value) for value in word_values(word.text.casefold())]


def _is_there(word: str, known: frozenset[str], initials: str) -> bool:
    """Whether the passages have the word, with an s or without, or what it is short for."""
    if any(known.issuperset(terms(form)) for form in (word, word.removesuffix("s"), f"{word}s")):
        return True
    return word.isupper() and word.casefold() in initials


def _initials(passages: str) -> str:
    return "".join(word[0][0] for word in WORD.finditer(passages) if word[0][0].isupper()).casefold()


def _names(sentence: str, language: str | None, lexicon: Lexicon) -> Iterator[_Word]:
    found = [_Word(*word.span(), word[0]) for word in WORD.finditer(sentence)]
    found = [word for word in found if not word.text.isdigit() and not IS_UNSPACED.match(word.text)]
    is_noun_language = language == "German"
    if not is_noun_language and _is_headline(sentence, found):
        return
    beside = _beside_capitals(sentence, found) if is_noun_language else frozenset()
    for word in found:
        if len(word.text) < 2 or word.text.casefold() in _COMMON:
            continue
        is_told = word in beside if is_noun_language else _is_told_by_capital(sentence, word, lexicon)
        if any(map(str.isupper, word.text[1:])) or (word.text[0].isupper() and is_told):
            yield word


def _is_headline(sentence: str, found: list[_Word]) -> bool:
    capitals = sum(word.text[0].isupper() for word in found)
    is_sentence = sentence.rstrip().endswith((".", "!", "?"))
    return not is_sentence and capitals >= LEAST_HEADLINE_WORDS and capitals > HEADLINE_SHARE * len(found)


def _is_told_by_capital(sentence: str, word: _Word, lexicon: Lexicon) -> bool:
    """Where a sentence or a quotation begins, any word has a capital."""
    before = sentence[max(0, word.start - 4) : word.start]
    begins = _BEGINS_HERE.search(before) if word.start >= 4 else not re.search(r"\w", sentence[: word.start])
    return not begins or lexicon.is_name(word.text)


def _beside_capitals(sentence: str, found: list[_Word]) -> frozenset[_Word]:
    """The words with a capital that stand right beside another one. The first of a sentence is not counted."""
    beside: set[_Word] = set()
    capitals = [word for word in found if word.text[0].isupper() and not word_values(word.text.casefold())]
    for one, other in pairwise(capitals):
        if one.start > 0 and sentence[one.end : other.start] == " " and one.text.casefold() not in _COMMON:
            beside |= {one, other}
    return frozenset(beside)


def _joined(sentence: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans, those with nothing but a space between them as one: a name of several words."""
    start = end = 0
    for span in spans:
        if end and sentence[end : span[0]] == " ":
            end = span[1]
            continue
        if end:
            yield start, end
        start, end = span
    if end:
        yield start, end
