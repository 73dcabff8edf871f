"""Sources: the file or the link that a version of a document came from, and the original, which is kept."""

import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Double, ForeignKey, String, Text, UniqueConstraint, exists, func, or_, select, union
from sqlalchemy.orm import Mapped, aliased, mapped_column

from webapp import originals
from webapp.extensions import Base, db, now, transaction
from webapp.importing.extracted import Extracted
from webapp.reading.copying import is_device
from webapp.summarizing.sanitizing import visible

LOCK = 0x50726563  # of PostgreSQL's advisory locks: any number that nobody else takes
KINDS = {
    "pdf": ("PDF", "application/pdf"),
    "docx": ("Word document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "odt": ("OpenDocument text", "application/vnd.oasis.opendocument.text"),
    "pptx": ("PowerPoint slides", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    "epub": ("EPUB", "application/epub+zip"),
    "rtf": ("RTF", "application/rtf"),
    "html": ("Web page", "text/html"),
    "markdown": ("Markdown", "text/markdown"),
    "text": ("Plain text", "text/plain"),
    "eml": ("E-mail", "message/rfc822"),
}  # fmt: skip
HARMLESS = {
    "pdf",
    "docx",
    "odt",
    "pptx",
    "epub",
    "rtf",
    "text",
}  # no browser runs anything in them on our behalf
VAGUE = "application/octet-stream"


class Source(Base):
    """Where the text of one version came from. The original is kept under its `sha256`.

    `notes` is a JSON list of sentences about what was left out; `dated` an ISO 8601 date; `language` BCP 47.
    """

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("document_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    version: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(500))
    url: Mapped[str | None] = mapped_column(Text, index=True)
    author: Mapped[str | None] = mapped_column(String(300))
    dated: Mapped[str | None] = mapped_column(String(10))
    language: Mapped[str | None] = mapped_column(String(35))
    pages: Mapped[int | None]
    notes: Mapped[str] = mapped_column(Text, default="[]")
    media_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    created_at: Mapped[float] = mapped_column(Double, default=now())

    @classmethod
    def from_extracted(
        cls, found: Extracted, *, name: str, url: str | None, sha256: str, size_bytes: int
    ) -> "Source":
        """What was read, as a source that still lacks its document."""
        return cls(
            kind=found.kind[:12],
            name=name,
            url=url,
            author=_short(found.author, 300),
            dated=_short(found.date, 10),
            language=_short(found.language, 35),
            pages=found.pages,
            notes=json.dumps(found.notes),
            media_type=KINDS.get(found.kind, ("", VAGUE))[1],
            size_bytes=size_bytes,
            sha256=sha256,
        )

    @classmethod
    def of(cls, document_id: int) -> "Source | None":
        """The current source of a document: the newest."""
        newest = select(cls).where(cls.document_id == document_id).order_by(cls.version.desc()).limit(1)
        return db.session.scalar(newest)

    @classmethod
    def holder(cls, *, sha256: str | None = None, url: str | None = None) -> int | None:
        """The id of the newest document whose current source is this file or this link."""
        other = aliased(cls)
        newest = select(func.max(other.version)).where(other.document_id == cls.document_id)
        wanted = [cls.sha256 == sha256] if sha256 else []
        wanted += [cls.url == url] if url else []
        found = select(cls.document_id).where(or_(*wanted), cls.version == newest.scalar_subquery())
        return db.session.scalar(found.order_by(cls.document_id.desc()).limit(1))

    @classmethod
    def hashes_of(cls, document_id: int) -> list[str]:
        return list(db.session.scalars(select(cls.sha256).where(cls.document_id == document_id)))

    @property
    def kind_name(self) -> str:
        return KINDS.get(self.kind, ("File", ""))[0]

    @property
    def safe_type(self) -> str:
        """The media type to send it with: a vague one for what a browser might run."""
        return KINDS[self.kind][1] if self.kind in HARMLESS else VAGUE

    @property
    def file_name(self) -> str:
        """A name to save the original under: that of the file, or one with the ending that fits a page."""
        name = re.sub(r'[\\/:*?"<>|\x00-\x1f]+', "-", visible(self.name)).strip(". ")[-200:] or "original"
        name = f"file-{name}" if is_device(name) else name
        return name if "." in name[-6:] or self.kind != "html" else f"{name}.html"

    @property
    def host(self) -> str:
        """The site of a link, as people read it."""
        return (urlsplit(self.url or "").hostname or "").removeprefix("www.")

    @property
    def day(self) -> str:
        """Its own date in words, as far as it says one."""
        try:
            return date.fromisoformat(self.dated or "").strftime("%-d %B %Y")
        except ValueError:
            return self.dated or ""

    @property
    def left_out(self) -> list[str]:
        return [str(note) for note in json.loads(self.notes)]

    @property
    def original(self) -> Path | None:
        """The file itself, where it is still there."""
        path = originals.path_of(self.sha256)
        return path if path.is_file() else None


def _short(said: str | None, most: int) -> str | None:
    return (visible(said)[:most].strip() or None) if said else None


def hold_originals() -> None:
    """In a transaction: until its end nobody else decides which originals stay. On SQLite each write does that."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(LOCK)))


def drop_originals(hashes: Iterable[str]) -> None:
    """Delete those of these originals that no source and no unfinished import needs any more."""
    from webapp.models.imports import Import
    from webapp.models.summary import Status

    with transaction():
        hold_originals()
        for sha256 in set(hashes):
            is_source = exists().where(Source.sha256 == sha256)
            is_awaited = exists().where(Import.sha256 == sha256, Import.status != Status.COMPLETE)
            if not db.session.scalar(select(or_(is_source, is_awaited))):
                originals.drop(sha256)


def drop_orphans(folder: int) -> list[str]:
    """Delete what a crash has left in a folder of originals: a file is kept before its row is committed.

    Of a library without any source nothing is: its database may be the wrong one. Returns the hashes that no row names.
    """
    from webapp.models.imports import Import

    names = originals.old_in(folder)
    if not names or db.session.scalar(select(~exists().select_from(Source))):
        return []
    named = union(*(select(kind.sha256).where(kind.sha256.in_(names)) for kind in (Source, Import)))
    orphans = sorted(set(names) - set(db.session.scalars(named)))
    if orphans:
        drop_originals(orphans)
    return orphans
