"""How many tokens a text is, without the tokenizer: those differ by model, and none can be had offline."""

import re

CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_ASCII = re.compile("[\x00-\x7f]")
_WORD = re.compile(r"[^\W_]+")
SLACK = 1.2


def estimated_tokens(text: str) -> int:
    """What the text needs at most, in all likelihood: a token for 3.5 ASCII characters, one for another
    letter, 1.2 for a CJK character, and 20 % more."""
    ascii_count = len(_ASCII.findall(text))
    cjk_count = len(CJK.findall(text))
    other_count = len(text) - ascii_count - cjk_count
    return int(SLACK * (ascii_count / 3.5 + other_count + cjk_count * 1.2))


def fewest_tokens(text: str) -> int:
    """What hardly a tokenizer gets below: one for a word, as they don't join words, and one for three CJK
    characters."""
    cjk_count = len(CJK.findall(text))
    return len(_WORD.findall(CJK.sub(" ", text))) + cjk_count // 3
