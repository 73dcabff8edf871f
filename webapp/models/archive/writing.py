"""Writing an archive: the library as it was at one moment, one document after the other."""

import hashlib
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import originals
from webapp.extensions import db
from webapp.models import chosen
from webapp.models.archive.folder import (
    CHECKSUMS,
    DOCUMENTS,
    ENTRY,
    FORMAT,
    MANIFEST,
    VERSION,
    as_json,
    copied,
    prepared,
    private,
    replaced,
    saved,
    synced,
)
from webapp.models.archive.prompts import write_prompts
from webapp.models.archive.rows import told
from webapp.models.archive.votes import votes_on
from webapp.models.document import Document
from webapp.models.markdown import words_of
from webapp.models.member import Member
from webapp.models.revision import Revision
from webapp.models.source import KINDS, Source
from webapp.models.summary import Status, Summary
from webapp.reading import copying
from webapp.reading.copying import file_name

FINAL = (Status.COMPLETE, Status.FAILED)
ENDINGS = {"markdown": "md"}
# Of originals, those first: a web page from anywhere, which would run as a file of one's own, is one to be read.
FITTING = {"html": ("html.txt", "html", "htm", "xhtml"), "markdown": ("md", "markdown"), "text": ("txt",)}


@dataclass(frozen=True, slots=True)
class Departure:
    """A document that was exported. `missing` names the originals that were not there to be copied."""

    id: int
    title: str
    missing: list[str]


def write(folder: Path) -> Generator[Departure]:
    """Export the library into `folder`, as it is at this moment, and yield each document once it is there.

    Raises Refused for a folder that holds something else. One that was broken off is begun anew.
    """
    prepared(folder)
    replaced(folder, MANIFEST, {"format": FORMAT, "version": VERSION, "is_whole": False})
    with _snapshot() as session, private(folder / CHECKSUMS) as checksums:
        writing = _Writing(folder, session)
        for document in _each(session):
            lines, departure = writing.document(document)
            checksums.write(lines)
            yield departure
        prompts = write_prompts(folder, session, writing.emails)
        checksums.flush()
        os.fsync(checksums.fileno())
        checksums.seek(0)
        synced(folder / DOCUMENTS)
        digest = hashlib.file_digest(checksums, "sha256").hexdigest()
    replaced(folder, MANIFEST, {**_about(), **writing.counts, **prompts, CHECKSUMS: digest})


def _about() -> dict[str, Any]:
    written = datetime.now(UTC).isoformat(timespec="seconds")
    return {"format": FORMAT, "version": VERSION, "is_whole": True, "exported_at": written}


@contextmanager
def _snapshot() -> Iterator[Session]:
    """A session that sees one moment, however long it reads and whatever is written meanwhile."""
    is_sqlite = db.engine.dialect.name == "sqlite"  # whose transactions do so anyway
    options = {} if is_sqlite else {"isolation_level": "REPEATABLE READ"}
    with db.engine.connect().execution_options(**options) as connection, Session(connection) as session:
        yield session


def _each(session: Session) -> Iterator[Document]:
    last = 0
    while document := session.scalar(
        select(Document).where(Document.id > last).order_by(Document.id).limit(1)
    ):
        last = document.id
        yield document
        session.expunge_all()


@dataclass
class _Writing:
    folder: Path
    session: Session
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("documents", "revisions", "summaries", "sources", "originals", "missing_originals", "files"), 0
        )
    )

    def __post_init__(self) -> None:
        self.emails = {row.id: row.email for row in self.session.execute(select(Member.id, Member.email))}

    def document(self, document: Document) -> tuple[bytes, Departure]:
        """Write a document into a folder that gets its name once it is whole. Returns the lines of its checksums."""
        name = f"{document.id:06}-{file_name(document.title)}".rstrip("-")
        part = self.folder / DOCUMENTS / ".part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        leaving = _Leaving(self, document, part)
        leaving.write()
        part.rename(self.folder / DOCUMENTS / name)
        lines = [f"{sha256}  {DOCUMENTS}/{name}/{path}\n" for path, sha256 in leaving.files.items()]
        self.counts["documents"] += 1
        self.counts["files"] += len(lines)
        return "".join(lines).encode(), Departure(document.id, document.title, leaving.missing)


class _Leaving:
    """One document on its way into its folder."""

    def __init__(self, writing: _Writing, document: Document, folder: Path) -> None:
        self._writing, self._document, self._folder = writing, document, folder
        self.files: dict[str, str] = {}  # SHA-256 by path
        self.missing: list[str] = []

    def write(self) -> None:
        document = self._document
        entry = told(document) | {"author": self._writing.emails.get(document.author_id or 0)}
        entry["revisions"] = [self._revision(row) for row in self._rows(Revision)]
        summaries = [row for row in self._rows(Summary, Summary.is_everybodys()) if row.status in FINAL]
        entry["summaries"] = [self._told(row) for row in summaries]
        places = {row.id: place for place, row in enumerate(summaries)}
        entry["summary"] = places.get(document.summary_id or 0)
        entry["shown_summary"] = places.get(document.shown_summary_id or 0)
        if summary := self._writing.session.scalar(chosen.told(document.id)):
            self._summary(summary)
        entry["sources"] = [self._source(row) for row in self._rows(Source)]
        self._save(ENTRY, as_json(entry))
        for kind in ("revisions", "summaries", "sources"):
            self._writing.counts[kind] += len(entry[kind])
        synced(self._folder)

    def _rows(self, model: Any, *only: Any) -> Iterator[Any]:
        """The rows of the document, in order; of revisions one at a time, as each may be long."""
        order = (model.version, model.id)
        rows = select(model).where(model.document_id == self._document.id, *only).order_by(*order)
        return iter(self._writing.session.scalars(rows.execution_options(yield_per=1)))

    def _revision(self, row: Revision) -> dict[str, Any]:
        ending = ENDINGS.get(row.format, "txt")
        is_current = row.version == self._document.version
        path = f"text.{ending}" if is_current else f"revisions/{row.version}.{ending}"
        self._save(path, row.text.encode())
        return told(row) | {"author": self._writing.emails.get(row.author_id or 0), "file": path}

    def _told(self, row: Summary) -> dict[str, Any]:
        emails = self._writing.emails
        votes = votes_on(self._writing.session, row, emails)
        return told(row) | {"author": emails.get(row.author_id or 0)} | ({"votes": votes} if votes else {})

    def _summary(self, row: Summary) -> None:
        self._save("summary.md", copying.summary(words_of(row), self._document.version).encode())

    def _source(self, row: Source) -> dict[str, Any]:
        path = f"sources/{row.version}-{_named(row)}"
        is_there = self._copy(row.sha256, path)
        self._writing.counts["originals" if is_there else "missing_originals"] += 1
        if not is_there:
            self.missing.append(row.name)
        return told(row) | {"file": path if is_there else None}

    def _copy(self, sha256: str, path: str) -> bool:
        try:
            with originals.path_of(sha256).open("rb") as file:
                is_there = copied(file, self._folder / path, sha256)
        except FileNotFoundError:
            return False
        if is_there:
            self.files[path] = sha256
        return is_there

    def _save(self, path: str, data: bytes) -> None:
        self.files[path] = saved(self._folder / path, data)


def _named(source: Source) -> str:
    """A name with an ending that tells what the original was read as, whatever it was called."""
    fitting = FITTING.get(source.kind, (source.kind if source.kind in KINDS else "bin",))
    stem, _, ending = source.name.rpartition(".")
    words = stem if ending.lower() in fitting else source.name
    return f"{file_name(words) or 'original'}.{fitting[0]}"
