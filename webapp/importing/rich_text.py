"""RTF brought into a form that pandoc reads rightly: it knows one code page, and no pictures are wanted."""

import codecs
import re

from webapp.importing.properties import Properties, properties

HEAD_BYTES = 200_000  # the font table is within
SHORTEST_PICTURE_CHARS = 2_000

_CODE_PAGES = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "cp950", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_ANSI = re.compile(rb"\\ansicpg(\d{3,5})")
_FONT = re.compile(rb"\{\\f(\d{1,5})[^{};]{0,200}?\\fcharset(\d{1,3})")
_STYLES = re.compile(rb"\{\\stylesheet(?:[^{}]|\{(?:[^{}]|\{[^{}]*+\})*+\})*+\}")
_STYLE = re.compile(rb"\{\\s(\d{1,4})(?!\d)([^{}]{0,2000})\}")
_LEVEL = re.compile(rb"\\outlinelevel([0-5])(?!\d)")
_HEADING_NAME = re.compile(rb"\b[Hh]eading ([1-6])\s*;")
_PICTURE = re.compile(rb"[0-9a-fA-F\r\n]{%d,}" % SHORTEST_PICTURE_CHARS)
_TOKEN = re.compile(
    rb"(?P<escaped>\\[{}\\])|(?P<open>\{)|(?P<close>\})|\\uc(?P<skipped>\d)(?!\d) ?|\\f(?P<font>\d{1,5})(?!\d)|\\s(?P<style>\d{1,4})(?!\d)"
    rb"|\\u(?P<code>-?\d{1,6})(?!\d) ?(?P<instead>(?:\\'[0-9a-fA-F]{2}){1,4}|[ -\[\]-z|~]{0,4})"
    rb"|(?P<bytes>(?:\\'[0-9a-fA-F]{2})+)|(?P<raw>[\x80-\xff]+)"
)

_INFO = re.compile(r"\{\\info(.{0,4000})", re.DOTALL)
_FIELD = re.compile(r"\{\\(title|author) ([^{}\\]{1,1000})\}")
_CREATED = re.compile(r"\\creatim\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")


def properties_of(rtf: bytes) -> Properties:
    """What simplified RTF says of itself."""
    info = _INFO.search(rtf[:HEAD_BYTES].decode("utf-8", "replace"))
    if info is None:
        return Properties()
    fields, created = dict(_FIELD.findall(info[1])), _CREATED.search(info[1])
    day = "{}-{:0>2}-{:0>2}".format(*created.groups()) if created else None
    return properties(title=fields.get("title"), author=fields.get("author"), date=day)


def simplified(rtf: bytes) -> bytes:
    """The same text with each letter beyond ASCII as it is, in UTF-8, and without pictures' digits.

    Of the styles only the levels of headings are left: pandoc would take the look of one for that of all.
    """
    return _Simplifier(rtf).simplified(_STYLES.sub(b"", _PICTURE.sub(b"", rtf), count=1))


def _levels(styles: bytes) -> dict[int, int]:
    """The numbers of the styles of headings, and their levels from 0."""
    levels: dict[int, int] = {}
    for style, look in _STYLE.findall(styles):
        if told := _LEVEL.search(look):
            levels[int(style)] = int(told[1])
        elif named := _HEADING_NAME.search(look):
            levels[int(style)] = int(named[1]) - 1
    return levels


class _Simplifier:
    """Knows the code page at each place: that of the font, which a group's end gives back."""

    def __init__(self, rtf: bytes) -> None:
        head = rtf[:HEAD_BYTES]
        said = _ANSI.search(head)
        self._usual = _known(f"cp{int(said[1])}" if said else "cp1252")
        charsets = {int(font): int(charset) for font, charset in _FONT.findall(head)}
        self._pages = {
            font: _CODE_PAGES.get(charset, self._usual) for font, charset in charsets.items() if charset > 1
        }
        styles = _STYLES.search(rtf)
        self._levels = _levels(styles[0]) if styles else {}
        self._page = self._usual
        self._skipped = 1  # so many letters after a number are for programs that do not know it
        self._outer: list[tuple[str, int]] = []
        self._half = 0  # of a letter that needs two numbers

    def simplified(self, rtf: bytes) -> bytes:
        return _TOKEN.sub(self._token, rtf)

    def _token(self, found: re.Match[bytes]) -> bytes:
        if found["open"]:
            self._outer.append((self._page, self._skipped))
        elif found["close"]:
            self._page, self._skipped = self._outer.pop() if self._outer else (self._usual, 1)
        elif found["skipped"]:
            self._skipped = min(int(found["skipped"]), 4)
        elif found["font"]:
            self._page = self._pages.get(int(found["font"]), self._usual)
        elif found["style"]:
            return found[0] + self._outline(int(found["style"]))
        elif found["code"]:
            return self._numbered(int(found["code"]) % 65_536) + self._after(found["instead"])
        elif found["bytes"]:
            return self._decoded(bytes.fromhex(found["bytes"].replace(b"\\'", b"").decode()))
        elif found["raw"]:
            return self._decoded(found["raw"])
        return found[0]

    def _outline(self, style: int) -> bytes:
        return b"\\outlinelevel%d" % self._levels[style] if style in self._levels else b""

    def _after(self, instead: bytes) -> bytes:
        """What follows the letters that stood for it: none of it, unless there were more than need be."""
        width = 4 if instead.startswith(b"\\") else 1
        beyond = instead[width * self._skipped :]
        return self._decoded(bytes.fromhex(beyond.replace(b"\\'", b"").decode())) if width == 4 else beyond

    def _decoded(self, data: bytes) -> bytes:
        text = data.decode(self._page, "replace")
        return "".join(f"\\{letter}" if letter in "\\{}" else letter for letter in text).encode()

    def _numbered(self, code: int) -> bytes:
        half, self._half = self._half, 0
        if 0xD800 <= code < 0xDC00:
            self._half = code
            return b""
        if half and 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((half - 0xD800) << 10) + code - 0xDC00
        return chr(code).encode("utf-8", "replace")


def _known(page: str) -> str:
    try:
        return codecs.lookup(
            {"cp936": "gbk", "cp10000": "mac_roman", "cp65001": "utf-8"}.get(page, page)
        ).name
    except LookupError:
        return "cp1252"
