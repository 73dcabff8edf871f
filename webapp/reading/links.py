"""What a line may hold on a page: words with their marks, and links that say where they lead.

A document is a stranger's text. Of its links those to the web stay, with the host to be seen; all others, and
all images, become words.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from markdown_it.token import Token

from webapp.reading.parsing import Environment, words

LONGEST_LINK_CHARS = 2_000
LONGEST_SHOWN_CHARS = 200

# Whatever a browser might read in another way than we do (user names, backslashes, one slash) is no link.
_WEB = re.compile(
    r"https?://(?P<host>[a-z0-9.-]{1,253}|\[[0-9a-f:.]+\])(?::\d{1,5})?(?=[/?#]|$)", re.IGNORECASE
)
_DATA = re.compile(r"data:[^,]{0,100}")


def host_of(address: str) -> str:
    """The host that a link to the web leads to, or "" where the address is none that may be followed."""
    found = _WEB.match(address) if len(address) <= LONGEST_LINK_CHARS else None
    return found["host"].casefold().removeprefix("www.") if found else ""


def harmless(tokens: Iterable[Token], environment: Environment) -> Iterator[Token]:
    """The tokens of a block's lines without images and without links, but for those to the web.

    `environment["address_chars"]` bounds the addresses: one definition may be referred to a million times.
    """
    told: set[str] = set()
    stream = iter(tokens)
    for token in stream:
        if token.type == "link_open":
            inside = list(takewhile(lambda inner: inner.type != "link_close", stream))
            yield from _link(str(token.attrs.get("href", "")), inside, told, environment)
        elif token.type == "image":
            yield from _image(token, environment)
        else:
            yield token


def _link(address: str, inside: list[Token], told: set[str], environment: Environment) -> Iterator[Token]:
    label = list(harmless(inside, environment))
    said = "".join(token.content for token in label).strip()
    host = host_of(address) if _affords(address, environment) else ""
    if not host:
        yield from label
        yield from _address(address, said, environment)
        return
    opening = Token("link_open", "a", 1, attrs={"href": address})
    if host not in told and not _says(said, address, host):
        opening.attrs["data-host"] = host
        told.add(host)
    yield opening
    yield from label if said else [words(address)]
    yield Token("link_close", "a", -1)


def _says(said: str, address: str, host: str) -> bool:
    """Whether the words of a link are its address, or the host that it leads to."""
    said = said.rstrip("/")
    return said in (address.rstrip("/"), address.split("://", 1)[1].rstrip("/"), host, f"www.{host}")


def _image(token: Token, environment: Environment) -> Iterator[Token]:
    said = token.content.strip()
    yield words(said)
    yield from _address(str(token.attrs.get("src", "")), said, environment)


def _address(address: str, said: str, environment: Environment) -> Iterator[Token]:
    """Where something would lead, in words, unless it is a place in the text itself or is said already."""
    data = _DATA.match(address)
    shown = data[0] + ",…" if data else address
    if len(shown) > LONGEST_SHOWN_CHARS:
        shown = shown[:LONGEST_SHOWN_CHARS] + "…"
    is_told = not address or address.startswith("#") or said in (address, address.removeprefix("mailto:"))
    if not is_told and _affords(shown, environment):
        yield words(f" ({shown})" if said else shown)


def _affords(address: str, environment: Environment) -> bool:
    environment["address_chars"] -= len(address)
    return bool(environment["address_chars"] >= 0)
