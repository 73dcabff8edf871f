"""What becomes of a summary whose worker died: it is tried again, the last time apart from all others in that case.

A worker writes several summaries at once, and a poisonous one takes those beside it along. None of them may fail for
that: on its last chance each is alone with those that never killed anybody.
"""

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from webapp.extensions import changed, current_settings, db, now
from webapp.models.holding import holding

if TYPE_CHECKING:
    from webapp.models.summary import Summary

MAX_CRASHES = 3  # deaths of a worker before its summary is held to be the cause
LAST_CHANCE = MAX_CRASHES - 1


class Crashing:
    """A column of a summary, how many workers died over it, and what follows from that."""

    crashes: Mapped[int] = mapped_column(default=0)

    @classmethod
    def expire_leases(cls) -> list[int]:
        """End the leases of workers that are not heard of. Returns the ids of the documents concerned."""
        from webapp.models.summary import Status, Summary

        expired = select(Summary).where(Summary.status == Status.PROCESSING, Summary.lease_until < now())
        concerned = {summary.document_id for summary in db.session.scalars(expired)}
        if not concerned:
            return []
        with holding(*concerned):
            held = expired.where(Summary.document_id.in_(concerned))
            summaries = list(db.session.scalars(held.execution_options(populate_existing=True)))
            for number, summary in enumerate(summaries):
                _crash(summary, number)
        return [summary.document_id for summary in summaries]


def is_apart(model: Any) -> ColumnElement[bool]:
    """That a row is not on its last chance, or no other one that is on its own is being written."""
    from webapp.models.summary import Status

    other = aliased(model)
    others = select(other.id).where(other.status == Status.PROCESSING, other.crashes >= LAST_CHANCE)
    return or_(model.crashes < LAST_CHANCE, ~others.exists())


def _crash(summary: "Summary", number: int) -> None:
    """Of those that died together on their way to the last chance each waits a sweep more: none is claimed beside another."""
    from webapp.models.summary import Status, Summary

    settings, crashes = current_settings(), summary.crashes + 1
    is_over = crashes >= MAX_CRASHES or summary.attempts >= settings.max_attempts
    status = Status.FAILED if is_over else Status.PENDING
    moved = (
        update(Summary)
        .where(Summary.id == summary.id, Summary.fence == summary.fence, Summary.status == Status.PROCESSING)
        .values(
            status=status,
            crashes=Summary.crashes + 1,
            lease_until=None,
            next_attempt_at=now() + (number * settings.sweep_seconds if crashes == LAST_CHANCE else 0.0),
            error_code="crashed_worker",
            finished_at=now() if is_over else None,
        )
    )
    if changed(moved):
        Summary._show_status(summary.document_id, summary.id, status)
