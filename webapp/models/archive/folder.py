"""The folder of an archive: files that are whole or not there, and nothing that leads out of it."""

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from webapp.summarizing.sanitizing import spelled

FORMAT = "precis library"
VERSION = 1
MANIFEST = "manifest.json"
CHECKSUMS = "files.sha256"
PROMPTS = "prompts.json"
DOCUMENTS = "documents"
ENTRY = "document.json"
MANIFEST_BYTES = 1_000_000
ENTRY_BYTES = 64_000_000
FILES_OF_A_DOCUMENT = 100_000
_LINE = re.compile(r"([0-9a-f]{64})  documents/([^/]+)/([^\n]+)\n")
_LINE_BYTES = 4_000
_PIECE_BYTES = 1 << 20


class Refused(Exception):
    """A folder that can't be written to, or can't be read as an archive, and why."""


class Damaged(Exception):
    """A document of an archive that can't be taken, and why."""


def is_archive(path: Path) -> bool:
    """Whether this folder is an export of a library, be it one that was broken off."""
    try:
        return _manifest(path).get("format") == FORMAT
    except (Damaged, OSError):
        return False


def manifest(folder: Path) -> dict[str, Any]:
    """What the export says of itself. Raises Refused for one that is not whole, or of a later Precis."""
    try:
        found = _manifest(folder)
    except (Damaged, OSError):
        found = {}
    if found.get("format") != FORMAT:
        raise Refused(f"{folder} is no export of a library: its {MANIFEST} is missing or damaged.")
    if found.get("version") != VERSION:
        raise Refused(f"{folder} was written by a newer Precis. Bring this one up to date first.")
    if not found.get("is_whole"):
        raise Refused(f"The export in {folder} was broken off. Run it again, then import it.")
    return found


def _manifest(folder: Path) -> dict[str, Any]:
    return parsed(content(folder, MANIFEST, MANIFEST_BYTES), MANIFEST)


def parsed(data: bytes, name: str) -> dict[str, Any]:
    """The object that this JSON is. Raises Damaged."""
    try:
        found = json.loads(data.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Damaged(f"{name} is not JSON.") from None
    if not isinstance(found, dict):
        raise Damaged(f"{name} is not what an export has there.")
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)


# --- reading ------------------------------------------------------------------------------------------------------


def opened(folder: Path, path: str, most: int | None = None) -> BufferedReader:
    """A file of the archive. Raises Damaged where it is missing, a link, no plain file, or larger than `most` bytes."""
    whole = folder / path
    if os.path.realpath(whole) != os.path.join(os.path.realpath(folder), path):  # noqa: PTH118 - as realpath writes it
        raise Damaged(f"{path} is a link to somewhere else.")
    try:
        file = os.fdopen(os.open(whole, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except (OSError, ValueError):
        raise Damaged(f"{path} is missing or can't be read.") from None
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or (most is not None and status.st_size > most):
        file.close()
        raise Damaged(f"{path} is larger than it may be, or no file.")
    return file


def content(folder: Path, path: str, most: int, sha256: str | None = None) -> bytes:
    """What is in a file of the archive. Raises Damaged like `opened`, and where its SHA-256 is another one."""
    with opened(folder, path, most) as file:
        data = file.read(most + 1)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise Damaged(f"{path} is not what was exported: its SHA-256 is another one.")
    return data


def listed(folder: Path, sha256: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each document's folder, with the SHA-256 of its files by their paths in it. Raises Refused."""
    _check_list(folder, sha256)
    name, files = "", dict[str, str]()
    for found in _lines(folder):
        if found[2] != name:
            if files:
                yield name, files
            name, files = found[2], {}
        files[found[3]] = found[1]
        if len(files) > FILES_OF_A_DOCUMENT:
            raise Refused(f"{CHECKSUMS} lists more files of {name} than a document has.")
    if files:
        yield name, files


def _check_list(folder: Path, sha256: str) -> None:
    try:
        with opened(folder, CHECKSUMS) as file:
            is_same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except Damaged as error:
        raise Refused(str(error)) from None
    if not is_same:
        raise Refused(f"{CHECKSUMS} is not what was exported: its SHA-256 is another one.")


def _lines(folder: Path) -> Iterator[re.Match[str]]:
    with opened(folder, CHECKSUMS) as file:
        while line := file.readline(_LINE_BYTES):
            found = _LINE.fullmatch(line.decode(errors="replace"))
            if found is None or not all(map(_is_plain, [found[2], *found[3].split("/")])):
                raise Refused(f"{CHECKSUMS} names a file that no export has: {line[:200]!r}")
            yield found


def _is_plain(part: str) -> bool:
    """Whether this part of a path stays where it is."""
    return part not in ("", ".", "..") and not set(part) & {"\\", "\0"}


# --- writing ------------------------------------------------------------------------------------------------------


def prepared(folder: Path) -> None:
    """Make the folder, or clear one of an export that was broken off. Raises Refused for any other that is not empty."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise Refused(f"{folder} can't be written to: {error.strerror}.") from None
    if is_empty:
        (folder / DOCUMENTS).mkdir(mode=0o700)
        return
    if not is_archive(folder):
        raise Refused(f"{folder} is not empty. Name an empty folder, or one that is not there yet.")
    if _manifest(folder).get("is_whole"):
        raise Refused(f"{folder} holds a whole export already. Name another folder.")
    shutil.rmtree(folder / DOCUMENTS, ignore_errors=True)
    (folder / DOCUMENTS).mkdir(mode=0o700, exist_ok=True)
    for name in (CHECKSUMS, PROMPTS):
        (folder / name).unlink(missing_ok=True)


def private(path: Path) -> BufferedRandom:
    """A new file that only its owner can read."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w+b")


def saved(path: Path, data: bytes) -> str:
    """Write a new file, and wait for the disk. Returns its SHA-256."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with private(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(data).hexdigest()


def copied(file: BinaryIO, path: Path, sha256: str) -> bool:
    """Copy what is in `file` to a new file, if its SHA-256 is this one. Returns whether it was."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part, digest = path.with_name(f".{path.name[:100]}.{os.getpid()}.part"), hashlib.sha256()
    try:
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb"
        ) as copy:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        is_same = digest.hexdigest() == sha256
        if is_same:
            part.replace(path)
        return is_same
    finally:
        part.unlink(missing_ok=True)


def replaced(folder: Path, name: str, told: dict[str, Any]) -> None:
    """Put this object into a file of the folder as JSON, in the place of what is there."""
    part = folder / f".{name}.part"
    part.unlink(missing_ok=True)
    saved(part, as_json(told))
    part.replace(folder / name)
    synced(folder)


def as_json(told: dict[str, Any]) -> bytes:
    """The object for programs and for people: what would hide or turn words round in an editor is spelled."""
    return (spelled(json.dumps(told, ensure_ascii=False, indent=1)) + "\n").encode()


def synced(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    with suppress(OSError):  # some network file systems know no such thing
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
