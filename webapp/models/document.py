"""Documents: a title and a text that people read, in immutable revisions."""

import functools
import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from flask import abort
from sqlalchemy import (
    Double,
    Executable,
    ForeignKey,
    Index,
    Select,
    String,
    bindparam,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp import events, hints
from webapp.extensions import BUSY_SECONDS, Base, current_settings, db, now, transaction
from webapp.models import missing
from webapp.models.asking import recipe_for, today, usual
from webapp.models.chosen import words_key
from webapp.models.history import History
from webapp.models.member import Member
from webapp.models.missing import UNASKED
from webapp.models.node import Node
from webapp.models.receipt import Received
from webapp.models.rendition import AT_ONCE_CHARS, Rendition, is_long
from webapp.models.revision import TITLE_CHARACTERS, Revision
from webapp.models.source import Source, drop_originals
from webapp.models.summary import LIVE, Lane, Status, Summary, cache_key
from webapp.models.tasks import FORMER
from webapp.models.times import as_datetime
from webapp.summarizing.engine import Ask

CHARACTERS_A_MINUTE = 1_200  # some 230 words of English


class StaleEdit(Exception):
    """Somebody else saved the document since the form was opened."""


class Document(Received, Base):
    """What people read. `summary_status` is that of its current summary, the one of its current text.

    `summary_id` is that current summary's row, `shown_summary_id` the last one that was finished: while an edited
    document waits, they differ. `choices`, `wishes` and `votes` count what people did with its summaries, if anything.
    """

    __tablename__ = "documents"
    __table_args__ = (
        Index("ix_documents_unasked", "characters", sqlite_where=UNASKED, postgresql_where=UNASKED),
        {"sqlite_autoincrement": True},  # an old address must never lead to a newer document
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(TITLE_CHARACTERS))
    version: Mapped[int] = mapped_column(default=1)
    content_hash: Mapped[str] = mapped_column(String(64))
    characters: Mapped[int]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("members.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[float] = mapped_column(Double, default=now(), index=True)
    updated_at: Mapped[float] = mapped_column(Double, default=now())
    summary_status: Mapped[str | None] = mapped_column(String(12))
    summary_id: Mapped[int | None]
    shown_summary_id: Mapped[int | None]
    choices: Mapped[int] = mapped_column(default=0, server_default="0")
    wishes: Mapped[int] = mapped_column(default=0, server_default="0")
    votes: Mapped[int] = mapped_column(default=0, server_default="0")

    author: Mapped[Member | None] = relationship(lazy="raise")

    @property
    def author_name(self) -> str:
        return self.author.name if self.author else FORMER

    @property
    def reading_minutes(self) -> int:
        return max(1, round(self.characters / CHARACTERS_A_MINUTE))

    @property
    def updated(self) -> datetime | None:
        return as_datetime(self.updated_at)

    @property
    def is_short(self) -> bool:
        """Whether its text needs no summary."""
        return self.characters < current_settings().short_text_characters

    @property
    def text(self) -> str:
        """The current text, read from its revision."""
        return self.revision.text

    @property
    def revision(self) -> Revision:
        """The current one."""
        return db.session.scalars(
            select(Revision).where(Revision.document_id == self.id, Revision.version == self.version)
        ).one()

    @property
    def rendition(self) -> Rendition:
        """How its current text is shown."""
        return Rendition(self.id, self.version, self.content_hash)

    @property
    def history(self) -> History:
        """All of its versions."""
        return History(self.id, self.version)

    def revise(
        self, member: Member, *, title: str, text: str, format: str | None = None, version: int | None = None
    ) -> None:
        """Save a new revision, if anything changed. A new text asks for a new summary; a new title alone does not.

        Without a `format` it keeps that of the current one. `version` is the one that the member began with: raises
        StaleEdit if it is no longer the current one.
        """
        text = cleaned(text)
        summary = None
        with transaction():
            document = db.session.scalars(_held(), {"wanted": self.id}).one()
            is_new_text = content_hash(text) != document.content_hash
            last = document.revision
            kept = format or last.format
            if (title, text, kept) == (last.title, last.text, last.format):
                return  # perhaps as the same form was sent before
            if version is not None and version != document.version:
                raise StaleEdit
            document._take(member, title, text, kept)
            if is_new_text:
                summary = document._warm(wait_seconds=current_settings().edit_wait_seconds)
        _announce(self.id, summary)
        if len(last.text) > AT_ONCE_CHARS:
            Rendition.forget(self.id, [last.version])
        document._lay_out(text, kept)

    def restore(self, member: Member, revision: Revision, *, version: int | None = None) -> None:
        """Make an old version the newest again. `version` is the one that the member saw as the current: else StaleEdit."""
        self.revise(member, title=revision.title, text=revision.text, format=revision.format, version=version)

    def summarize_later(
        self,
        ask: Ask | None = None,
        *,
        again: bool = False,
        keeps_wait: bool = False,
        patience: float = BUSY_SECONDS,
        admit: Callable[[Ask], None] | None = None,
    ) -> None:
        """See to it that somebody's wait for the current summary is answered: ask for it, or promote it.

        `again` asks for a new one even if there is one, and cuts every wait short. With `keeps_wait` the wait for
        further edits stays. `admit` may refuse by raising, while nobody else can ask. Raises OperationalError if others
        hold the database for longer than `patience` seconds.
        """
        ask = ask or usual()
        if not again and self._is_seen_to(ask, keeps_wait):
            return
        with transaction(is_durable=False, patience=patience):
            waiting = self._promoted(ask, again, keeps_wait) or self._asked(ask, again, keeps_wait, admit)
        if waiting:
            hints.send(waiting, Lane.INTERACTIVE)
            events.tell(self.id)

    def _is_seen_to(self, ask: Ask, keeps_wait: bool) -> bool:
        """Whether nothing has to be written: most who wait for a summary are not the first to."""
        if self.summary_id is None or self.summary_status not in LIVE or ask != usual():
            return False
        try:
            return Summary.is_seen_to(self.summary_id, keeps_wait=keeps_wait, recipe=recipe_for(ask).hash)
        except OperationalError:
            db.session.rollback()  # whoever goes on without an answer reads over another connection
            raise

    def _promoted(self, ask: Ask, again: bool, keeps_wait: bool) -> int | None:
        """What somebody waits for mostly, in one statement: the id of the current summary, if it was pending and moved."""
        if self.summary_id is None or self.summary_status != Status.PENDING or ask != usual():
            return None
        is_moved = Summary.promote(
            self.summary_id, at_once=again, keeps_wait=keeps_wait, recipe=recipe_for(ask).hash
        )
        return self.summary_id if is_moved else None

    def _asked(
        self, ask: Ask, again: bool, keeps_wait: bool, admit: Callable[[Ask], None] | None
    ) -> int | None:
        """The id of what was asked for or moved, whatever the state. None if there is nothing to do."""
        document = db.session.scalar(_held(), {"wanted": self.id})
        if document is None:
            return None
        if admit:
            admit(ask)
        summary = document._current_summary(ask)
        if (
            summary is None
            or (summary.is_final and again)
            or (not summary.answers(ask) and not summary.is_running)
        ):
            return int(document._ask(Lane.INTERACTIVE, ask=ask).id)
        if summary.is_final or not Summary.promote(summary.id, at_once=again, keeps_wait=keeps_wait):
            return None
        return int(summary.id)

    def reread(self) -> "Document":
        """The same as it is in the database now, or the end of the request if it was deleted meanwhile."""
        document: Document | None = db.session.scalar(with_its_author(), {"wanted": self.id})
        return document or abort(404)

    def remove(self) -> None:
        """Delete the document with all that was made of it: revisions, originals, summaries, notes, cached copies, live words."""
        summaries, hashes = Summary.all_of(self.id), Source.hashes_of(self.id)
        with transaction():
            db.session.execute(select(Document.id).where(Document.id == self.id).with_for_update())
            Summary.supersede(self.id)
            Node.forget(self.id)
            db.session.execute(delete(Document).where(Document.id == self.id))
        self.forget(summaries)
        events.forget(each.id for each in summaries)
        events.tell(self.id)
        drop_originals(hashes)

    def forget(self, summaries: Sequence[Summary]) -> None:
        """Delete what the cache has of it, and of these summaries of it."""
        Summary.forget(cache_key(self.id, each.content_hash, each.recipe_hash) for each in summaries)
        Summary.forget({words_key(self.id, each.asked) for each in summaries})
        Rendition.forget(self.id, range(1, self.version + 1))
        History.forget(self.id, self.version)

    @property
    def source(self) -> Source | None:
        """The file or link that it came from, if it did."""
        return Source.of(self.id)

    def renew(self, member: Member, *, text: str, format: str, source: Source) -> tuple[bool, Summary | None]:
        """In a transaction: take what its link says now as a new revision, if that is another text than it said before.

        Returns whether it was, and the summary that is asked for.
        """
        text, last = cleaned(text), Source.of(self.id)
        known = {self.content_hash, self._hash_of(last.version) if last else None}
        if content_hash(text) in known:
            return False, None
        self._take(member, self.title, text, format)
        self._came_from(source)
        return True, self._warm()

    def _hash_of(self, version: int) -> str | None:
        hashes = select(Revision.content_hash).where(Revision.document_id == self.id)
        return db.session.scalar(hashes.where(Revision.version == version))

    def _came_from(self, source: Source) -> None:
        source.document_id, source.version = self.id, self.version
        db.session.add(source)
        db.session.flush()

    def _take(self, member: Member, title: str, text: str, format: str) -> None:
        """Make title and text the current revision, inside the transaction."""
        self.version += 1
        self.title, self.characters, self.content_hash = title, len(text), content_hash(text)
        self.updated_at = now()
        db.session.add(
            Revision(
                document_id=self.id,
                version=self.version,
                title=title,
                text=text,
                format=format,
                content_hash=self.content_hash,
                author_id=member.id,
            )
        )
        db.session.flush()

    def announce(self, summary: Summary | None, text: str, format: str) -> None:
        """After the commit of a new text: hint at its summary, tell who is looking, have a long one laid out."""
        _announce(self.id, summary)
        self._lay_out(text, format)

    def _lay_out(self, text: str, format: str) -> None:
        """After the commit: have a long text ready before anybody opens it."""
        if is_long(text, format):
            self.rendition.lay_out_later(Lane.WARM)

    def _warm(self, *, wait_seconds: float = 0.0) -> Summary | None:
        """After a new text: show the summary that it has already, as after an undo, or ask for one where that is wanted."""
        Summary.supersede(self.id)
        known = Summary.finished(self.id, self.content_hash)
        self._point_at(known)
        return None if known or not self.is_warmed else self._ask(Lane.WARM, wait_seconds)

    def _ask(self, lane: Lane, wait_seconds: float = 0.0, *, ask: Ask | None = None) -> Summary:
        """Ask for a summary of the current text inside the transaction. The same that was asked for before is void;
        other styles and languages go their own way.
        """
        ask = ask or usual()
        is_replaced = Summary.is_asking(ask)
        if ask == usual():
            is_replaced = or_(is_replaced, Summary.id == self.summary_id)
        Summary.supersede(self.id, is_replaced)
        summary = Summary.ask(self.id, self.version, self.content_hash, lane, wait_seconds, ask)
        if ask == usual():
            self._point_at(summary)
        return summary

    def _point_at(self, summary: Summary | None) -> None:
        self.summary_id, self.summary_status = (summary.id, summary.status) if summary else (None, None)
        if summary and summary.status == Status.COMPLETE:
            self.shown_summary_id = summary.id
        db.session.flush()

    def reads_as(self, version: int) -> bool:
        """Whether an earlier version has the very same text, in the same format: offsets in it hold."""
        if version == self.version:
            return True
        texts = select(Revision.text, Revision.format).where(
            Revision.document_id == self.id, Revision.version.in_((version, self.version))
        )
        return db.session.scalar(select(func.count()).select_from(texts.distinct().subquery())) == 1

    def current_summary(self, ask: Ask) -> Summary | None:
        """The summary of the current text for what is asked, finished or not."""
        if ask != usual():
            return Summary.latest(self.id, self.content_hash, ask)
        return db.session.get(Summary, self.summary_id, populate_existing=True) if self.summary_id else None

    def shown_summary(self, ask: Ask) -> Summary | None:
        """The last finished summary for what is asked, of this text or of an earlier one."""
        if ask != usual():
            return Summary.last_finished(self.id, ask)
        return db.session.get(Summary, self.shown_summary_id) if self.shown_summary_id else None

    def _current_summary(self, ask: Ask) -> Summary | None:
        """The same inside the transaction. After a change of settings it may be there already, asked for by itself."""
        summary = self.current_summary(ask)
        if summary is None or summary.is_running or summary.answers(ask):
            return summary
        known = Summary.latest(self.id, self.content_hash, ask)
        if known is None or known.status == Status.FAILED:
            return summary
        Summary.supersede(self.id, Summary.id == summary.id)
        self._point_at(known)
        return known

    @property
    def is_warmed(self) -> bool:
        """Whether its summary is made before anybody asks for it."""
        settings = current_settings()
        return settings.summaries and settings.warm == "on-save" and not self.is_short

    @classmethod
    def create(
        cls, member: Member, *, title: str, text: str, format: str = "plain", receipt: str | None = None
    ) -> "Document":
        """Save a new document, its revision and the request for its summary in one transaction. With a `receipt` that
        there is already, it is the document of that one.
        """
        try:
            with transaction():
                document, summary = cls.build(member, title=title, text=text, format=format, receipt=receipt)
        except IntegrityError:
            if known := db.session.scalar(select(cls).where(cls.receipt == receipt)):
                return known
            raise
        document.announce(summary, text, format)
        return document

    @classmethod
    def build(
        cls,
        member: Member,
        *,
        title: str,
        text: str,
        format: str = "plain",
        source: Source | None = None,
        receipt: str | None = None,
    ) -> "tuple[Document, Summary | None]":
        """The same in the transaction that is open. Returns the summary that is asked for, too."""
        document = cls(
            title=title, version=0, content_hash="", characters=0, author_id=member.id, receipt=receipt
        )
        db.session.add(document)
        db.session.flush()
        document._take(member, title, cleaned(text), format)
        if source:
            document._came_from(source)
        return document, document._warm()

    @classmethod
    def request_missing(cls, limit: int = 200) -> int:
        """Ask for the summaries that no request exists of, as after a restored backup; and anew for those that wait
        for an engine, model or prompt which is set no longer. Returns how many.
        """
        lacking = missing.lacking().limit(limit).with_for_update(of=cls, key_share=True)
        outdated = missing.outdated().limit(limit).with_for_update(of=cls, key_share=True)
        if not current_settings().summaries or not (_finds(lacking) or _finds(outdated)):
            return 0
        with transaction():
            asked = [document._ask(Lane.WARM) for document in db.session.scalars(lacking)]
            asked += [
                document._ask(Lane(row.lane), ask=today(row.asked))
                for document, row in db.session.execute(outdated).all()
                if not document._has_moved_on(row)
            ]
        return len(asked)

    def _has_moved_on(self, outdated: Summary) -> bool:
        """Void a row that waits for what is set no longer, where what it asks for was asked anew meanwhile."""
        if Summary.latest(self.id, self.content_hash, today(outdated.asked)) is None:
            return False
        Summary.supersede(self.id, Summary.id == outdated.id)
        return True


def cleaned(text: str) -> str:
    """The text as it is kept: line ends are line feeds, and no NUL, which PostgreSQL can't hold."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def content_hash(text: str) -> str:
    """SHA-256 of the normalised text, in hexadecimal: NFC, no blanks at the ends of lines or of the text."""
    lines = unicodedata.normalize("NFC", text).strip().split("\n")
    return hashlib.sha256("\n".join(line.rstrip() for line in lines).encode()).hexdigest()


@functools.cache
def with_its_author() -> Select[Any]:
    """Asked for each page of a document, and so built once."""
    one = select(Document).where(Document.id == bindparam("wanted"))
    return one.options(db.joinedload(Document.author)).execution_options(populate_existing=True)


@functools.cache
def _held() -> Select[Any]:
    """The document, held for a change: asked for at each click, and so built once."""
    one = select(Document).where(Document.id == bindparam("wanted")).with_for_update(key_share=True)
    return one.execution_options(populate_existing=True)


def _finds(statement: Executable) -> bool:
    return db.session.execute(statement).first() is not None


def _announce(document_id: int, summary: Summary | None) -> None:
    """After the commit: send the hint, and tell who is looking. Neither can undo what was saved."""
    if summary:
        summary.hint()
    events.tell(document_id)
