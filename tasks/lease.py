"""A claim's lease, while its work goes on, and what ends the work."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from webapp.extensions import current_settings, db
from webapp.models.summary import Claim, Summary

STORE_SECONDS = 60.0  # how long a finished answer is kept for a database that can't take it
AGAIN_SECONDS = 0.5

log = logging.getLogger(__name__)
stopping = threading.Event()


class Stopped(Exception):
    """The worker was told to stop."""


class LostLease(Exception):
    """The text has changed, or the row is somebody else's."""


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

    def store(self, finish: Callable[[], bool]) -> None:
        """Finish by a fenced write: again and again while the database is busy or away, for the words are paid for.

        Raises LostLease, and OperationalError after STORE_SECONDS.
        """
        end = time.monotonic() + STORE_SECONDS
        while True:
            try:
                is_mine = finish()
            except OperationalError as error:
                if stopping.is_set() or time.monotonic() > end:
                    raise
                log.warning("Summary %s is not stored yet: %s", self._claim.summary_id, error.orig)
                db.session.rollback()
                time.sleep(AGAIN_SECONDS)
            else:
                if not is_mine:
                    raise LostLease
                return

    def _is_renewed(self) -> bool:
        """If nobody can say, the work goes on: should the lease end meanwhile, the fence keeps its result out."""
        try:
            return Summary.renew(self._claim)
        except OperationalError as error:
            log.warning("The lease of summary %s is not extended: %s", self._claim.summary_id, error.orig)
            db.session.rollback()
            return True
