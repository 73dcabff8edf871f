"""How much of a text each of its sentences tells.

A sentence is key when much of the text is about the same words (centrality), when later text takes them up
rather than repeats them (direction, after PacSum: Zheng & Lapata 2019), and when it stands early. Words are
weighed by how rare they are within the document itself, and cut to a prefix instead of stemmed, so no
language needs data. Sums over "all later sentences" are one running vector, so time grows with the words, not
with the pairs of sentences.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from webapp.summarizing.marks import unlinked
from webapp.summarizing.sections import headings, listings, outside
from webapp.summarizing.sentences import Span, is_turn, sentences

PREFIX_CHARS = 6
LONGEST_READABLE_WORDS = 36
TELLING_WORDS = 8  # rare ones: a word that half of the sentences have counts for little
REDUNDANCY_WEIGHT = 0.5
TOO_ALIKE = 0.9  # cosine: the same sentence, said again
FRAGMENT_FACTOR = 0.3  # a heading, a list line, the rest of a broken sentence: seldom what a document says
CHARS_A_WORD = 1.7  # in scripts without spaces

Vector = dict[str, float]

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_MARKS = r"\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0980-\u0dff"  # vowel signs, which \w leaves out
_WORD = re.compile(rf"[{_UNSPACED}]+|(?:[^\W_{_UNSPACED}]|[{_MARKS}])+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_FINISHED = re.compile(r"[.!?…‼⁇⁈⁉。！？｡．؟۔։।॥።။។][\"'”’»›)\]」』】）》〉*_\d\[]*$")
_NO_PROSE = re.compile(
    r"\||\t\S|\S {3,}\S|https?://\S+$|[;{}]$|-->|(?:import|def|class|return|const|let|var) .*[({=]"
)
_SPACE = re.compile(r"\s+")


class Ranking:
    """The sentences of a text that may be chosen, in reading order, and how much each of them tells.

    Headings, code, tables and addresses are not among them, nor what lies in one of the `left_out` spans.
    """

    def __init__(self, text: str, left_out: Sequence[Span] = ()) -> None:
        candidates = _candidates(text, left_out)
        bags = [_words(unlinked(span.of(text))) for span, _ in candidates]
        rarity = _rarity(bags)
        self.spans = [span for span, _ in candidates]
        self.lengths = [_length(bag) for bag in bags]
        self.vectors = [_vector(bag, rarity) for bag in bags]
        merits = _merits(self.vectors, has_lead=not _is_transcript(text)) if bags else []
        shapes = [form * _shape(bag, rarity) for (_, form), bag in zip(candidates, bags, strict=True)]
        self.scores = [merit * shape for merit, shape in zip(merits, shapes, strict=True)]

    @property
    def words(self) -> float:
        """The length of all sentences together. In scripts without spaces, a word is 1.7 characters."""
        return sum(self.lengths)

    def best(self, chosen: Sequence[int] = ()) -> Iterator[int]:
        """Indices by maximal marginal relevance (Carbonell & Goldstein 1998), the best first: each is chosen for
        what those before it, and those that were `chosen` already, do not say.

        Likeness to what is chosen only grows, so a worth once computed bounds the later ones: only the sentence
        on top of the heap has to be looked at again.
        """
        picked, known = list(chosen), set(chosen)
        heap = [(-score, index, 0) for index, score in enumerate(self.scores) if index not in known]
        heapify(heap)
        likeness = [0.0] * len(self.scores)
        while heap:
            _, index, compared = heappop(heap)
            if compared == len(picked):
                picked.append(index)
                yield index
                continue
            likeness[index] = max(likeness[index], *(self.likeness(index, i) for i in picked[compared:]))
            if likeness[index] < TOO_ALIKE:
                worth = self.scores[index] - REDUNDANCY_WEIGHT * likeness[index]
                heappush(heap, (-worth, index, len(picked)))

    def likeness(self, index: int, other: int) -> float:
        """The cosine of two sentences: 1 for those that have the same words."""
        return _dot(self.vectors[index], self.vectors[other])


def _candidates(text: str, left_out: Sequence[Span]) -> list[tuple[Span, float]]:
    """The sentences that may be chosen, each with how much it looks like one."""
    titles = [heading.line for heading in headings(text)]
    spans = list(outside(sentences(text), sorted([*listings(text), *titles, *left_out])))
    forms = [_form(unlinked(span.of(text))) for span in spans]
    return [(span, form) for span, form in zip(spans, forms, strict=True) if form > 0]


def _form(sentence: str) -> float:
    letters = sum(map(str.isalpha, sentence))
    if letters < 2 or letters < 0.5 * len(_SPACE.sub("", sentence)) or _NO_PROSE.search(sentence):
        return 0.0
    return FRAGMENT_FACTOR if sentence[0].islower() or not _FINISHED.search(sentence) else 1.0


def _is_transcript(text: str) -> bool:
    """Whether most lines begin with a speaker's label or a time: there, what comes first is small talk."""
    lines = [line for line in text.split("\n") if not line.isspace() and line]
    return len(lines) > 5 and sum(is_turn(line.lstrip()) for line in lines) > len(lines) / 2


