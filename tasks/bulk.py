"""Files and folders from the command line: the same rows as from the form, done here or by a worker, whoever is first."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.imports import import_now
from webapp.extensions import current_settings, db
from webapp.importing.recognizing import SUFFIXES
from webapp.models.imports import Import, Outcome
from webapp.models.imports_page import ImportRow
from webapp.models.member import Member
from webapp.models.summary import LIVE
from webapp.originals import Incoming
from webapp.uploads import named

TOGETHER = 50  # rows at a time: enough that workers can help
WAIT_SECONDS = 0.2
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of a file; `problem` says why nothing did."""

    path: Path
    problem: str | None = None
    is_known: bool = False


def found(paths: Sequence[Path]) -> tuple[list[Path], int]:
    """(the files to take, how many of other kinds were left out) of these files, and of these folders and all below.

    In folders, what is hidden and what is a link elsewhere is passed over. A file that is named is always taken.
    """
    files = [path for path in paths if path.is_file()]
    listed = [path for folder in paths if folder.is_dir() for path in _below(folder)]
    taken = [path for path in listed if path.suffix.lower() in SUFFIXES]
    return [*files, *taken], len(listed) - len(taken)


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def bring_in(member: Member, paths: Sequence[Path]) -> Iterator[Arrival]:
    """Import files, and tell of each as it is done."""
    for start in range(0, len(paths), TOGETHER):
        files: list[tuple[Path, Incoming]] = []
        try:
            for path in paths[start : start + TOGETHER]:
                file, problem = _received(path)
                if file:
                    files.append((path, file))
                else:
                    yield Arrival(path, problem)
            items = member.imports.add_files([(named(path.name), file) for path, file in files])
        finally:
            for _, file in files:
                file.close()
        for (path, _), item in zip(files, items, strict=True):
            yield _arrived(path, item.id)


def _received(path: Path) -> tuple[Incoming | None, str]:
    """The file as an original, or why it is none."""
    try:
        with path.open("rb") as stream:
            file = Incoming.of(stream, current_settings().max_upload_bytes)
    except OSError as error:
        return None, f"It can't be read: {error.strerror}."
    if file.size and not file.is_too_large:
        return file, ""
    file.close()
    return None, "It is larger than PRECIS_MAX_UPLOAD_BYTES." if file.size else "There is nothing in it."


def _arrived(path: Path, import_id: int) -> Arrival:
    """Import it, or wait for who does. Where a worker died and no sweeper runs, its lease is ended here."""
    while True:
        try:
            import_now(import_id)
        except Exception:
            log.exception("%s was not imported.", path)
        db.session.commit()
        item = db.session.get(Import, import_id, populate_existing=True)
        if item is None:
            return Arrival(path, "Its row was removed meanwhile.")
        if item.status not in LIVE:
            problem = ImportRow(item, None).reason if item.error_code else None
            return Arrival(path, problem, item.outcome == Outcome.KNOWN)
        Import.expire_leases()
        time.sleep(WAIT_SECONDS)
