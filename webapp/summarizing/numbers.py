"""The numbers of a text as values, whichever way they are written: 1,000 is 1.000, 1 000, one thousand, 一千.

Where a notation can be read in two ways, both readings count. So a number is only ever said to be missing if
no reading of it is there.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple


class Reading(NamedTuple):
    """What a number may mean, and the value of its last written place: 1.5 million is (1500000, 100000)."""

    value: Decimal
    place: Decimal


class Number(NamedTuple):
    """A number as it stands in a text, with all that it may mean."""

    start: int
    end: int
    readings: tuple[Reading, ...]


_RUN = re.compile(r"(?<![A-Za-z\d])(?<!\d[.,'’])(?:\d{1,3}(?: \d{3})++(?!\d)|\d++(?:[.,'’٫٬]\d++)*+)")
_ONE = Decimal(1)
_DIGITS = re.compile(r"\d++")
_DECIMAL_MARKS = ".,٫"
_SEPARATOR = re.compile(r"[^\d]")
_MAGNITUDE = re.compile(r"[ -]?(?:([十百千万萬亿億兆]{1,2}+)|([^\W\d_]++))")
_MAGNITUDES = {
    3: "thousand thousands k tausend tsd mille mil mila duizend tysięcy tisíc tusen tusind bin тыс тысяч тысячи тисяч 千",
    4: "万 萬",
    7: "千万 千萬",
    6: "million millions m mn mio millionen millón millones milione milioni milhão milhões miljoen milionów milionů "
       "miljoner millioner milyon млн миллион миллиона миллионов мільйонів 百万",
    8: "亿 億",
    9: "billion billions b bn milliard milliards milliarde milliarden mrd miliardi miljard miliardów miliard "
       "miljarder milliarder milyar млрд миллиард миллиарда миллиардов мільярдів 十亿",
    12: "trillion trillions tn billion billionen billones biljoen bio 兆 万亿",
}  # fmt: skip

_COUNTED = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty
zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig
nullte erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte
zéro un deux trois quatre cinq six sept huit neuf dix onze douze
cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce
zero uno due tre quattro cinque sei sette otto nove dieci undici dodici
zero um dois três quatro cinco seis sete oito nove dez onze doze
nul één twee drie vier vijf zes zeven acht negen tien elf twaalf
- january february march april may june july august september october november december
- januar februar märz april mai juni juli august september oktober november dezember
"""  # the months are numbers, too: October is what 2019-10-03 has
_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
)
_GERMAN_UNITS = "ein zwei drei vier fünf sechs sieben acht neun"
_MORE = {
    "ein": 1, "eine": 1, "einen": 1, "einem": 1, "einer": 1, "once": 1, "twice": 2, "both": 2, "beide": 2, "beiden": 2,
    "dozen": 12, "dutzend": 12, "hundred": 100, "hundert": 100, "einhundert": 100, "thousand": 1000,
    "tausend": 1000, "eintausend": 1000, "half": 50, "hälfte": 50, "quarter": 25, "viertel": 25,
}  # fmt: skip


def _word_values() -> dict[str, tuple[int, ...]]:
    values: dict[str, set[int]] = {word: {value} for word, value in _MORE.items()}
    for line in _COUNTED.strip().splitlines():
        for value, word in enumerate(line.split()):
            values.setdefault(word, set()).add(value)
    for line in _TENS:
        for tens, word in enumerate(line.split(), 2):
            values.setdefault(word, set()).add(10 * tens)
    for unit, start in enumerate(_GERMAN_UNITS.split(), 1):
        for tens, end in enumerate(_TENS[1].split(), 2):
            values[f"{start}und{end}"] = {10 * tens + unit}
    return {word.replace("ß", "ss"): tuple(found) for word, found in values.items()}


