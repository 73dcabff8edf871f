"""How many documents the library has.

To count them takes as long as there are many, on PostgreSQL more than all else of a page: a large library is not counted
anew for each view, and its number may be some seconds old.
"""

import time
from typing import NamedTuple

from flask import current_app
from sqlalchemy import func, select

from webapp.extensions import db
from webapp.models.document import Document

LARGE = 5_000
RECOUNT_SECONDS = 10.0
KEPT = "precis.library_size"


class Counted(NamedTuple):
    """What was counted, and until when it is told."""

    total: int
    good_until: float


def size() -> int:
    """The number of documents; of a large library as this process last counted it."""
    kept: Counted | None = current_app.extensions.get(KEPT)
    if kept and time.monotonic() < kept.good_until:
        return kept.total
    total = db.session.scalar(select(func.count()).select_from(Document)) or 0
    if total >= LARGE:
        current_app.extensions[KEPT] = Counted(total, time.monotonic() + RECOUNT_SECONDS)
    return total
