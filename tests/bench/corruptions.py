"""Sentences whose answer is known: cut, joined or falsified copies of a document's own.

A sentence that is cut or joined has known passages. One whose name, number or "not" was changed is known to be
wrong in just that. Everything is drawn by a seeded chance, so each run has the same sentences.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from webapp.summarizing.grounding import LEAST_TERMS
from webapp.summarizing.sentences import Span, sentences
from webapp.summarizing.terms import plain, terms

LEAST_WORDS = 10
MOST_REFERENCES = 40
MOST_OF_A_DOCUMENT = 12

_WORDS = {"zh": re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+")}
_ANY_WORD = re.compile(r"\S+")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w.,]*\d)")
_NAME = re.compile(r"(?<=[a-zäöüß,] )[A-ZÄÖÜ][\w-]*[a-zäöüß]\w*\b(?: [A-ZÄÖÜ]\w+)*")
_TWO_WORD_NAME = re.compile(r"(?<=[a-zäöüß,] )[A-ZÄÖÜ]\w+ [A-ZÄÖÜ]\w+")
_DENIABLE = {
    "en": re.compile(r"\b(is|are|was|were|will|can|has|have|had|would|could|should|may|must|did|does|do)\b"),
    "de": re.compile(r"\b(ist|sind|war|waren|wird|werden|kann|können|hat|haben|wurde|wurden|muss)\b"),
    "zh": re.compile(r"(是|能|会|可以|需要|要)"),
}
_DENIED = {
    "en": re.compile(r"\b(?:not|never|no|nor|neither|none|nothing|nobody|without|cannot)\b|n['’]t\b"),
    "de": re.compile(r"\b(?:nicht|nie|niemals|nichts|niemand|weder|ohne|kein(?:e[nmrs]?)?)\b"),
    "zh": re.compile(r"[不没无未]"),
}
_REMOVABLE = {"en": re.compile(r" not\b|n't\b| never\b"), "de": re.compile(r" nicht\b| nie\b"), "zh": None}


@dataclass(eq=False)
class Material:
    """A document with what can be made of it. `other` is the next one, where foreign things come from."""

    language: str
    text: str
    references: list[str]
    spans: list[Span] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spans = [
            span for span in sentences(self.text) if len(split(self, span.of(self.text))) >= LEAST_WORDS
        ]
        pattern = _TWO_WORD_NAME if self.language == "de" else _NAME
        self.names = [] if self.language == "zh" else sorted(set(pattern.findall(self.text)))
        self.numbers = sorted(set(_NUMBER.findall(self.text)))
        whole = [" ".join(span.of(text).split()) for text in self.references[:2] for span in sentences(text)]
        self.references = [one for one in whole if len(split(self, one)) >= LEAST_WORDS / 2][:MOST_REFERENCES]

    def drawn(self, chance: random.Random, count: int = MOST_OF_A_DOCUMENT) -> list[Span]:
        return chance.sample(self.spans, min(count, len(self.spans)))


@dataclass(frozen=True)
class Case:
    """A sentence of known origin: the kind tells what was done to it, `sources` where it is from."""

    kind: str
    sentence: str
    material: Material
    sources: tuple[Span, ...] = ()


def split(material: Material, sentence: str) -> list[str]:
    """Words, or characters where none are marked."""
    return _WORDS.get(material.language, _ANY_WORD).findall(sentence)


def joined(material: Material, parts: Sequence[str]) -> str:
    return ("" if material.language == "zh" else " ").join(parts)


def cut(material: Material, sentence: str, share: float, chance: random.Random) -> str:
    """The sentence without about this share of its words. What is checked apart stays: names, numbers, "not"."""
    denied = _DENIED[material.language]
    return joined(
        material,
        [
            word
            for word in split(material, sentence)
            if word[:1].isupper() or word[:1].isdigit() or denied.search(word) or chance.random() > share
        ],
    )


def shortened(material: Material, sentence: str, share: float, chance: random.Random) -> str:
    """The sentence without about this share of its words, whichever they are."""
    return joined(material, [word for word in split(material, sentence) if chance.random() > share])


def fused(material: Material, first: str, second: str) -> str:
    """The first half of one sentence and the second half of another."""
    one, other = split(material, first), split(material, second)
    return joined(material, one[: len(one) // 2] + other[len(other) // 2 :])


def falsified(material: Material, other: Material, sentence: str, chance: random.Random) -> dict[str, str]:
    """The sentence made wrong in one thing, by the kind of the mistake; only kinds that it allows."""
    made: dict[str, str] = {}
    pattern = _TWO_WORD_NAME if material.language == "de" else _NAME
    spots = {
        "name": [] if material.language == "zh" else list(pattern.finditer(sentence)),
        "number": list(_NUMBER.finditer(sentence)),
    }
    pools = {
        "name": (material.names, [name for name in other.names if name not in material.text]),
        "number": (material.numbers, [str(chance.randint(2, 9999))]),
    }
    for kind, found in spots.items():
        if not found:
            continue
        spot = chance.choice(found)
        for origin, pool in zip(("own", "foreign"), pools[kind], strict=True):
            if pool := [new for new in pool if new not in sentence and new not in spot[0]]:
                made[f"{origin} {kind}"] = (
                    sentence[: spot.start()] + chance.choice(pool) + sentence[spot.end() :]
                )
    return made | _denials(material, sentence)


def _denials(material: Material, sentence: str) -> dict[str, str]:
    language = material.language
    made = {}
    denied = _DENIED[language].search(sentence.lower())
    if not denied and _DENIABLE[language].search(sentence):
        new = {"en": r"\1 not", "de": r"\1 nicht", "zh": r"不\1"}[language]
        made["inserted not"] = _DENIABLE[language].sub(new, sentence, count=1)
    removable = _REMOVABLE[language]
    if denied and removable is not None:
        left = removable.sub("", sentence)
        if not _DENIED[language].search(left.lower()):
            made["removed not"] = left
    return made


def cases(materials: Sequence[Material]) -> Iterator[Case]:
    """All sentences of a set that are long enough to be checked."""
    chance = random.Random(7)
    for place, material in enumerate(materials):
        other = materials[(place + 1) % len(materials)]
        for case in (*_of_references(material, other, chance), *_of_sentences(material, other, chance)):
            if len(set(terms(plain(case.sentence)))) >= LEAST_TERMS:
                yield case


def _of_references(material: Material, other: Material, chance: random.Random) -> Iterator[Case]:
    for sentence in material.references:
        yield Case("reference", sentence, material)
        for kind, wrong in falsified(material, other, sentence, chance).items():
            yield Case(f"reference, {kind}", wrong, material)
        if other.references:
            yield Case("half foreign", fused(material, sentence, chance.choice(other.references)), material)
    for sentence in other.references:
        yield Case("foreign", sentence, material)


def _of_sentences(material: Material, other: Material, chance: random.Random) -> Iterator[Case]:
    drawn = material.drawn(chance)
    for span in drawn:
        sentence = _line(span, material)
        for percent in (30, 50, 70):
            yield Case(
                f"less {percent}%", shortened(material, sentence, percent / 100, chance), material, (span,)
            )
        true = cut(material, sentence, 0.3, chance)
        yield Case("cut", true, material, (span,))
        for kind, wrong in falsified(material, other, true, chance).items():
            yield Case(f"cut, {kind}", wrong, material, (span,))
    for one, two in zip(drawn[::2], drawn[1::2], strict=False):
        yield Case("fused", fused(material, _line(one, material), _line(two, material)), material, (one, two))


def _line(span: Span, material: Material) -> str:
    return " ".join(span.of(material.text).split())
