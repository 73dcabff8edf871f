"""What the process that reads a stranger's file gives up before it opens it."""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress

from webapp.importing.limits import Limits

MOST_OPEN_FILES = 64
NICENESS = 5  # pages go before imports
GRACE_SECONDS = 5  # then it ends by itself, also if nobody is left to end it

_NEW_USER_AND_NETWORK = 0x10000000 | 0x40000000  # CLONE_NEWUSER | CLONE_NEWNET of Linux


def confine(limits: Limits) -> None:
    """Give up memory, time, files to write, core dumps and the network, for this process and its children.

    Where the system knows no namespaces, or does not permit them, sockets are refused to Python alone.
    """
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_CPU, limits.seconds)
    _limit(resource.RLIMIT_NOFILE, MOST_OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    os.nice(NICENESS)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds + GRACE_SECONDS)
    _leave_network()
    sys.addaudithook(_refuse_sockets)


def _limit(what: int, most: int) -> None:
    """Lower both the soft and the hard limit; one that is lower already stays."""
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(ValueError, OSError):  # a system may know the limit and not let it be set
        resource.setrlimit(what, (most, most))


def _leave_network() -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(_NEW_USER_AND_NETWORK)


def _refuse_sockets(event: str, _: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        raise PermissionError("files are read without a network")
