"""Originals: the files that were brought in, in the data folder, each under its SHA-256.

A file is received beside them, and gets its name only once it is whole and on the disk: there is never half of one.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Self

from webapp.extensions import current_settings

SYNC_BYTES = 8_000_000  # one flush of a large file at its end would hold up all that this process serves
CHUNK_BYTES = 256_000
STALE_SECONDS = 86_400
ORPHAN_SECONDS = 3_600
FOLDERS = 256

_NAME = re.compile(r"[0-9a-f]{64}\Z")


class Incoming:
    """A file that is being received. It is gone when it is closed, unless it was kept.

    Of what is larger than `most_bytes` the rest is counted, and not written.
    """

    def __init__(self, most_bytes: int) -> None:
        self.size = 0
        self._most_bytes = most_bytes
        self._unsynced = 0
        self._hash = hashlib.sha256()
        self._file = NamedTemporaryFile(dir=_made(_incoming()), delete=False)  # noqa: SIM115 - closed by `close`
        self.path = Path(self._file.name)

    @classmethod
    def of(cls, stream: IO[bytes], most_bytes: int) -> Self:
        """All that is in a stream."""
        incoming = cls(most_bytes)
        try:
            while data := stream.read(CHUNK_BYTES):
                incoming.write(data)
            incoming.done()
        except BaseException:
            incoming.close()
            raise
        return incoming

    @property
    def is_too_large(self) -> bool:
        return self.size > self._most_bytes

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if not self.is_too_large:
            self._hash.update(data)
            self._file.write(data)
            self._unsynced += len(data)
            if self._unsynced >= SYNC_BYTES:
                self._sync()
        time.sleep(0)  # under gevent a fast sender would leave no time for anybody else
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """What the form parser calls at the end of a part: the file is whole."""
        self.done()
        return 0

    def done(self) -> None:
        """The file is whole: have it on the disk. So many may come at once that none can stay open."""
        if not self._file.closed:
            self._sync()
            self._file.close()

    def keep(self) -> None:
        """Give the file its name. Whoever is there already under it has the same bytes."""
        target = path_of(self.sha256)
        _made(target.parent)
        self.path.replace(target)

    def close(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unsynced = 0


def path_of(sha256: str) -> Path:
    return _folder() / sha256[:2] / sha256


def settle(hashes: Iterable[str]) -> None:
    """See to it that the names of these files outlive a power cut."""
    for folder in {path_of(sha256).parent for sha256 in hashes}:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def drop(sha256: str) -> None:
    path_of(sha256).unlink(missing_ok=True)


def drop_stale() -> None:
    """Forget what was being received by a process that died."""
    for path in _older(_incoming(), STALE_SECONDS):
        path.unlink(missing_ok=True)


def old_in(folder: int) -> list[str]:
    """The names of the originals in one of the FOLDERS that are older than what a crash can just have left."""
    return [
        path.name for path in _older(_folder() / f"{folder:02x}", ORPHAN_SECONDS) if _NAME.match(path.name)
    ]


def left_behind() -> int:
    """How many files were being received so long ago that the sweeper should have forgotten them."""
    return len(list(_older(_incoming(), STALE_SECONDS + ORPHAN_SECONDS)))


def is_whole(sha256: str) -> bool:
    """Whether the bytes of an original are still those that it is named after. Reads all of it."""
    with path_of(sha256).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _older(folder: Path, seconds: float) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - seconds:
                    yield path


def _folder() -> Path:
    return current_settings().data.resolve() / "originals"


def _incoming() -> Path:
    return _folder() / "incoming"


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
