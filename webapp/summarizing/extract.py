"""The embedded engine: it selects a document's own key sentences, offline and in milliseconds.

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

from webapp.summarizing.engine import EngineFailure, FailureKind, Finished, Piece, Recipe, Words
from webapp.summarizing.sentences import Span, is_turn, sentences

PREFIX_CHARS = 6
LONGEST_READABLE_WORDS = 36
TELLING_WORDS = 8  # rare ones: a word that half of the sentences have counts for little
REDUNDANCY_WEIGHT = 0.5
TOO_ALIKE = 0.9  # cosine: the same sentence, said again
FRAGMENT_FACTOR = 0.3  # a heading, a list line, the rest of a broken sentence: seldom what a document says
CHARS_A_WORD = 1.7  # in scripts without spaces
SHORT_TEXT_WORDS, LONG_TEXT_WORDS = 300, 3_000

Vector = dict[str, float]

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_MARKS = r"\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0980-\u0dff"  # vowel signs, which \w leaves out
_WORD = re.compile(rf"[{_UNSPACED}]+|(?:[^\W_{_UNSPACED}]|[{_MARKS}])+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_FINISHED = re.compile(r"[.!?…‼⁇⁈⁉。！？｡．؟۔։।॥።။។][\"'”’»›)\]」』】）》〉*_\d\[]*$")
_NO_PROSE = re.compile(
    r"\||\t\S|\S {3,}\S|https?://\S+$|[;{}]$|-->|(?:import|def|class|return|const|let|var) .*[({=]"
)
_SPACE = re.compile(r"\s+")


class ExtractEngine:
    """Writes a summary of verbatim sentences, one a line. It calls no server and keeps no state."""

    recipe = Recipe(engine="extract", model="extract", prompt_version="1")
    format = "sentences"

    def write(self, text: str, *, title: str) -> Iterator[Piece]:
        """Yield the key sentences as one `Words`, then `Finished`. The title changes nothing.

        Raises EngineFailure, permanent, "no_sentences", for a text with nothing that reads as a sentence.
        """
        spans = key_sentences(text)
        if not spans:
            raise EngineFailure(FailureKind.PERMANENT, "no_sentences")
        yield Words("\n".join(_SPACE.sub(" ", span.of(text)).strip() for span in spans))
        yield Finished(model=self.recipe.model)


def key_sentences(text: str, count: int | None = None) -> list[Span]:
    """The `count` key sentences of `text` in reading order, as exact slices; fewer if there are fewer.

    By default three of a short text to seven of a long one, and never more than half of its sentences.
    """
    return sorted(rank(text, count))


def rank(text: str, count: int | None = None) -> list[Span]:
    """The `count` key sentences of `text`, the best first, each for what those before it do not say."""
    candidates = _candidates(text)
    if not candidates:
        return []
    bags = [_words(span.of(text)) for span, _ in candidates]
    rarity = _rarity(bags)
    vectors = [_vector(bag, rarity) for bag in bags]
    merits = _merits(vectors, has_lead=not _is_transcript(text))
    shapes = [form * _shape(bag, rarity) for (_, form), bag in zip(candidates, bags, strict=True)]
    scores = [merit * shape for merit, shape in zip(merits, shapes, strict=True)]
    wanted = _count(bags) if count is None else count
    return [candidates[index][0] for index in _diverse(scores, vectors, wanted)]


def _candidates(text: str) -> list[tuple[Span, float]]:
    """The sentences that may be chosen, each with how much it looks like one."""
    spans = sentences(text)
    return [(span, form) for span, form in zip(spans, _forms(text, spans), strict=True) if form > 0]


def _forms(text: str, spans: Sequence[Span]) -> list[float]:
    """How much each span looks like a sentence: 1, less for a fragment, 0 for code, tables and addresses."""
    fences = [Span(*fence.span()) for fence in _FENCED.finditer(text)]
    forms, fence = [], 0
    for span in spans:
        while fence < len(fences) and fences[fence].end <= span.start:
            fence += 1
        in_code = fence < len(fences) and fences[fence].start <= span.start
        forms.append(0.0 if in_code else _form(span.of(text)))
    return forms


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


def _count(bags: Sequence[Sequence[str]]) -> int:
    words = sum(map(_length, bags))
    wanted = 3 if words < SHORT_TEXT_WORDS else 5 if words < LONG_TEXT_WORDS else 7
    return min(wanted, max(1, len(bags) // 2))


def _diverse(scores: Sequence[float], vectors: Sequence[Vector], count: int) -> list[int]:
    """Indices by maximal marginal relevance (Carbonell & Goldstein 1998), the best first.

    Likeness to what is chosen only grows, so a worth once computed bounds the later ones: only the sentence
    on top of the heap has to be looked at again.
    """
    heap = [(-score, index, 0) for index, score in enumerate(scores)]
    heapify(heap)
    likeness = [0.0] * len(scores)
    chosen: list[int] = []
    while heap and len(chosen) < count:
        _, index, compared = heappop(heap)
        if compared == len(chosen):
            chosen.append(index)
            continue
        likeness[index] = max(likeness[index], *(_dot(vectors[index], vectors[i]) for i in chosen[compared:]))
        if likeness[index] < TOO_ALIKE:
            heappush(heap, (REDUNDANCY_WEIGHT * likeness[index] - scores[index], index, len(chosen)))
    return chosen
