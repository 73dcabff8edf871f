"""A worker inside the test: it does what is due, when it is told to."""

import time

from sqlalchemy import select

from tasks.summaries import generate_now
from webapp.extensions import db
from webapp.models import Status, Summary


def work(seconds: float = 10.0) -> int:
    """Do what is due, and what becomes due, until nothing is pending. Returns how many runs there were."""
    runs, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        due = Summary.due_ids(100)
        for summary_id, _ in due:
            generate_now(summary_id)
            runs += 1
        if not due and not _is_any_pending():
            return runs
        if not due:
            time.sleep(0.01)
    return runs


def work_once() -> int:
    """Do what is due now, once. Returns how many runs there were."""
    due = Summary.due_ids(100)
    for summary_id, _ in due:
        generate_now(summary_id)
    return len(due)


def _is_any_pending() -> bool:
    return db.session.scalar(select(Summary.id).where(Summary.status == Status.PENDING).limit(1)) is not None
