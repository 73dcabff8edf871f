"""A claim's lease, while its work goes on, and what ends the work."""

import threading
import time

from webapp.extensions import current_settings
from webapp.models.summary import Claim, Summary

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
            if not Summary.renew(self._claim):
                raise LostLease
            self._renew_at = time.monotonic() + self._every_seconds
