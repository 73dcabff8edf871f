"""The processes that `precis up` runs: Valkey, web, workers and sweeper, and the supervisor above them.

Kept light: the application imports this package to find the embedded Valkey.
"""

import fcntl
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LANES = ("interactive", "warm")  # a worker process each
# Of glibc, which would keep the 19 MB that a password takes to check, and a heap for each of eight threads a core.
SPARING = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
}


def run_folder(data: Path) -> Path:
    """Where what belongs to the running processes is: sockets, lock, generated configuration."""
    return data.resolve() / "run"


def embedded_url(data: Path) -> str | None:
    """The address of the Valkey that a running `precis up` started on this data folder, or None."""
    try:
        return (run_folder(data) / "redis.url").read_text().strip() or None
    except OSError:
        return None


def keep_what_is_loaded() -> None:
    """To go through it again and again would take time from whoever waits, and copy what forks have in common."""
    gc.collect()
    gc.freeze()


def wait_for_others() -> None:
    """Let other threads come to their end. A fork would leave them behind in the middle of what they do."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(1.0)


def setup_file(data: Path) -> Path:
    """Where the address of a first account is told to whoever has started everything; empty if there is one."""
    return run_folder(data) / "setup.url"


@contextmanager
def migration(data: Path) -> Iterator[None]:
    """The database is brought to this release meanwhile: nobody serves."""
    with _migrating(data).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        fcntl.flock(file, fcntl.LOCK_UN)  # also for the processes that were forked with it


def is_migrating(data: Path) -> bool:
    """Whether somebody still brings the database to this release."""
    try:
        with _migrating(data).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _migrating(data: Path) -> Path:
    return run_folder(data) / "migrating.lock"