def _words(sentence: str) -> list[str]:
    """Words cut to a prefix; pairs of characters in scripts that write no spaces."""
    words: list[str] = []
    for run in _WORD.findall(sentence.lower()):
        if _IS_UNSPACED.match(run) and len(run) > 1:
            words.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            words.append(run[:PREFIX_CHARS])
    return words


def _rarity(bags: Sequence[Sequence[str]]) -> Vector:
    """Inverse document frequency, the sentences being the documents; 1 for a word that only one has."""
    holders = Counter(word for bag in bags for word in set(bag))
    rarest = math.log(1 + len(bags))
    return {word: math.log(1 + len(bags) / held) / rarest for word, held in holders.items()}


def _vector(bag: Sequence[str], rarity: Vector) -> Vector:
    """The bag's tf-idf vector, of length one."""
    return _unit({word: times * rarity[word] for word, times in Counter(bag).items()})


def _unit(vector: Vector) -> Vector:
    norm = math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0
    return {word: weight / norm for word, weight in vector.items()}


def _merits(vectors: Sequence[Vector], *, has_lead: bool) -> list[float]:
    """Centrality, direction and position of each sentence, weighed together: from 0 to 1."""
    everything: Vector = {}
    for vector in vectors:
        _add(vector, everything)
    earlier: Vector = {}
    centralities, directions = [], []
    for vector in vectors:
        backward = _dot(vector, earlier)
        centrality = _dot(vector, everything) - 1  # less its likeness to itself
        centralities.append(centrality)
        directions.append(centrality - 2 * backward)
        _add(vector, earlier)
    weights = (0.4, 0.3, 0.3) if has_lead else (0.5, 0.5, 0.0)
    parts = (_scaled(centralities), _scaled(directions), [1 / math.log2(2 + i) for i in range(len(vectors))])
    return [sum(w * p for w, p in zip(weights, ps, strict=True)) for ps in zip(*parts, strict=True)]


def _add(vector: Vector, total: Vector) -> None:
    for word, weight in vector.items():
        total[word] = total.get(word, 0.0) + weight


def _dot(vector: Vector, other: Vector) -> float:
    look_up = other.get
    return sum([weight * look_up(word, 0.0) for word, weight in vector.items()])


def _scaled(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.0 for value in values]


def _shape(bag: Sequence[str], rarity: Vector) -> float:
    """Less than 1 for a sentence too long to read, or with too few rare words to tell anything: chatter."""
    telling = sum(rarity[word] * _worth(word) for word in set(bag))
    return min(1.0, telling / TELLING_WORDS, LONGEST_READABLE_WORDS / max(_length(bag), 1.0))


def _worth(word: str) -> float:
    """How much of a word an item of a bag is."""
    return 1.0 if word.isascii() or not _IS_UNSPACED.match(word) else 1 / CHARS_A_WORD


def _length(bag: Sequence[str]) -> float:
    return sum(map(_worth, bag))
