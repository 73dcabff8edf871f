"""Reading an archive: one document after the other, each in a transaction of its own, or not at all.

An archive may be damaged, or made to do harm. Nothing of it is believed: names are paths below its folder, hashes
are counted again, and each value is one that its column takes. Nothing is asked of a model.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError

from webapp import originals
from webapp.extensions import Base, cache, db, transaction
from webapp.models.archive.folder import (
    CHECKSUMS,
    DOCUMENTS,
    ENTRY,
    ENTRY_BYTES,
    PROMPTS,
    Damaged,
    Refused,
    content,
    listed,
    manifest,
    opened,
    parsed,
)
from webapp.models.archive.identity import author_id, free_id
from webapp.models.archive.prompts import take_prompts
from webapp.models.archive.rows import checked
from webapp.models.archive.votes import take_votes
from webapp.models.chosen import PERSON
from webapp.models.document import Document, content_hash
from webapp.models.revision import Revision
from webapp.models.source import Source, hold_originals
from webapp.models.summary import Lane, Status, Summary
from webapp.originals import Incoming

TEXT_BYTES = 100_000_000  # as much as PRECIS_MAX_TEXT_BYTES can ever allow
FORMATS = {Revision: ("plain", "markdown"), Summary: ("sentences", "markdown")}


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of one document of the archive: it is there now, it was there before, or it is damaged.

    `name` is that of its folder; `missing` names the originals that did not come along.
    """

    name: str
    document_id: int | None = None
    is_known: bool = False
    problem: str | None = None
    missing: tuple[str, ...] = ()


def read(folder: Path) -> Iterator[Arrival]:
    """Take the documents of an export into the library, and yield what became of each.

    Raises Refused for what is not a whole export. A document that is there already is not doubled.
    """
    about = manifest(folder)
    sha256 = about.get(CHECKSUMS)
    if not isinstance(sha256, str):
        raise Refused(f"{folder} is no export of a library: its manifest lacks a hash.")
    try:
        take_prompts(folder, about)
    except Damaged as error:
        yield Arrival(PROMPTS, problem=str(error))
    has_cache = _has_cache()
    for name, files in listed(folder, sha256):
        arriving = _Arriving(folder / DOCUMENTS / name, files)
        arrival = _taken(arriving)
        if has_cache:
            arriving.forget()
        yield arrival
        db.session.expunge_all()


def _taken(arriving: "_Arriving") -> Arrival:
    try:
        return arriving.take()
    except Damaged as error:
        return Arrival(arriving.name, problem=str(error))
    except (IntegrityError, DataError):
        return Arrival(arriving.name, problem="Its rows contradict each other.")


def _has_cache() -> bool:
    try:
        cache.get("archive")
    except RedisError:
        return False
    return True


