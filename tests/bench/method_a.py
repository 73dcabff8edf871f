"""Grounding by the method of the first measurements: TF-IDF cosine for three links, half coverage and half common
subsequence for the support, and two plain flags. What ours is held against.
"""

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, cached_property
from heapq import nlargest

from tests.bench.corruptions import Case, Material
from webapp.summarizing.sentences import Span, sentences
from webapp.summarizing.terms import common_length, plain, terms

NEGATORS = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|nicht|nie|niemals|nichts|niemand|weder"
    r"|ohne|kein\w*)\b|n['’]t\b|[不没无未]"
)
FACT = re.compile(r"\d[\d.,]*\d|\d|(?<=\w )[^\W\d_a-zà-ÿ\u3400-\u9fff]\w+")


@dataclass(frozen=True)
class Verdict:
    """What a method says of a sentence."""

    links: tuple[Span, ...]
    support: float
    strength: str
    has_missing: bool
    is_negation_odd: bool


class Vectors:
    """The sentences of a document as TF-IDF vectors."""

    def __init__(self, text: str) -> None:
        self.spans = sentences(text)
        self.bags = [terms(plain(span.of(text))) for span in self.spans]

    @cached_property
    def holders(self) -> dict[str, list[int]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for place, bag in enumerate(self.bags):
            for term in set(bag):
                found[term].append(place)
        return found

    def rarity(self, term: str) -> float:
        count = len(self.bags)
        return math.log(1 + count / len(self.holders.get(term, (1,)))) / math.log(1 + count)

    @cached_property
    def norms(self) -> list[float]:
        return [math.sqrt(sum(self.rarity(term) ** 2 for term in set(bag))) or 1.0 for bag in self.bags]


@cache
def vectors_of(material: Material) -> Vectors:
    """Made once for each document."""
    return Vectors(material.text)


def baseline(case: Case) -> Verdict:
    """Method A of the first measurements, with its limits and flags."""
    vectors, asked = vectors_of(case.material), terms(plain(case.sentence))
    scores: defaultdict[int, float] = defaultdict(float)
    for term in set(asked):
        for place in vectors.holders.get(term, ()):
            scores[place] += vectors.rarity(term) ** 2
    top = nlargest(3, scores, key=lambda place: scores[place] / vectors.norms[place])
    if not top:
        return Verdict(
            (), 0.0, "none", bool(FACT.search(case.sentence)), bool(NEGATORS.search(case.sentence))
        )
    covered = set().union(*(vectors.bags[place] for place in top))
    weights = {term: vectors.rarity(term) for term in asked}
    share = sum(weight for term, weight in weights.items() if term in covered) / sum(weights.values())
    in_order = max(common_length(vectors.bags[place], asked[:80]) for place in top) / len(asked)
    spans = tuple(vectors.spans[place] for place in top)
    together = " ".join(span.of(case.material.text) for span in spans)
    return Verdict(
        spans,
        support := 0.5 * share + 0.5 * in_order,
        "supported" if support >= 0.7 else "partly" if support >= 0.45 else "none",
        any(fact.lower() not in together.lower() for fact in FACT.findall(case.sentence)),
        bool(NEGATORS.search(case.sentence.lower()))
        != bool(NEGATORS.search(spans[0].of(case.material.text).lower())),
    )
