"""The processes that `precis up` runs: Valkey, web, workers and sweeper, and the supervisor above them.

Kept light: the application imports this package to find the embedded Valkey.
"""

from pathlib import Path


def run_folder(data: Path) -> Path:
    """Where what belongs to the running processes is: sockets, lock, generated configuration."""
    return data.resolve() / "run"


def embedded_url(data: Path) -> str | None:
    """The address of the Valkey that a running `precis up` started on this data folder, or None."""
    try:
        return (run_folder(data) / "redis.url").read_text().strip() or None
    except OSError:
        return None
