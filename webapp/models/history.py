"""The history of a document: its versions, newest first, each with what it changed."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import NamedTuple

from flask import abort, current_app
from redis import RedisError
from sqlalchemy import ColumnElement, func, select

from webapp.extensions import cache, db
from webapp.models.paging import Paged, within
from webapp.models.revision import Revision
from webapp.models.summary import Status, Summary
from webapp.reading.differences import Comparison, Row, compare
from webapp.reading.places import paragraphs

PAGE_SIZE = 20
CACHE_VERSION = 1
TTL_SECONDS = 604_800
COUNTED_CHARS = 200_000  # of both texts: of longer ones a list tells the length alone
MOST_COUNTED_CHARS = 400_000  # for one view of a list: the others are counted when it is seen again
COMPARED_CHARS = 500_000  # of each side, from the first difference on: a third of a second
KINDS = ("changed", "added", "removed")

Counts = Sequence[int]


class Past(NamedTuple):
    """A version as a list shows it: its revision without the text, and what it changed, in words."""

    revision: Revision
    characters: int
    changes: str
    excerpt: str | None


@dataclass(frozen=True, slots=True)
class Page(Paged):
    """One page of a history, counted from 1."""

    rows: list[Past]
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class History:
    """All versions of one document, which has come to `version`; they count from 1 without a gap."""

    document_id: int
    version: int

    def get_or_404(self, version: int) -> Revision:
        """A version with its author, or the end of the request."""
        if not 1 <= version <= self.version:
            abort(404)
        wanted = select(Revision).where(*self._between(version, version))
        return db.session.scalars(wanted.options(db.joinedload(Revision.author))).one_or_none() or abort(404)

    def page(self, number: int) -> Page:
        """One page of it; beyond the end it is the last."""
        number, pages = within(number, self.version, PAGE_SIZE)
        newest = self.version - (number - 1) * PAGE_SIZE
        return Page(list(self._rows(newest)), number, pages)

    @classmethod
    def forget(cls, document_id: int, version: int) -> None:
        """Delete what the cache holds of a document that had come to `version`."""
        try:
            cache.delete_many(*(_key(document_id, number) for number in range(1, version + 1)))
        except RedisError as error:
            current_app.logger.warning("The cache was not cleared: %s", error)

    def _rows(self, newest: int) -> Iterator[Past]:
        rows = db.session.execute(
            select(Revision, func.length(Revision.text))
            .where(*self._between(newest - PAGE_SIZE, newest))
            .order_by(Revision.version.desc())
            .options(db.joinedload(Revision.author), db.defer(Revision.text))
        ).all()
        sizes = {revision.version: characters for revision, characters in rows}
        counts = self._counted(sizes)
        excerpts = self._excerpts([revision.content_hash for revision, _ in rows])
        shown = [*(revision for revision, _ in rows), *([None] if rows[-1][0].version == 1 else [])]
        for revision, before in islice(pairwise(shown), PAGE_SIZE):
            if revision:
                size = sizes[revision.version]
                words = _in_words(before, revision, size - sizes.get(revision.version - 1, 0), counts)
                yield Past(revision, size, words, excerpts.get(revision.content_hash))

    def _excerpts(self, hashes: list[str]) -> dict[str, str]:
        """The first lines of the newest summary of each text that has one; of the usual kind, if there is one."""
        wanted = select(Summary).where(
            Summary.document_id == self.document_id,
            Summary.content_hash.in_(hashes),
            Summary.status == Status.COMPLETE,
            Summary.is_everybodys(),
        )
        found = db.session.scalars(wanted.order_by(*Summary.precedence()))
        return {summary.content_hash: summary.excerpt for summary in found}

    def _counted(self, sizes: dict[int, int]) -> dict[int, Counts]:
        """How many paragraphs each version changed, added and removed, as far as that is soon known."""
        versions = [version for version in sizes if version - 1 in sizes]
        counts, left = _cached(self.document_id, versions), MOST_COUNTED_CHARS
        for version in versions:
            size = sizes[version] + sizes[version - 1]
            if version not in counts and size <= min(COUNTED_CHARS, left):
                left -= size
                counts[version] = self._count(version)
        return counts

    def _count(self, version: int) -> Counts:
        wanted = select(Revision.text).where(*self._between(version - 1, version)).order_by(Revision.version)
        old, new = db.session.scalars(wanted)
        kinds = Counter(row.kind for row in compare(old, new).rows)
        counts = [kinds[kind] for kind in KINDS]
        try:
            cache.set(_key(self.document_id, version), counts, timeout=TTL_SECONDS)
        except RedisError as error:
            current_app.logger.warning("The cache was not filled: %s", error)
        return counts

    def _between(self, first: int, last: int) -> tuple[ColumnElement[bool], ...]:
        return (Revision.document_id == self.document_id, Revision.version.between(first, last))


class Differences(NamedTuple):
    """What is to be seen of two texts side by side, and whether they differ in more than was compared."""

    comparison: Comparison
    is_cut: bool


def differences(old: str, new: str) -> Differences:
    """Compare two texts in bounded time: of very long ones what lies between their first and last difference."""
    if max(len(old), len(new)) <= COMPARED_CHARS:
        return Differences(compare(old, new), is_cut=False)
    head = max(0, old.rfind("\n\n", 0, _common(old, new)))
    tail = _common(old[head:][::-1], new[head:][::-1])
    end = old.find("\n\n", len(old) - tail)
    tail = len(old) - end if end >= 0 else 0
    middles = [text[head : len(text) - tail] for text in (old, new)]
    is_cut = max(map(len, middles)) > COMPARED_CHARS
    found = compare(middles[0][:COMPARED_CHARS], middles[1][:COMPARED_CHARS])
    after = [] if is_cut or found.left_out else _folded(old, len(old) - tail, len(old))
    rows = (*_folded(old, 0, head), *found.rows, *after)
    return Differences(found._replace(rows=rows), is_cut)


def _folded(text: str, start: int, end: int) -> Iterator[Row]:
    count = sum(1 for _ in paragraphs(text, start, end))
    if count:
        yield Row("folded", paragraphs=count)


def _common(old: str, new: str) -> int:
    """How many characters two texts begin with alike."""
    return bisect_left(range(min(len(old), len(new))), True, key=lambda at: old[: at + 1] != new[: at + 1])


def _in_words(before: Revision | None, after: Revision, longer: int, counts: dict[int, Counts]) -> str:
    """What a version changed, as a sentence without its full stop."""
    if before is None:
        return "First version"
    said = list(_said(before, after, longer, counts.get(after.version)))
    words = ", ".join(said) or "blanks at the ends of lines"
    return words[0].upper() + words[1:]


def _said(before: Revision, after: Revision, longer: int, counts: Counts | None) -> Iterator[str]:
    if before.title != after.title:
        yield "new title"
    if before.format != after.format:
        yield "shown as Markdown" if after.format == "markdown" else "shown as plain text"
    if before.content_hash != after.content_hash:
        yield _paragraphs(counts) if counts and any(counts) else _length(longer)


def _paragraphs(counts: Counts) -> str:
    told = [(count, kind) for count, kind in zip(counts, KINDS, strict=True) if count]
    first, kind = told[0]
    noun = "paragraph" if first == 1 else "paragraphs"
    return ", ".join([f"{first:,} {noun} {kind}", *(f"{count:,} {kind}" for count, kind in told[1:])])


def _length(longer: int) -> str:
    if not longer:
        return "text changed"
    noun = "character" if abs(longer) == 1 else "characters"
    return f"text {abs(longer):,} {noun} {'longer' if longer > 0 else 'shorter'}"


def _cached(document_id: int, versions: list[int]) -> dict[int, Counts]:
    """What the cache has. Redis away is a miss."""
    try:
        found = cache.get_many(*(_key(document_id, version) for version in versions)) if versions else []
    except RedisError:
        return {}
    pairs = zip(versions, found, strict=True)
    return {version: counts for version, counts in pairs if isinstance(counts, list) and len(counts) == 3}


def _key(document_id: int, version: int) -> str:
    return f"changes/{CACHE_VERSION}/{document_id}/{version}"