class _Arriving:
    """One document on its way into the library."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.name = folder.name
        self._taken: tuple[Document, list[Summary]] | None = None
        self._folder, self._files = folder, files
        self._hashes: dict[int, str] = {}  # of the text of each version

    def take(self) -> Arrival:
        entry = parsed(self._content(ENTRY, ENTRY_BYTES), ENTRY)
        row = checked(Document, entry)
        if (known := _known(row)) is not None:
            return Arrival(self.name, known, is_known=True)
        sources = [(checked(Source, each), each.get("file")) for each in _list(entry, "sources")]
        with ExitStack() as brought:
            files = [brought.enter_context(self._original(*each)) for each in sources if each[1] is not None]
            document = self._add_all(row, entry, [source for source, _ in sources], files)
        missing = (
            source["name"] for source, _ in sources if not originals.path_of(source["sha256"]).exists()
        )
        return Arrival(self.name, document.id, missing=tuple(missing))

    def _add_all(
        self, row: dict[str, Any], entry: dict[str, Any], sources: list[dict[str, Any]], files: list[Incoming]
    ) -> Document:
        with transaction(is_durable=False):
            document = Document(**row | {"id": free_id(row["id"])}, author_id=author_id(entry))
            _add(document)
            self._take_revisions(document, entry)
            summaries = self._take_summaries(document, entry)
            self._take_sources(document, sources)
            hold_originals()
            for file in files:
                file.keep()
        originals.settle(file.sha256 for file in files)
        self._taken = document, summaries
        return document

    def forget(self) -> None:
        """Delete what the cache has of an earlier life of the id, as of a database that is gone."""
        if self._taken:
            document, summaries = self._taken
            document.forget(summaries)

    def _content(self, path: object, most: int) -> bytes:
        """What is in a file that the list of the archive names, and that is as it says."""
        if not isinstance(path, str) or path not in self._files:
            raise Damaged(f"{str(path)[:200]!r} is not among its files.")
        return content(self._folder, path, most, self._files[path])

    def _original(self, source: dict[str, Any], path: object) -> Incoming:
        """The original of a source, on its way to the others."""
        if not isinstance(path, str) or self._files.get(path) != source["sha256"]:
            raise Damaged(f"{str(path)[:200]!r} is not the original that it is said to be.")
        with opened(self._folder, path) as file:
            incoming = Incoming.of(file, source["size_bytes"])
        if incoming.is_too_large or incoming.sha256 != source["sha256"]:
            incoming.close()
            raise Damaged(f"{path} is not what was exported: its SHA-256 is another one.")
        return incoming

    def _take_revisions(self, document: Document, entry: dict[str, Any]) -> None:
        """Each text by itself, as each may be long."""
        for given in _list(entry, "revisions"):
            row = checked(Revision, given)
            text = self._text(row, given)
            _add(Revision(**row, document_id=document.id, text=text, author_id=author_id(given)))
            self._hashes[row["version"]] = row["content_hash"]
            if row["version"] == document.version:
                told = (document.title, document.content_hash, document.characters)
                if told != (row["title"], row["content_hash"], len(text)):
                    raise Damaged("What it says of its text is not what its last version says.")
        if not self._hashes or document.version != max(self._hashes):
            raise Damaged("Its last version is not there.")

    def _text(self, row: dict[str, Any], given: Any) -> str:
        try:
            text = self._content(given.get("file"), TEXT_BYTES).decode()
        except UnicodeDecodeError:
            raise Damaged(f"The text of version {row['version']} is not UTF-8.") from None
        if "\0" in text or content_hash(text) != row["content_hash"]:
            raise Damaged(f"The text of version {row['version']} is not the one that it is said to be.")
        if row.get("format", "plain") not in FORMATS[Revision]:
            raise Damaged(f"Version {row['version']} has a format that this Precis does not know.")
        return text

    def _take_summaries(self, document: Document, entry: dict[str, Any]) -> list[Summary]:
        given = _list(entry, "summaries")
        summaries = [self._summary(document, each) for each in given]
        for summary, each in zip(summaries, given, strict=True):
            _add(summary)
            take_votes(document, summary, each)
        if not _is_decided(document, summaries):
            raise Damaged("It has decisions for summaries that contradict each other.")
        current, shown = (_chosen(entry, name, summaries) for name in ("summary", "shown_summary"))
        if current and current.content_hash != document.content_hash:
            raise Damaged("Its summary is of another text.")
        if shown and shown.status != Status.COMPLETE:
            raise Damaged("It shows a summary that is not complete.")
        document.summary_id, document.summary_status = (
            (current.id, current.status) if current else (None, None)
        )
        document.shown_summary_id = shown.id if shown else None
        return summaries

    def _summary(self, document: Document, given: Any) -> Summary:
        row = checked(Summary, given)
        here = {"lane": Lane.WARM, "next_attempt_at": row.get("created_at", 0.0)}
        summary = Summary(**row, **here, document_id=document.id, author_id=author_id(given))
        if not _is_whole(summary):
            raise Damaged("It has a summary that is not whole.")
        if summary.content_hash not in self._hashes.values():
            raise Damaged("It has a summary of a text that it never had.")
        return summary

    def _take_sources(self, document: Document, sources: list[dict[str, Any]]) -> None:
        for row in sources:
            if row["version"] not in self._hashes:
                raise Damaged("It has a source of a version that it never had.")
            if not (row.get("url") or "https://").startswith(("http://", "https://")):
                raise Damaged(f"A source has the address {row['url'][:200]!r}.")
            if not _is_json(row.get("notes"), list):
                raise Damaged("A source has notes that are no list.")
            _add(Source(**row, document_id=document.id))


def _add(row: Base) -> None:
    db.session.add(row)
    db.session.flush()


def _known(row: dict[str, Any]) -> int | None:
    """The document of the library that is this one, perhaps in a later version."""
    made_then = select(Document.id).where(Document.created_at == row.get("created_at"))
    has_it = made_then.join(Revision, Revision.document_id == Document.id).where(
        Revision.content_hash == row["content_hash"], Revision.title == row["title"]
    )
    return db.session.scalar(has_it.limit(1))


def _is_whole(summary: Summary) -> bool:
    """Whether it is one that a worker could have finished, or failed."""
    if not (_is_json(summary.coverage) and _is_json(summary.grounding)):
        return False
    if summary.status == Status.FAILED:
        return summary.text is None
    is_finished = summary.status == Status.COMPLETE and summary.finish_reason == "stop"
    return is_finished and bool(summary.text) and summary.format in FORMATS[Summary]


def _is_decided(document: Document, summaries: list[Summary]) -> bool:
    """Whether people's decisions are numbered as they could have come about."""
    choices = [summary.choice for summary in summaries if summary.choice is not None]
    is_counted = len(set(choices)) == len(choices) and max(choices, default=0) <= document.choices
    return is_counted and all(
        summary.choice is not None and summary.status == Status.COMPLETE
        for summary in summaries
        if summary.engine == PERSON
    )


def _list(entry: dict[str, Any], name: str) -> list[Any]:
    found = entry.get(name)
    if not isinstance(found, list):
        raise Damaged(f"{ENTRY} lacks its {name}.")
    return found


def _chosen(entry: dict[str, Any], name: str, summaries: list[Summary]) -> Summary | None:
    """The summary that the entry names by its place in the list: one that an engine made."""
    place = entry.get(name)
    if place is None:
        return None
    if not isinstance(place, int) or not 0 <= place < len(summaries) or summaries[place].engine == PERSON:
        raise Damaged(f"Its {name} is not in its list.")
    return summaries[place]


def _is_json(told: str | None, kind: type = object) -> bool:
    try:
        return told is None or isinstance(json.loads(told), kind)
    except (ValueError, RecursionError):
        return False
