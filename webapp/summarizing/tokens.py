"""How many tokens a text is, without the tokenizer: those differ by model, and none can be had offline."""

import re

CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_ASCII = re.compile("[\x00-\x7f]")
_WORD = re.compile(r"[^\W_]+")
SLACK = 1.2


def estimated_tokens(text: str) -> int:
    """What a text hardly exceeds: a token for 3.5 ASCII characters or one other, 1.2 for CJK, and 20 %."""
    ascii_count = len(_ASCII.findall(text))
    cjk_count = len(CJK.findall(text))
    other_count = len(text) - ascii_count - cjk_count
    return int(SLACK * (ascii_count / 3.5 + other_count + cjk_count * 1.2))


def fewest_tokens(text: str) -> int:
    """What no usual tokenizer gets below: one for a word, as none joins them, and one for three CJK."""
    cjk_count = len(CJK.findall(text))
    return len(_WORD.findall(CJK.sub(" ", text))) + cjk_count // 3
