"""The originals of sources in the data folder, each under its SHA-256."""

from pathlib import Path
from typing import BinaryIO

from webapp.extensions import current_settings
from webapp.models.archive.folder import copied


def path_of(sha256: str) -> Path:
    return current_settings().data.resolve() / "originals" / sha256[:2] / sha256


def keep(file: BinaryIO, sha256: str) -> bool:
    """Keep what is in `file`, if it is what this SHA-256 is of. Returns whether it is."""
    return copied(file, path_of(sha256), sha256)


def drop(sha256: str) -> None:
    path_of(sha256).unlink(missing_ok=True)
