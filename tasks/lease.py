"""A claim's lease, while its work goes on, and what ends the work."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from webapp.extensions import current_settings, db
from webapp.models.summary import Claim, Summary

STORE_SECONDS = 60.0  # how long a finished answer is kept for a database that can't take it
AGAIN_SECONDS = 0.5

Result = TypeVar("Result")
log = logging.getLogger(__name__)
stopping = threading.Event()


class Stopped(Exception):
    """The worker was told to stop."""


class LostLease(Exception):
    """The text has changed, or the row is somebody else's."""


def insist(claim: Claim, write: Callable[[], Result]) -> Result:
    """Write for a claim: again and again while the database is busy or away, for what is written was paid for.

    Raises OperationalError after STORE_SECONDS, and at once when the worker is to stop.
    """
    end = time.monotonic() + STORE_SECONDS
    while True:
        try:
            return write()
        except OperationalError as error:
            if stopping.is_set() or time.monotonic() > end:
                raise
            log.warning("Summary %s is not stored yet: %s", claim.summary_id, error.orig)
            db.session.rollback()
            time.sleep(AGAIN_SECONDS)


class Lease:
    """Renewed every few seconds by whoever does the work, for as long as that takes."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._every_seconds = current_settings().renew_seconds
        self._renew_at = time.monotonic() + self._every_seconds

    def keep(self) -> None:
        """To be called often: it renews when it is time. Raises Stopped and LostLease."""
        if stopping.is_set():
            raise Stopped
        if time.monotonic() >= self._renew_at:
            if not self._is_renewed():
                raise LostLease
            self._renew_at = time.monotonic() + self._every_seconds

    def store(self, write: Callable[[], bool]) -> None:
        """Make a fenced write, by `insist`. Raises LostLease, too."""
        if not insist(self._claim, write):
            raise LostLease

    def _is_renewed(self) -> bool:
        """If nobody can say, the work goes on: should the lease end meanwhile, the fence keeps its result out."""
        try:
            return Summary.renew(self._claim)
        except OperationalError as error:
            log.warning("The lease of summary %s is not extended: %s", self._claim.summary_id, error.orig)
            db.session.rollback()
            return True
