"""Renditions: a revision's text as pages show it, in parts, kept ready in the cache.

A text as it was typed and a short one are laid out for whoever asks first. A long Markdown takes seconds, in which a
web process would serve nobody else: workers do it, after the save or once somebody looks. Until then, and while there
is no Redis, it is shown as it was typed.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from flask import current_app
from markupsafe import Markup
from redis import RedisError
from sqlalchemy import select

from webapp import hints
from webapp.extensions import cache, db
from webapp.models.revision import Revision
from webapp.models.summary import Lane
from webapp.reading.outline import Entry, contents
from webapp.reading.planning import plan
from webapp.reading.rendering import part

CACHE_VERSION = 2  # of the shape of what is cached, and of the HTML
TTL_SECONDS = 86_400  # a text takes more room than its summary, and is soon laid out again
AT_ONCE_CHARS = 50_000
AT_ONCE_LINES = 1_500  # and table cells: of these Markdown takes its time
MOST_LINES = 500  # of a table of contents
ASKED_SECONDS = 30  # after which a hint is held to be lost
GRACE_SECONDS = 0.25  # most long texts are laid out by then
GRACE_STEP_SECONDS = 0.02


class Line(NamedTuple):
    """A line of a table of contents: its words, its anchor, the number of the part that it leads to, those below it."""

    text: str
    anchor: str
    part: int
    lines: "tuple[Line, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One part of a text as safe HTML, counted from 0, and the contents of all of it, which lack `unlisted` lines.

    `waits` tells that it is Markdown as it was typed, until it is laid out; `is_tangled`, that it stays so;
    `is_whole`, that these are all of its parts in one.
    """

    version: int
    number: int
    parts: int
    html: Markup
    contents: tuple[Line, ...] = ()
    unlisted: int = 0
    waits: bool = False
    is_tangled: bool = False
    is_whole: bool = False

    @property
    def has_next(self) -> bool:
        return self.number + 1 < self.parts


