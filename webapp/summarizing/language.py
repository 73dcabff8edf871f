"""The languages that a summary can be had in, and which one a text is in, as far as a prompt needs to name it: by
its script and its commonest words."""

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from webapp.summarizing.terms import script_of


class Language(NamedTuple):
    """A language that a reader may pick: its English name, its own name for itself, its BCP 47 code."""

    name: str
    endonym: str
    code: str


LANGUAGES = (
    Language("Arabic", "العربية", "ar"),
    Language("Chinese", "中文", "zh"),
    Language("Czech", "Čeština", "cs"),
    Language("Danish", "Dansk", "da"),
    Language("Dutch", "Nederlands", "nl"),
    Language("English", "English", "en"),
    Language("Finnish", "Suomi", "fi"),
    Language("French", "Français", "fr"),
    Language("German", "Deutsch", "de"),
    Language("Greek", "Ελληνικά", "el"),
    Language("Hebrew", "עברית", "he"),
    Language("Hindi", "हिन्दी", "hi"),
    Language("Hungarian", "Magyar", "hu"),
    Language("Indonesian", "Bahasa Indonesia", "id"),
    Language("Italian", "Italiano", "it"),
    Language("Japanese", "日本語", "ja"),
    Language("Korean", "한국어", "ko"),
    Language("Norwegian", "Norsk", "no"),
    Language("Persian", "فارسی", "fa"),
    Language("Polish", "Polski", "pl"),
    Language("Portuguese", "Português", "pt"),
    Language("Romanian", "Română", "ro"),
    Language("Russian", "Русский", "ru"),
    Language("Spanish", "Español", "es"),
    Language("Swedish", "Svenska", "sv"),
    Language("Thai", "ไทย", "th"),
    Language("Turkish", "Türkçe", "tr"),
    Language("Ukrainian", "Українська", "uk"),
    Language("Urdu", "اردو", "ur"),
    Language("Vietnamese", "Tiếng Việt", "vi"),
)
_CODES = {language.name: language.code for language in LANGUAGES}
_NAMES = {language.code: language.name for language in LANGUAGES} | {"nb": "Norwegian", "nn": "Norwegian"}

SAMPLE_CHARACTERS = 3_000
LEAST_WORDS = 8  # known words that must be found before a language is named
LEAST_KANA, MOST_KANA = 0.05, 0.15  # a share between them may be of Chinese or of Japanese
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
    "Finnish": "ja on ei että se hän oli ovat mutta kun myös joka sen tai niin kuin",
    "Hungarian": "az és hogy nem egy volt meg ez csak már mint azt vagy ha van pedig",
    "Romanian": "și în nu cu pe este din care mai pentru să ca fi sunt prin fost",
    "Vietnamese": "và của là có được trong cho không người với các một những khi này đã",
    "Indonesian": "dan yang di untuk dengan tidak dari ini itu pada adalah dalam akan oleh juga karena",
}
# Written Norwegian and Danish share most of their common words: these tell one from the other.
ONLY_DANISH = "af blev sig meget ud efter nogle været bliver"
ONLY_NORWEGIAN = "av ble seg mye ut etter noen vært blir"
_SPEAKERS = {
    word: [language for language, others in COMMON_WORDS.items() if word in others.split()]
    for words in COMMON_WORDS.values()
    for word in words.split()
}

LANGUAGE_OF_SCRIPT = {"GREEK": "Greek", "HEBREW": "Hebrew", "HANGUL": "Korean", "THAI": "Thai"}
# Scripts of several languages: letters that only one of them writes.
OWN_LETTERS = {
    "CYRILLIC": (("Ukrainian", "іїєґ"), ("Russian", "ыэ")),
    "ARABIC": (("Urdu", "ٹڈڑےںہ"), ("Persian", "پچژگ"), ("Arabic", "ةىي")),
}
_KANA = re.compile("[\u3041-\u30fa]")


def code_of(name: str) -> str | None:
    """The BCP 47 code of a language by its English name; None for one that is not on the list."""
    return _CODES.get(name)


def name_of(code: str) -> str | None:
    """The English name of a language by its code, whatever its case and region ("pt-BR" is Portuguese); None for
    one that is not on the list."""
    return _NAMES.get(code.strip().lower().replace("_", "-").partition("-")[0])


def is_plainly_other(text: str, name: str) -> bool:
    """Whether a text is plainly not in the language called `name`. A text that may be in any is not."""
    found = language_of(text)
    return found is not None and found != name


def language_of(text: str) -> str | None:
    """The English name of the text's main language, or None where it is not plain."""
    return _language_of(text[:SAMPLE_CHARACTERS])


@lru_cache(maxsize=8)
def _language_of(sample: str) -> str | None:
    """Kept for a moment, as the same text is asked about again and again while passages are searched in it."""
    script = script_of(sample)
    if script == "LATIN":
        return _by_words(sample)
    if script == "CJK":
        return _chinese_or_japanese(sample)
    own = {language: sum(map(sample.count, letters)) for language, letters in OWN_LETTERS.get(script, ())}
    most = max(own, key=own.__getitem__, default="")
    return most if most and own[most] * 200 > len(sample) else LANGUAGE_OF_SCRIPT.get(script)


def _by_words(text: str) -> str | None:
    counts = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    found = dict.fromkeys(COMMON_WORDS, 0)
    for word in counts.keys() & _SPEAKERS.keys():
        for language in _SPEAKERS[word]:
            found[language] += counts[word]
    (first, most), (_, next_most) = Counter(found).most_common(2)
    if most < LEAST_WORDS or most < LEAST_LEAD * next_most:
        return None
    return _danish_or_norwegian(counts) if first == "Danish" else first


def _chinese_or_japanese(text: str) -> str | None:
    """By the share of kana among the letters: half of Japanese prose, while a Chinese text may hold a Japanese name."""
    share = len(_KANA.findall(text)) / sum(map(str.isalpha, text))
    return "Japanese" if share > MOST_KANA else "Chinese" if share < LEAST_KANA else None


def _danish_or_norwegian(counts: Counter[str]) -> str | None:
    danish, norwegian = (
        sum(counts[word] for word in words.split()) for words in (ONLY_DANISH, ONLY_NORWEGIAN)
    )
    if danish == norwegian:
        return None
    return "Danish" if danish > norwegian else "Norwegian"
