"""What a sentence is made of, for comparing it with another: words cut to a prefix, whatever the marks around
them.

Words are cut instead of stemmed, and scripts without spaces are read by characters, so that no language needs a
dictionary. A Han character tells about as much as a word; of syllables and letters it takes two.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from webapp.summarizing.numbers import numbers

PREFIX_CHARS = 6

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_VOWEL_SIGNS = r"\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0980-\u0dff"  # which \w leaves out
_DIGITS = "0123456789"
_DIGIT = re.compile(r"\d")
_ASCII_WORD = re.compile("[a-z0-9]+")
WORD = re.compile(rf"[{_UNSPACED}]+|(?:[^\W_{_UNSPACED}]|[{_VOWEL_SIGNS}])+")
IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_HAN = r"\u3400-\u9fff\uf900-\ufaff"
_HAN_OR_NOT = re.compile(rf"[{_HAN}]+|[^{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")

_HAS_MARKS = re.compile(r"[*_`~\[|\\]|://|[^\W\d_]\.[^\W\d_]\.")
_LINK = re.compile(r"!?(?<!\\)\[([^\[\]\n]*+)\]\([^()\s]*+(?:\s++\"[^\"\n]*+\")?+\)")
_CITATION = re.compile(r"\[\^?S?\d{1,4}(?:[,;–-] ?S?\d{1,4}){0,9}+\]")
_ADDRESS = re.compile(r"https?://[^\s)>\]]++")
_EMPHASIS = re.compile(r"(?<!\w)[*_~`]++|[*_~`]++(?!\w)|(?<=[^\W\d_])\*{1,2}+(?=[^\W\d_])")
_INITIALISM = re.compile(r"(?<!\w)(?:[^\W\d_]\.){2,}+")


def plain(sentence: str) -> str:
    """The sentence as it reads: without Markdown's marks, addresses and the numbers of footnotes."""
    if _HAS_MARKS.search(sentence):
        sentence = _LINK.sub(r"\1", sentence)
        sentence = _ADDRESS.sub(" ", _CITATION.sub(" ", sentence))
        sentence = _EMPHASIS.sub("", sentence)
        sentence = _INITIALISM.sub(lambda found: found[0].replace(".", ""), sentence)
    return sentence if sentence.isascii() else unicodedata.normalize("NFKC", sentence)


def words(sentence: str) -> list[str]:
    """The words of a plain sentence as they are written; a run without spaces is one word."""
    return WORD.findall(sentence)


def terms(sentence: str) -> list[str]:
    """What a plain sentence is compared by, in its order: prefixes of its words, and numbers by their values.

    Where no spaces are written, each Han character, and pairs of all others.
    """
    found: list[str] = []
    sentence = sentence.casefold()
    sentence = _with_values(sentence) if _DIGIT.search(sentence) else sentence
    if sentence.isascii():  # as most are, which spares them a look at each word
        return [run if run[0] in _DIGITS else run[:PREFIX_CHARS] for run in _ASCII_WORD.findall(sentence)]
    for run in WORD.findall(sentence):
        if run[0] in _DIGITS:
            found.append(run)
        elif IS_UNSPACED.match(run):
            for part in _HAN_OR_NOT.findall(run):
                found.extend(part if _IS_HAN.match(part) or len(part) == 1 else map("".join, pairwise(part)))
        else:
            found.append(run[:PREFIX_CHARS])
    return found


def _with_values(sentence: str) -> str:
    """1,000 and 1.000 as 1000, 1.5 million as 1500000, 3.5 as 3p5."""
    parts, end = [], 0
    for number in numbers(sentence):
        whole, _, places = f"{number.readings[0].value:f}".partition(".")
        places = places.rstrip("0")
        parts += [sentence[end : number.start], f" {whole}p{places} " if places else f" {whole} "]
        end = number.end
    return "".join([*parts, sentence[end:]])


def script_of(text: str) -> str:
    """The script that most letters are of, such as "LATIN", or "" without letters. Han and kana are one."""
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, set(text))) else ""
    counts: Counter[str] = Counter()
    for letter, often in Counter(text).items():
        if script := _script(letter):
            counts[script] += often
    return counts.most_common(1)[0][0] if counts else ""


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    if not letter.isalpha():
        return ""
    name = unicodedata.name(letter, "").replace("-", " ").partition(" ")[0]
    return "CJK" if name in ("HIRAGANA", "KATAKANA") else name


def common_length(one: Iterable[str], other: list[str]) -> int:
    """The length of the longest common subsequence (bit-parallel, after Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, term in enumerate(other):
        places[term] = places.get(term, 0) | 1 << place
    everywhere = (1 << len(other)) - 1
    open_places = everywhere
    for term in one:
        matched = open_places & places.get(term, 0)
        open_places = ((open_places + matched) | (open_places - matched)) & everywhere
    return len(other) - open_places.bit_count()
