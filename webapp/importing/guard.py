"""Where a link may lead (SECURITY.md S07). `guarded.py` opens the connections."""

import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import idna

from webapp.importing.extracted import ImportFailure

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_ADDRESS_CHARS = 2_000
DEFAULT_PORTS = {"http": 80, "https": 443}
LEAST_OTHER_PORT = 1024
# Above that, what browsers refuse as well (Fetch standard, "bad port"): file shares, X11, chat, SIP.
BAD_PORTS = {
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080
}  # fmt: skip

# What a team that imports from its own network will want to allow: not this machine, nothing link-local, where
# clouds keep their credentials.
PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)

_IPV6_IN_USE = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# `is_global` is true of these in some or all versions of Python: 6to4 and its relays, documentation.
_NOT_GLOBAL = tuple(map(ip_network, ("192.88.99.0/24", "2002::/16", "3fff::/20")))

_LABELS = re.compile(r"(?!.*\.\.)[a-z0-9_][a-z0-9_.-]*")
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Who may be asked: the public internet, and the `networks` that an admin names."""

    networks: tuple[Network, ...] = ()

    def checked(self, url: str, base: str = "") -> str:
        """The address in its plain form, without fragment. `base` is what leads there, if anything does.

        Raises ImportFailure ("bad_address", "forbidden_address").
        """
        if len(url) > LONGEST_ADDRESS_CHARS or any(char < " " or char == "\x7f" for char in url.strip()):
            raise ImportFailure("bad_address", "it is too long, or has control characters")
        try:
            parts = urlsplit(urljoin(base, url.strip()))
            host, port = _host(parts), _port(parts)
        except ValueError as error:
            raise ImportFailure("bad_address", str(error)) from error
        with suppress(ValueError):
            self.judge(ip_address(host))
        netloc = (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}")
        return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))

    def judge(self, address: Address) -> None:
        """Raises ImportFailure ("forbidden_address") for one that is neither public nor allowed."""
        if not self.is_permitted(address):
            raise ImportFailure("forbidden_address", str(address))

    def is_permitted(self, address: Address) -> bool:
        address = _plain(address)
        return is_public(address) or any(address in network for network in self.networks)


def is_public(address: Address) -> bool:
    """Whether it is one host of the public internet; what is carried inside another address counts."""
    address = _plain(address)
    if not address.is_global or address.is_multicast or any(address in network for network in _NOT_GLOBAL):
        return False
    return isinstance(address, IPv4Address) or address in _IPV6_IN_USE


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address
    return address


def _host(parts: SplitResult) -> str:
    """The host in lower case ASCII; a number in whatever base as an address. Raises ValueError."""
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError(f"the scheme is {parts.scheme!r}")
    if "@" in parts.netloc or not parts.hostname:
        raise ValueError("it has no host, or a user name")
    host = parts.hostname
    if "[" in parts.netloc:
        return str(_plain(IPv6Address(_without_scope(host))))
    host = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    if not _LABELS.fullmatch(host):
        raise ValueError("the host has characters that no host has")
    return _address_of_number(host) if _NUMBER.fullmatch(host) else host


def _without_scope(host: str) -> str:
    if "%" in host:
        raise AddressValueError("an address with a scope is of no use to others")
    return host


def _address_of_number(host: str) -> str:
    """127.1, 2130706433, 0x7f.1 and 0177.0.0.1 as the C library, and so every resolver, reads them."""
    try:
        return str(IPv4Address(socket.inet_aton(host.rstrip("."))))
    except OSError as error:
        raise ValueError("the host is a number that is no address") from error


def _port(parts: SplitResult) -> int | None:
    port = parts.port
    if port is None or port == DEFAULT_PORTS[parts.scheme]:
        return None
    if port in DEFAULT_PORTS.values() or (port >= LEAST_OTHER_PORT and port not in BAD_PORTS):
        return port
    raise ValueError(f"no page is served at port {port}")
