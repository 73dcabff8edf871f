"""Whether two sentences disagree on what is not so, by the words that say "not" in their language."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from webapp.summarizing.terms import terms

SCOPE_TERMS = 3  # to each side: what a "not" is about stands this near, before it or behind it
SCOPE_CHARS = 80  # which hold that many
LEAST_TERM_CHARS = 4  # shorter ones are seldom what is denied

# Whole words. With a hyphen, what a word begins or ends with.
NEGATORS = {
    "English": "no not never none nobody nothing nowhere neither nor without cannot -n't -n’t",
    "German": "nicht nie niemals nichts niemand niemanden niemandem nirgends weder ohne kein keine keinen "
    "keinem keiner keines",
    "French": "ne n' n’ jamais aucun aucune sans ni",
    "Spanish": "no nunca jamás ningún ninguno ninguna nada nadie sin tampoco",
    "Italian": "non nessun nessuno nessuna niente nulla senza né",
    "Portuguese": "não nunca nenhum nenhuma ninguém sem nem",
    "Dutch": "niet geen nooit niets niemand zonder",
    "Polish": "nie bez nigdy żaden żadna żadne żadnych nikt ani",
    "Czech": "není nejsou nebyl nebyla nebylo nebyli nemá nemají nelze nemůže nebude nikdy žádný žádná žádné "
    "nikdo bez ani",
    "Swedish": "inte ej aldrig ingen inget inga utan",
    "Danish": "ikke aldrig ingen intet uden",
    "Norwegian": "ikke aldri ingen intet uten",
    "Finnish": "ei en et emme ette eivät älä ilman",
    "Hungarian": "nem nincs nincsenek ne se sem nélkül soha senki semmi",
    "Romanian": "nu fără nici niciun nicio nimic nimeni niciodată",
    "Vietnamese": "không chưa chẳng",
    "Indonesian": "tidak bukan tanpa belum jangan",
    "Turkish": "değil değildir yok yoktur hiç asla olmayan olmadı olmadığı",
    "Russian": "не нет ни никогда никто ничего без нельзя",
    "Ukrainian": "не немає ні ніколи ніхто нічого без",
    "Greek": "δεν δε μη μην όχι χωρίς ποτέ",
    "Hebrew": "לא אין בלי ללא אינו אינה",
    "Arabic": "لا لم لن ليس ليست غير بدون",
    "Persian": "نیست نه بدون هیچ",
    "Urdu": "نہیں نہ بغیر",
    "Chinese": "-不- -没- -沒- -无- -無- -未-",
    "Japanese": "-ない- -なかっ- -なく- -ません- -ずに-",
    "Korean": "-않- -없- -못하- -아니-",
    "Thai": "-ไม่- -ไร้-",
}
# Chinese words that hold such a character and deny nothing.
_DENIES_NOTHING = re.compile(
    "不(?:过|過|断|斷|仅|僅|同|少|管|论|論|得不|光|只|单|妨)|[无無](?:论|論|数|數|疑|非)|未(?:来|來|必)|没收"
)


def is_negation_odd(sentence: str, passages: Sequence[str], language: str | None) -> bool:
    """Whether a plain sentence denies what its passages do not, or states what the best of them denies.

    False without passages, and in a language whose words for "not" are not known.
    """
    pattern = _pattern(language)
    if pattern is None or not passages:
        return False
    denied = _denied(pattern, sentence)
    if denied:
        denied_there = set().union(*(near for passage in passages for near in _denied(pattern, passage)))
        return denied_there.isdisjoint(set().union(*denied))
    said = _telling(terms(sentence))
    return any(_is_mostly(near, said) for near in _denied(pattern, passages[0]))


def _is_mostly(near: set[str], said: set[str]) -> bool:
    """Whether what stands near a "not" is also what was said: half of it, and more than a chance word."""
    return bool(near) and len(near & said) >= max(len(near) / 2, min(2, len(near)))


def _denied(pattern: re.Pattern[str], text: str) -> list[set[str]]:
    """For each "not" of the text the telling terms around it."""
    text = _DENIES_NOTHING.sub(lambda found: "。" * len(found[0]), text.casefold())
    return [_near(text, *found.span()) for found in pattern.finditer(text)]


def _near(text: str, start: int, end: int) -> set[str]:
    before = [term for term in terms(text[max(0, start - SCOPE_CHARS) : start]) if _is_telling(term)]
    behind = [term for term in terms(text[end : end + SCOPE_CHARS]) if _is_telling(term)]
    return set(before[-SCOPE_TERMS:] + behind[:SCOPE_TERMS])


def _telling(found: Iterable[str]) -> set[str]:
    return {term for term in found if _is_telling(term)}


def _is_telling(term: str) -> bool:
    return len(term) >= LEAST_TERM_CHARS or not term.isascii()


@cache
def _pattern(language: str | None) -> re.Pattern[str] | None:
    words = NEGATORS.get(language or "", "").split()
    return re.compile("|".join(map(_bounded, words))) if words else None


def _bounded(word: str) -> str:
    before = "" if word.startswith("-") else r"(?<!\w)"
    behind = "" if word.endswith(("-", "'", "’")) else r"(?!\w)"
    return before + re.escape(word.strip("-")) + behind