_WORD_VALUES = _word_values()
_POWERS = {
    word: [power for power, line in _MAGNITUDES.items() if word in line.split()]
    for listed in _MAGNITUDES.values()
    for word in listed.split()
}
_HAN_DIGITS = dict(zip("零〇一二两兩三四五六七八九", (0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_HAN_UNITS = {"十": 10, "百": 100, "千": 1_000, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_HAN = re.compile(f"[{''.join(_HAN_DIGITS)}{''.join(_HAN_UNITS)}]++")
_WORD = re.compile(r"[^\W\d_]++")
_ENDING = re.compile("(?<=e)[nrsm]$")


def numbers(text: str) -> Iterator[Number]:
    """The numbers that are written in digits, with a thousand or million behind them. A date is its parts."""
    for run in _RUN.finditer(text):
        readings = _readings(run[0])
        if readings:
            yield _scaled(Number(*run.span(), readings), text)
        else:
            for part in _DIGITS.finditer(text, *run.span()):
                yield Number(*part.span(), (_reading(part[0]),))


def _reading(digits: str) -> Reading:
    places = len(digits.partition(".")[2])
    return Reading(Decimal(digits), _ONE.scaleb(-places) if places else _ONE)


@lru_cache(maxsize=1024)
def _readings(run: str) -> tuple[Reading, ...]:
    """All that one run of digits and separators may be; nothing if it is several numbers."""
    if run.isdecimal():
        return (_reading(run),)
    parts, separators = _DIGITS.findall(run), _SEPARATOR.findall(run)
    kinds = set(separators)
    found = []
    if len(kinds) == 1 and _is_grouped(parts):
        found.append(_reading("".join(parts)))
    is_single = len(separators) == 1 or (
        len(kinds) == 2 and separators[-1] not in separators[:-1] and _is_grouped(parts[:-1])
    )
    if is_single and separators[-1] in _DECIMAL_MARKS:
        found.append(_reading(f"{''.join(parts[:-1])}.{parts[-1]}"))
    return tuple(found)


def _is_grouped(parts: list[str]) -> bool:
    """By thousands, or as in India."""
    first, *middle, last = parts if len(parts) > 1 else [*parts, "000"]
    sizes = {len(part) for part in middle}
    return len(first) <= 3 and first != "0" and len(last) == 3 and sizes in (set(), {2}, {3})


def _scaled(number: Number, text: str) -> Number:
    """The number times the thousands or millions that follow. A letter may be metres, so then both count."""
    found = _MAGNITUDE.match(text, number.end)
    powers = _POWERS.get((found[1] or found[2]).casefold()) if found else None
    if not found or not powers:
        return number
    scaled = tuple(
        Reading(value.scaleb(power), place.scaleb(power))
        for power in powers
        for value, place in number.readings
    )
    is_letter = found[2] is not None and len(found[2]) <= 2
    return Number(number.start, found.end(), scaled + number.readings if is_letter else scaled)


def values(text: str) -> set[Decimal]:
    """All values that a text may have, in digits or in words, as far as they can be told."""
    found = {reading.value for number in numbers(text) for reading in number.readings}
    found.update(_values_in_words(text))
    found.update(Decimal(value) for run in _HAN.findall(text) if (value := _han_value(run)) is not None)
    return found


def _values_in_words(text: str) -> Iterator[Decimal]:
    listed = _WORD.findall(text.casefold())
    for word in listed:
        yield from map(Decimal, word_values(word))
    for word, following in pairwise(listed):
        yield from _values_of_two(word_values(word), following)


def _values_of_two(firsts: Iterable[int], following: str) -> Iterator[Decimal]:
    """Twenty-one, two hundred, ten million."""
    for first in firsts:
        for second in word_values(following):
            if 20 <= first < 100 and second < 10:
                yield Decimal(first + second)
            if second in (100, 1000):
                yield Decimal(first * second)
        for power in _POWERS.get(following, ()):
            yield Decimal(first).scaleb(power)


@lru_cache(maxsize=4096)
def word_values(word: str) -> tuple[int, ...]:
    """What a casefolded word may count, a month's place in the year included."""
    return _WORD_VALUES.get(word) or _WORD_VALUES.get(_ENDING.sub("", word), ())


def _han_value(run: str) -> int | None:
    if all(han in _HAN_DIGITS for han in run):
        return int("".join(str(_HAN_DIGITS[han]) for han in run))
    total = section = digit = 0
    for han in run:
        unit = _HAN_UNITS.get(han, 0)
        if not unit:
            digit = _HAN_DIGITS[han]
        elif unit < 10**4:
            section, digit = section + max(digit, 1) * unit, 0
        elif total and total < unit:
            total, section, digit = (total + section + digit) * unit, 0, 0
        else:
            total, section, digit = total + max(section + digit, 1) * unit, 0, 0
    return total + section + digit


def is_among(number: Number, found: set[Decimal]) -> bool:
    """Whether one of the values is the number, as it would be rounded to its last written place."""
    return any(abs(value - given) <= place / 2 for value, place in number.readings for given in found)
