"""A document's sentences, and which of them are most like another one."""

import math
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from heapq import nlargest
from zlib import crc32

from webapp.summarizing.language import language_of
from webapp.summarizing.sentences import Span, is_turn, sentences
from webapp.summarizing.terms import plain, script_of, terms

CANDIDATES = 10
EVERYWHERE_SHARE, EVERYWHERE_SENTENCES = 0.02, 4
# a document of more different terms has the rest thrown together
MOST_EXACT_TERMS, BUCKETS = 200_000, 1 << 16
MOST_BAGS = 1_000  # sentences whose terms are kept, as more would take much memory
MOST_HOLDERS = 60_000  # looked at for a sentence, those of its rare terms first
SAMPLE_CHARS = 3_000
LONGEST_TURN_CHARS, LONGEST_LABEL_CHARS = 8_000, 80

_COLON = re.compile("[:：]")


class Index:
    """A document's sentences, and which of them hold a term. Made once for all sentences of a summary.

    Time and memory grow with the length of the text, whatever it is made of.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans = sentences(text)
        self._holders: dict[str, list[int]] = {}
        self._bags: list[list[str]] = []
        self._dampings = array("d")
        lengths = [self._note(place, span) for place, span in enumerate(self.spans)]
        self._most_rare = math.log(1 + len(self.spans))
        mean = sum(lengths) / max(1, len(lengths)) or 1.0
        # BM25's damping by length (Robertson & Zaragoza 2009), k = 1.2 and b = 0.75
        self._dampings.extend(1 + 1.2 * (0.25 + 0.75 * length / mean) for length in lengths)

    def _note(self, place: int, span: Span) -> int:
        """How many terms the sentence has."""
        found = terms(plain(span.of(self.text)))
        if place < MOST_BAGS:
            self._bags.append(found)
        holders = self._holders
        for term in dict.fromkeys(found):
            held = holders.get(term)
            if held is not None:
                held.append(place)
            elif len(holders) < MOST_EXACT_TERMS:
                holders[term] = [place]
            else:
                holders.setdefault(_bucket(term), []).append(place)
        return len(found)

    def _places(self, term: str) -> Sequence[int]:
        held = self._holders.get(term)
        if held is None and len(self._holders) >= MOST_EXACT_TERMS:
            held = self._holders.get(_bucket(term))
        return held or ()

    def has(self, term: str) -> bool:
        """Whether any sentence has the term."""
        return bool(self._places(term))

    def rarity(self, term: str) -> float:
        """Inverse document frequency, sentences being the documents: 1 for a term that one or none has."""
        count = len(self.spans)
        return math.log(1 + count / (len(self._places(term)) or 1)) / self._most_rare if count else 1.0

    def candidates(self, asked: Iterable[str]) -> list[int]:
        """The places of the sentences most like a set of terms, the best first."""
        scores: defaultdict[int, float] = defaultdict(float)
        left = MOST_HOLDERS
        for term in sorted(asked, key=lambda term: (len(self._places(term)), term)):
            weight = self.rarity(term)
            for place in self._places(term)[:left]:
                scores[place] += weight
            left -= len(self._places(term))
            if left <= 0:
                break
        return nlargest(CANDIDATES, scores, key=lambda place: scores[place] / self._dampings[place])

    def sentence(self, place: int) -> str:
        """The plain sentence at a place."""
        return plain(self.spans[place].of(self.text))

    def terms(self, place: int) -> list[str]:
        """What the sentence at a place is compared by."""
        return self._bags[place] if place < len(self._bags) else terms(self.sentence(place))

    def context(self, place: int) -> str:
        """The plain sentence with the one before it, and who speaks: what it says "he" of."""
        before = self.sentence(place - 1) if place else ""
        start = self.spans[place].start
        line = self.text.rfind("\n", max(0, start - LONGEST_TURN_CHARS), start) + 1
        label = self.text[line : line + LONGEST_LABEL_CHARS]
        speaker = _COLON.split(label)[0] if is_turn(label) else ""
        return f"{speaker} {before} {self.sentence(place)}"

    def is_name(self, word: str) -> bool:
        """Whether the document writes the word with a capital within a sentence."""
        within = re.compile(rf"(?<=[^\W_],|[^\W_] )\s?{re.escape(word)}(?!\w)")
        return any(within.search(self.sentence(place)) for place in self._places(terms(word)[0])[:5])

    def is_everywhere(self, word: str) -> bool:
        """Whether so many sentences have the word that others are about it without saying so."""
        least = max(EVERYWHERE_SENTENCES, EVERYWHERE_SHARE * len(self.spans))
        return all(len(self._places(term)) >= least for term in terms(word))

    @cached_property
    def language(self) -> str | None:
        """The English name of the document's language, where it is plain."""
        return language_of(self.text)

    @cached_property
    def _samples(self) -> list[str]:
        starts = (0, len(self.text) // 2, max(0, len(self.text) - SAMPLE_CHARS))
        return [self.text[start : start + SAMPLE_CHARS] for start in starts]

    @cached_property
    def languages(self) -> set[str]:
        """The languages that parts of the document are plainly in."""
        return {language for sample in self._samples if (language := language_of(sample))}

    @cached_property
    def scripts(self) -> set[str]:
        return {script_of(sample) for sample in self._samples}


def _bucket(term: str) -> str:
    """One of a number of names that unlike terms may share."""
    return f"#{crc32(term.encode('utf-8', 'replace')) % BUCKETS}"
