"""What can be seen of a text: without the characters that hide words from a reader but not from a model."""

import re

# Bidirectional overrides show words in another order than they are in; tag characters and variation selectors
# spell whole sentences that nobody sees; zero-width ones split a word that a filter looks for. An emoji flag
# of a region, which is made of tags, becomes a plain flag.
_CONTROLS = r"\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff\ufff9-\ufffb"
_DIRECTIONS = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
_ZERO_WIDTH = (
    r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u3164\ufeff\uffa0\U0001d173-\U0001d17a"
)
_TAGS = r"\U000e0000-\U000e0fff"
_SELECTORS = r"\u180b-\u180d\u180f\ufe00-\ufe0f"
_JOINERS = r"\u200c\u200d"

# A joiner shapes letters in these scripts, and joins emoji; a selector picks an emoji's colours. One, between
# two of the kind, is kept.
_JOINING = r"\u0620-\u06ff\u0710-\u077f\u08a0-\u08ff"
_JOINING += r"\u0900-\u0dff\u1000-\u109f\u1780-\u17b3\u17b6-\u17d3\u1820-\u1842"
_PICTURE = r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_KEPT = (
    rf"(?P<kept>(?<=[{_JOINING}])[{_JOINERS}](?=[{_JOINING}])"
    rf"|(?<=[{_PICTURE}])\ufe0f?\u200d(?=[{_PICTURE}])"
    rf"|(?<=[{_PICTURE}0-9#*])[\ufe0e\ufe0f])"
)
_HIDDEN = re.compile(rf"{_KEPT}|[{_CONTROLS}{_DIRECTIONS}{_ZERO_WIDTH}{_TAGS}{_SELECTORS}{_JOINERS}]+")
_SUSPECT = re.compile(
    rf"[{_CONTROLS}{_DIRECTIONS}{_ZERO_WIDTH}{_TAGS}{_SELECTORS}{_JOINERS}\r\x0b\x0c\x85\u2028\u2029]"
)
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def visible(text: str) -> str:
    """The text without control, direction, zero-width, tag and selector characters; line ends are all "\\n".

    Joiners stay where a script or an emoji needs them. Calling it twice changes nothing more.
    """
    if not _SUSPECT.search("".join(set(text))):  # as most texts are: to look at each letter takes far longer
        return text
    return _HIDDEN.sub(lambda found: found["kept"] or "", _LINE_END.sub("\n", text))


def spelled(text: str) -> str:
    """The text with what `visible` leaves out spelled as JSON and its readers do: "\\u202e"."""
    if not _SUSPECT.search("".join(set(text))):
        return text
    return _HIDDEN.sub(lambda found: found["kept"] or _spelled(found[0]), text)


def _spelled(letters: str) -> str:
    units = letters.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
