"""What became of a fault: measured in its test, and a row of the table in docs/reliability.md."""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

REPORT = "PRECIS_TEST_REPORT"  # the file that outcomes are added to, if there is one


@dataclass
class Outcome:
    """Of one fault on one database. `calls` is how many the model server got meanwhile, `wasted` how many more than
    there are new summaries.
    """

    row: str
    fault: str
    database: str
    what: str = ""
    seconds: float | None = None
    calls: int = 0
    wasted: int = 0
    _elsewhere: int = 0
    _struck_at: float = field(default=0.0, repr=False)

    def struck(self, at: float | None = None) -> None:
        """The fault happens now, or happened at this moment of the monotonic clock."""
        self._struck_at = at or time.monotonic()

    def recovered(self, what: str) -> None:
        """All is well again. `what` tells a reader in a few words what happened in between."""
        self.what = what
        if self._struck_at:
            self.seconds = round(time.monotonic() - self._struck_at, 1)

    def completed_elsewhere(self, number: int) -> None:
        """So many of the new summaries are in another house, or were deleted since."""
        self._elsewhere = number

    def count(self, calls: int, completed: int) -> None:
        """So many calls were made for so many new summaries."""
        self.calls, self.wasted = calls, calls - completed - self._elsewhere

    def report(self) -> None:
        path = os.environ.get(REPORT)
        if path and self.what:
            kept = {name: value for name, value in asdict(self).items() if not name.startswith("_")}
            with Path(path).open("a") as file:
                file.write(json.dumps(kept) + "\n")
