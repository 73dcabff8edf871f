"""A claim's lease, while its work goes on, and what ends the work."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import current_app
from sqlalchemy.exc import OperationalError

from webapp.extensions import current_settings, db
from webapp.models.summary import Claim, Summary
from webapp.turns import Turns

STORE_SECONDS = 60.0  # how long a finished answer is kept for a database that can't take it
AGAIN_SECONDS = 0.5
FINISHING = 4  # summaries of a process at once: of two hundred side by side none gets done
TURN_SECONDS = 5.0

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


class Leases:
    """Those of a process. Whoever is the first to be due takes along all others that were heard of lately."""

    def __init__(self) -> None:
        self.turns = Turns(FINISHING)
        self._guard = threading.Lock()
        self._all: set[Lease] = set()

    def add(self, lease: "Lease") -> None:
        with self._guard:
            self._all.add(lease)

    def renew(self, lease: "Lease", every_seconds: float) -> None:
        """Extend this one and those beside it, and note which are lost.

        If nobody can say, the work goes on: should a lease end meanwhile, the fence keeps its result out.
        """
        due = self._due(lease, every_seconds)
        try:
            lost = Summary.renew_all([each.claim for each in due]) if due else set()
        except OperationalError as error:
            log.warning("%d leases are not extended: %s", len(due), error.orig)
            db.session.rollback()
            return
        for each in due:
            each.is_lost = each.claim in lost

    def _due(self, lease: "Lease", every_seconds: float) -> "list[Lease]":
        """Those to be extended now; none if another thread has just taken this one along. Who hangs is left out."""
        now = time.monotonic()
        with self._guard:
            if lease.renew_at > now:
                return []
            self._all = {each for each in self._all if each.heard_at > now - every_seconds} | {lease}
            for each in self._all:
                each.renew_at = now + every_seconds
            return list(self._all)


def leases() -> Leases:
    """Those of this process."""
    kept: Leases = current_app.extensions.setdefault("leases", Leases())
    return kept


class Lease:
    """Extended every few seconds for as long as whoever does the work is heard of."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.is_lost = False
        self._every_seconds = current_settings().renew_seconds
        self._leases = leases()
        self.heard_at = time.monotonic()
        self.renew_at = self.heard_at + self._every_seconds
        self._leases.add(self)

    def keep(self) -> None:
        """To be called often: it renews when it is time. Raises Stopped and LostLease."""
        if stopping.is_set():
            raise Stopped
        self.heard_at = time.monotonic()
        if self.heard_at >= self.renew_at:
            self._leases.renew(self, self._every_seconds)
        if self.is_lost:
            raise LostLease

    @contextmanager
    def turn(self) -> Iterator[None]:
        """To be the one who stores: others of this process wait, and do not hold up who is about to ask the model."""
        self.heard_at = time.monotonic() + TURN_SECONDS  # so that others extend it meanwhile
        with self._leases.turns.taken(TURN_SECONDS):
            yield

    def store(self, write: Callable[[], bool]) -> None:
        """Make a fenced write, by `insist`. Raises LostLease, too."""
        if not insist(self.claim, write):
            raise LostLease
