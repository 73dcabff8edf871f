"""Where a model server is: on this machine and its network, or out in the world."""

from ipaddress import ip_address

PRIVATE_SUFFIXES = (".local", ".lan", ".internal", ".home.arpa", ".localhost")


def is_near(host: str) -> bool:
    """Whether a host name or address is on loopback or a private network."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(PRIVATE_SUFFIXES)
