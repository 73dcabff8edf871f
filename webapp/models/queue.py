"""The queue of those who wait for a summary: how long it is, and who is before whom. It is read from SQL, not from Redis."""

from sqlalchemy import ColumnElement, and_, func, or_, select

from webapp.extensions import current_settings, db, now
from webapp.models.asking import usual
from webapp.models.document import Document
from webapp.models.summary import LIVE, Lane, Status, Summary
from webapp.summarizing.engine import Ask

WAITING = (Summary.status == Status.PENDING, Summary.lane == Lane.INTERACTIVE)


class TooManyWait(Exception):
    """No further summary is asked for at a click. Its message says so in a sentence, with what to do."""

    RETRY_SECONDS = 120

    def __init__(self, number: int) -> None:
        super().__init__(
            f"{number:,} summaries that people wait for are before it. Try again in a few minutes."
        )


def admit(document: Document, ask: Ask) -> None:
    """Let a click ask for a summary, or for one that waits already. Raises TooManyWait where too many do."""
    if not _waits(document, ask) and (waiting := length()) >= current_settings().max_waiting:
        raise TooManyWait(waiting)


def length() -> int:
    """How many summaries that people wait for nobody writes yet."""
    return _count(Summary.next_attempt_at <= now())


def before(summary: Summary) -> int:
    """How many of them are before this one."""
    is_before = or_(
        Summary.next_attempt_at < summary.next_attempt_at,
        and_(Summary.next_attempt_at == summary.next_attempt_at, Summary.id < summary.id),
    )
    return _count(is_before) if summary.lane == Lane.INTERACTIVE else 0


def _count(*only: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count(Summary.id)).where(*WAITING, *only)) or 0


def _waits(document: Document, ask: Ask) -> bool:
    if ask == usual():
        return document.summary_status in LIVE
    current = document.current_summary(ask)
    return current is not None and current.status in LIVE