@dataclass(frozen=True, slots=True)
class Rendition:
    """How the text of one version of a document is shown.

    What the cache has of a text with another `content_hash` is a miss: in a database that was restored, a version may
    be another text than it was. Without one it is whatever the cache has.
    """

    document_id: int
    version: int
    content_hash: str = ""

    @classmethod
    def of(cls, revision: Revision) -> "Rendition":
        return cls(revision.document_id, revision.version, revision.content_hash)

    def part(self, number: int, *, as_typed: bool = False) -> Shown:
        """A part of the text, or the last one where there are not as many. With `as_typed` it is not laid out."""
        found = None if as_typed else self._kept(number)
        if found:
            return found
        stored = self._stored()
        if as_typed or is_long(*stored):
            return (None if as_typed else self._awaited(number)) or self._typed(*stored, number)
        head, parts = _laid_out(*stored)
        self._keep(head, parts)
        number = _within(number, head)
        return self._shown(head, number, parts[number])

    def whole(self, *, as_typed: bool = False) -> Shown:
        """All of the text in one, as for paper; of what is not laid out yet as it was typed."""
        first = self.part(0, as_typed=as_typed)
        if first.parts == 1:
            return first
        parts = None if as_typed or first.waits else self._kept_parts(first.parts)
        if parts is None:
            text, _ = self._stored()
            planned = plan(text, "plain")
            parts = [part(text, planned, number) for number in range(len(planned.parts))]
        return replace(first, html=_safe("".join(parts)), parts=1, is_whole=True)

    @property
    def is_ready(self) -> bool:
        """Whether it is laid out, and in the cache."""
        return self._kept(0) is not None

    def lay_out_later(self, lane: Lane) -> None:
        """Have a worker lay it out. The hint may be lost: whoever looks asks again."""
        hints.lay_out(self.document_id, self.version, lane)

    def lay_out_now(self) -> None:
        """Lay it out and keep it, unless that is done. A document that is deleted meanwhile leaves nothing behind."""
        stored = db.session.scalar(select(Revision.content_hash).where(*self._is_it))
        if stored is None or replace(self, content_hash=stored).is_ready:
            return
        replace(self, content_hash=stored)._keep(*_laid_out(*self._stored()))
        db.session.commit()  # what is looked at next is the present, not this transaction's past
        if not self._exists():
            self.forget(self.document_id, [self.version])

    @classmethod
    def forget(cls, document_id: int, versions: Iterable[int]) -> None:
        """Delete what the cache holds of these versions."""
        wanted = [cls(document_id, version) for version in versions]
        try:
            heads = cache.get_many(*(each._key() for each in wanted))
            known = [(each, head) for each, head in zip(wanted, heads, strict=True) if each._is_its(head)]
            keys = [each._key(number) for each, head in known for number in range(head["parts"])]
            cache.delete_many(*keys, *(each._key() for each, _ in known))
        except RedisError as error:
            current_app.logger.warning("The cache was not cleared: %s", error)

    def _kept(self, number: int) -> Shown | None:
        """What the cache has. Redis away is a miss."""
        try:
            head, html = cache.get_many(self._key(), self._key(number))
            if not self._is_its(head):
                return None
            if number != (number := _within(number, head)):
                html = cache.get(self._key(number))
        except RedisError:
            return None
        return self._shown(head, number, html) if isinstance(html, str) else None

    def _kept_parts(self, number: int) -> list[str] | None:
        try:
            parts = cache.get_many(*map(self._key, range(number)))
        except RedisError:
            return None
        return parts if all(isinstance(html, str) for html in parts) else None

    def _awaited(self, number: int) -> Shown | None:
        """Ask a worker once, and wait for a moment."""
        try:
            if cache.add(f"{self._key()}/asked", 1, timeout=ASKED_SECONDS):
                self.lay_out_later(Lane.INTERACTIVE)
        except RedisError:
            return None
        end = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < end:
            time.sleep(GRACE_STEP_SECONDS)
            found = self._kept(number)
            if found:
                return found
        return None

    def _typed(self, text: str, format: str, number: int) -> Shown:
        planned = plan(text, "plain")
        number = min(max(0, number), len(planned.parts) - 1)
        return Shown(version=self.version, number=number, parts=len(planned.parts),
                     html=_safe(part(text, planned, number)), waits=format != "plain")  # fmt: skip

    def _shown(self, head: Mapping[str, Any], number: int, html: str) -> Shown:
        return Shown(version=self.version, number=number, parts=head["parts"], html=_safe(html),
                     contents=_read_lines(head["contents"]), unlisted=head["unlisted"], is_tangled=head["is_tangled"])  # fmt: skip

    def _keep(self, head: Mapping[str, Any], parts: Sequence[str]) -> None:
        """The head comes last, so that whoever finds it finds the parts."""
        try:
            for number, html in enumerate(parts):
                cache.set(self._key(number), html, timeout=TTL_SECONDS)
            cache.set(self._key(), {**head, "hash": self.content_hash}, timeout=TTL_SECONDS)
        except RedisError as error:
            current_app.logger.warning("The cache was not filled: %s", error)

    def _is_its(self, head: object) -> bool:
        if not isinstance(head, dict) or head.get("v") != CACHE_VERSION:
            return False
        return self.content_hash in ("", head["hash"])

    def _stored(self) -> tuple[str, str]:
        row = db.session.execute(select(Revision.text, Revision.format).where(*self._is_it)).one()
        return row.text, row.format

    def _exists(self) -> bool:
        return db.session.scalar(select(Revision.id).where(*self._is_it)) is not None

    @property
    def _is_it(self) -> tuple[Any, ...]:
        return (Revision.document_id == self.document_id, Revision.version == self.version)

    def _key(self, number: int | None = None) -> str:
        """A version never changes in one database, so that nothing else need be in the key."""
        key = f"text/{CACHE_VERSION}/{self.document_id}/{self.version}"
        return key if number is None else f"{key}/{number}"


def is_long(text: str, format: str) -> bool:
    """Whether laying it out would hold up a web process."""
    is_much = len(text) > AT_ONCE_CHARS or text.count("\n") + text.count("|") > AT_ONCE_LINES
    return format != "plain" and is_much


def _laid_out(text: str, format: str) -> tuple[dict[str, Any], list[str]]:
    """What is to be known of the whole text, and the HTML of its parts."""
    planned = plan(text, format)
    listed = contents(planned.outline)
    head = {
        "v": CACHE_VERSION,
        "parts": len(planned.parts),
        "contents": _lines(listed[:MOST_LINES], planned.parts_of_headings()),
        "unlisted": max(0, len(listed) - MOST_LINES),
        "is_tangled": planned.format != format,
    }
    return head, [part(text, planned, number) for number in range(len(planned.parts))]


def _lines(entries: Sequence[Entry], places: Mapping[str, int]) -> tuple[Line, ...]:
    return tuple(
        Line(entry.text, entry.anchor, places[entry.anchor], _lines(entry.entries, places))
        for entry in entries
    )


def _read_lines(kept: Iterable[Sequence[Any]]) -> tuple[Line, ...]:
    return tuple(Line(text, anchor, number, _read_lines(lines)) for text, anchor, number, lines in kept)


def _within(number: int, head: Mapping[str, Any]) -> int:
    return min(max(0, number), int(head["parts"]) - 1)


def _safe(html: str) -> Markup:
    return Markup(html)  # noqa: S704 - the renderer made it safe
