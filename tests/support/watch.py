"""Whether a site stays well while something is done to it."""

import threading
from contextlib import suppress

import psutil

from tests.support.precis import Precis

MOST_GROWTH_BYTES = 64_000_000  # of what a process holds meanwhile: a fifth of the largest file


class Watch:
    """Looks at the site and at the processes of a name, over and over, within a `with`."""

    def __init__(self, precis: Precis, name: str) -> None:
        self.codes: set[int] = set()
        self.grown_bytes = 0
        self._precis, self._name = precis, name
        self._before = {process: process.memory_info().rss for process in precis.processes(name)}
        self._done = threading.Event()
        self._looking = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._looking.join()

    def is_well(self) -> bool:
        """Whether the site answered all the time, nothing died, and nothing grew by more than is allowed."""
        are_alive = self._precis.pids(self._name) == sorted(process.pid for process in self._before)
        return self.codes == {200} and are_alive and self.grown_bytes < MOST_GROWTH_BYTES

    def __repr__(self) -> str:
        return f"{self._name}: {self.codes}, {self.grown_bytes:,} bytes more"

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self.codes.add(self._precis.status("/session/new"))
            for process, before in self._before.items():
                with suppress(psutil.NoSuchProcess):
                    self.grown_bytes = max(self.grown_bytes, process.memory_info().rss - before)
