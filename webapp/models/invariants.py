"""What must hold in every library, at any time: the promises of docs/reliability.md as queries."""

from collections.abc import Iterator

from sqlalchemy import Select, and_, exists, func, or_, select

from webapp.extensions import current_settings, db, now
from webapp.models.chosen import PERSON
from webapp.models.document import Document
from webapp.models.imports import Import
from webapp.models.revision import Revision
from webapp.models.rewarming import OPEN, Rewarming
from webapp.models.rewarming_item import RewarmingItem
from webapp.models.source import Source
from webapp.models.summary import LIVE, Status, Summary


def violations() -> list[str]:
    """A sentence for each promise that is broken; empty when all is well."""
    return [f"{claim} ({count} rows)" for claim, count in _counted() if count]


def _counted() -> Iterator[tuple[str, int]]:
    yield from _counted_documents()
    yield from _counted_summaries()
    yield from _counted_rewarmings()
    yield from _counted_words()
    yield from _counted_imports()


def _counted_documents() -> Iterator[tuple[str, int]]:
    current = and_(Summary.id == Document.summary_id)
    yield (
        "Documents without the revision that they show",
        _count(
            select(Document.id).where(
                ~exists().where(Revision.document_id == Document.id, Revision.version == Document.version)
            )
        ),
    )
    yield (
        "Revisions that differ from the content hash of their document",
        _count(
            select(Document.id)
            .join(Revision, and_(Revision.document_id == Document.id, Revision.version == Document.version))
            .where(Revision.content_hash != Document.content_hash)
        ),
    )
    yield (
        "Documents whose status is not that of their summary",
        _count(
            select(Document.id)
            .outerjoin(Summary, current)
            .where(func.coalesce(Document.summary_status, "") != func.coalesce(Summary.status, ""))
        ),
    )
    yield (
        "Documents whose current summary is of another text",
        _count(
            select(Document.id).join(Summary, current).where(Summary.content_hash != Document.content_hash)
        ),
    )
    yield (
        "Documents that show a summary which is not complete",
        _count(
            select(Document.id)
            .outerjoin(Summary, Summary.id == Document.shown_summary_id)
            .where(
                Document.shown_summary_id.is_not(None), func.coalesce(Summary.status, "") != Status.COMPLETE
            )
        ),
    )


def _counted_summaries() -> Iterator[tuple[str, int]]:
    settings = current_settings()
    yield (
        "Complete summaries without a whole text",
        _count(
            select(Summary.id).where(
                Summary.status == Status.COMPLETE,
                or_(
                    Summary.text.is_(None),
                    Summary.text == "",
                    func.coalesce(Summary.finish_reason, "") != "stop",
                ),
            )
        ),
    )
    yield (
        "Unfinished summaries that hold a text",
        _count(select(Summary.id).where(Summary.status != Status.COMPLETE, Summary.text.is_not(None))),
    )
    yield (
        "Leases that ended long ago",
        _count(
            select(Summary.id).where(
                Summary.status == Status.PROCESSING,
                or_(
                    Summary.lease_until.is_(None),
                    Summary.lease_until < now() - 2 * settings.sweep_seconds - 60,
                ),
            )
        ),
    )
    yield (
        "Summaries with more tries than are allowed",
        _count(select(Summary.id).where(or_(Summary.attempts > settings.max_attempts, Summary.attempts < 0))),
    )
    yield (
        "Unfinished summaries of a text that is no longer current",
        _count(
            select(Summary.id)
            .outerjoin(Document, Document.id == Summary.document_id)
            .where(
                Summary.status.in_(LIVE),
                or_(Document.id.is_(None), Summary.content_hash != Document.content_hash),
            )
        ),
    )
    asked = (Summary.document_id, Summary.style, Summary.language, Summary.instruction, Summary.task)
    yield (
        "Documents of which the same summary is asked for twice",
        _count(
            select(Summary.document_id)
            .where(Summary.status.in_(LIVE))
            .group_by(*asked)
            .having(func.count() > 1)
        ),
    )


def _counted_rewarmings() -> Iterator[tuple[str, int]]:
    is_over = Rewarming.state.not_in(OPEN)
    yield (
        "Rewarmings that are over and hold the place of the next one, or the other way round",
        _count(select(Rewarming.id).where(is_over == Rewarming.slot.is_not(None))),
    )
    yield (
        "Rewarmings that count more than was chosen",
        _count(select(Rewarming.id).where(Rewarming.done + Rewarming.failed > Rewarming.chosen)),
    )
    yield (
        "Documents that wait for a rewarming which is over",
        _count(
            select(RewarmingItem.document_id)
            .join(Rewarming, Rewarming.id == RewarmingItem.rewarming_id)
            .where(is_over)
        ),
    )


def _counted_words() -> Iterator[tuple[str, int]]:
    is_by_person = Summary.engine == PERSON
    yield (
        "Words by people that are not whole, or that nobody decided for",
        _count(
            select(Summary.id).where(
                is_by_person, or_(Summary.status != Status.COMPLETE, Summary.choice.is_(None))
            )
        ),
    )
    yield (
        "Decisions for a summary that their document does not count, or that have the same number",
        _count(
            select(Summary.document_id)
            .join(Document, Document.id == Summary.document_id)
            .where(Summary.choice.is_not(None))
            .group_by(Summary.document_id, Document.choices)
            .having(
                or_(
                    func.max(Summary.choice) > Document.choices,
                    func.count(Summary.choice) != func.count(func.distinct(Summary.choice)),
                )
            )
        ),
    )
    yield (
        "Documents whose current or last generated summary is a person's",
        _count(
            select(Document.id)
            .join(Summary, Summary.id.in_((Document.summary_id, Document.shown_summary_id)))
            .where(is_by_person)
        ),
    )


def _counted_imports() -> Iterator[tuple[str, int]]:
    is_late = Import.lease_until < now() - 2 * current_settings().sweep_seconds - 60
    is_running = Import.status == Status.PROCESSING
    is_complete = Import.status == Status.COMPLETE
    yield (
        "Imports that are running long after their lease",
        _count(select(Import.id).where(is_running, or_(Import.lease_until.is_(None), is_late))),
    )
    yield (
        "Complete imports that tell of no document",
        _count(
            select(Import.id).where(is_complete, or_(Import.outcome.is_(None), Import.document_id.is_(None)))
        ),
    )
    yield (
        "Failed imports that give no reason",
        _count(select(Import.id).where(Import.status == Status.FAILED, Import.error_code.is_(None))),
    )
    is_made = exists().where(Revision.document_id == Source.document_id, Revision.version == Source.version)
    yield "Sources of a version that is not there", _count(select(Source.id).where(~is_made))


def _count(statement: Select[int]) -> int:
    return db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
