"""Inventory: whether the originals in the data folder are those that the library speaks of."""

import random
from collections.abc import Iterator

from sqlalchemy import select

from webapp import originals
from webapp.extensions import db
from webapp.models.source import Source

SAMPLE_FILES = 200  # whose bytes are read again: of a large library all of them would take an hour
SAMPLE_BYTES = 2_000_000_000


def problems() -> list[str]:
    """A sentence for each thing that is wrong; empty when all is well."""
    found = [
        (len(missing()), "Originals that are not there"),
        (len(damaged()), "Originals that are not what they were"),
        (originals.left_behind(), "Files left behind that were being received"),
    ]
    return [f"{claim} ({count} files)" for count, claim in found if count]


def missing() -> list[str]:
    """The hashes of originals that a source names and that are not there."""
    return [sha256 for sha256 in sorted(_sizes()) if not originals.path_of(sha256).is_file()]


def damaged() -> list[str]:
    """The hashes of originals of another size than they had, and of those in a sample whose bytes differ."""
    there = {sha256: size for sha256, size in _sizes().items() if originals.path_of(sha256).is_file()}
    cut = {sha256 for sha256, size in there.items() if originals.path_of(sha256).stat().st_size != size}
    changed = {sha256 for sha256 in _sample(there) if not originals.is_whole(sha256)}
    return sorted(cut | changed)


def _sample(sizes: dict[str, int]) -> Iterator[str]:
    """Some, chosen anew each time, until so many bytes are to be read; at least one."""
    left = SAMPLE_BYTES
    for sha256 in random.sample(sorted(sizes), min(SAMPLE_FILES, len(sizes))):
        yield sha256
        left -= sizes[sha256]
        if left <= 0:
            return


def _sizes() -> dict[str, int]:
    return dict(db.session.execute(select(Source.sha256, Source.size_bytes)).all())
