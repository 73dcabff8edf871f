"""Which language a text is in, as far as a prompt needs to name it: by its script and its commonest words."""

import re
import unicodedata
from collections import Counter

SAMPLE_CHARACTERS = 3_000
LEAST_WORDS = 8  # known words that must be found before a language is named
LEAST_LEAD = 1.3  # and how many times those of the next language

COMMON_WORDS = {
    "English": "the of and to in is that for was with on as are this from which",
    "German": "der die und das ist nicht ein eine mit von den dem auf für sich auch",
    "French": "le la les et des est une dans du que pour pas sur qui au avec",
    "Spanish": "el los las y del que una para con por se como más su fue es",
    "Italian": "il di che è la per un una non della con sono gli nel alla più",
    "Portuguese": "o os do da em que não uma para com por mais se como foi ao",
    "Dutch": "het een van de en dat niet zijn voor met op te is ook aan worden",
    "Polish": "w nie na się z jest do że przez oraz dla jak od po tym są",
    "Czech": "se na je že v s z do o i jako pro ale byl jsou podle",
    "Swedish": "och att det som en på är av för med den till inte om ett har",
    "Danish": "og at det som en på er af for med den til ikke om et har",
    "Turkish": "ve bir bu için ile da de olarak olan daha çok gibi kadar sonra ise ne",
}
_COMMON = {language: frozenset(words.split()) for language, words in COMMON_WORDS.items()}

LANGUAGE_OF_SCRIPT = {"GREEK": "Greek", "HEBREW": "Hebrew", "HANGUL": "Korean", "THAI": "Thai"}
# Scripts of several languages: letters that only one of them writes.
OWN_LETTERS = {
    "CYRILLIC": (("Ukrainian", "іїєґ"), ("Russian", "ыэ")),
    "ARABIC": (("Urdu", "ٹڈڑے"), ("Persian", "پچژگ"), ("Arabic", "ةىي")),
}


def language_of(text: str) -> str | None:
    """The English name of the text's main language, or None where it is not plain."""
    sample = text[:SAMPLE_CHARACTERS]
    script = _script_of(sample)
    if script == "LATIN":
        return _by_words(sample)
    if script == "HAN":
        return "Japanese" if re.search("[\u3041-\u30fa]", sample) else "Chinese"
    for language, letters in OWN_LETTERS.get(script, ()):
        if sum(map(sample.count, letters)) * 200 > len(sample):
            return language
    return LANGUAGE_OF_SCRIPT.get(script)


def _script_of(text: str) -> str:
    counts = Counter(_script(letter) for letter in text if letter.isalpha())
    return counts.most_common(1)[0][0] if counts else ""


def _script(letter: str) -> str:
    if letter < "\u0250":
        return "LATIN"
    name = unicodedata.name(letter, "").partition(" ")[0]
    return "HAN" if name in ("CJK", "HIRAGANA", "KATAKANA") else name


def _by_words(text: str) -> str | None:
    counts = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    found = {language: sum(counts[word] for word in words) for language, words in _COMMON.items()}
    (first, most), (_, next_most) = Counter(found).most_common(2)
    return first if most >= LEAST_WORDS and most >= LEAST_LEAD * next_most else None
