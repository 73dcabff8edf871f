"""The sweeper: whatever was lost, a hint, a worker or all of Redis, it brings back. SQL says what is due."""

import functools
import logging
import time

from sqlalchemy import Dialect, exists, or_, select

from webapp import hints, originals
from webapp.events import tell
from webapp.extensions import current_settings, db, first_row
from webapp.models.document import Document
from webapp.models.imports import Import
from webapp.models.node import Node
from webapp.models.rewarming import Rewarming
from webapp.models.source import drop_orphans
from webapp.models.summary import Lane, Status, Summary
from webapp.models.tryout import TryOut

BATCH = 500
log = logging.getLogger(__name__)


def sweep_now() -> bool:
    """End the leases of dead workers, ask for what nobody asked for, and send hints as `hint_now` does. Forget what no
    text needs any more.
    """
    for document_id in Summary.expire_leases():
        log.warning("The worker on document %s is not heard of: its lease has ended.", document_id)
        tell(document_id)
    for import_id in Import.expire_leases():
        log.warning("The worker on import %s is not heard of: its lease has ended.", import_id)
    _drop_originals()
    Document.request_missing()
    is_more = hint_now()
    Node.sweep()
    TryOut.sweep()
    return is_more


def _drop_originals() -> None:
    """Forget files that no row needs. Each sweep looks through one of their folders: all of them take an hour."""
    originals.drop_stale()
    folder = int(time.time() / current_settings().sweep_seconds) % originals.FOLDERS
    for sha256 in drop_orphans(folder):
        log.warning("The original %s belonged to nothing any more, and is deleted.", sha256)


def hint_now() -> bool:
    """Send hints for what is due, on lanes where none is waiting any more. Let a rewarming go on. Returns whether more
    may be due than was sent.

    Most of the time nothing waits at all, and one question tells so: it is asked every second of the year.
    """
    if not _something_waits():
        return False
    free = [lane for lane in Lane if hints.waiting(lane) == 0]
    due = Summary.due_ids(BATCH, free) if free else []
    for summary_id, lane in due:
        hints.send(summary_id, lane)
    if hints.waiting(hints.IMPORTS) == 0:
        for import_id in Import.due_ids(BATCH):
            hints.bring_in(import_id)
    Rewarming.feed_now()
    return len(due) == BATCH


def _something_waits() -> bool:
    """Asked of the driver itself: a session would take three times as long as the question."""
    found = first_row(db.engine, _question(db.engine.dialect))
    return bool(found and found[0])


@functools.cache
def _question(dialect: Dialect) -> str:
    """Whether there is a summary or an import that waits, or a rewarming that is not over."""
    summary = exists().where(Summary.status == Status.PENDING)
    imported = exists().where(Import.status == Status.PENDING)
    question = select(or_(summary, imported, exists().where(Rewarming.slot == 1)))
    return str(question.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
