"""Where the lines of all processes go."""

import logging
import queue
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

FILE_BYTES = 5_000_000
OLD_FILES = 3
BACKLOG = 1_000


class Terminal:
    """Writes lines to the terminal, and with a `path` into a file that is kept too.

    A terminal that is held up (Ctrl-S) or gone loses lines. It does not hold up the processes, whose pipe would fill.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = path and RotatingFileHandler(
            path, maxBytes=FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8"
        )
        self._lines: queue.Queue[str | None] = queue.Queue(BACKLOG)
        self._thread = threading.Thread(target=self._write, name="terminal", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        if self._file:
            self._file.handle(logging.LogRecord("precis", logging.INFO, "", 0, "%s", (line,), None))
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            return

    def relay(self, stream: IO[bytes]) -> None:
        """Say each line of `stream`, until its end, and close it."""
        with stream:
            for line in stream:
                self.say(line.decode(errors="replace").rstrip("\n"))

    def close(self) -> None:
        """Wait a second for what is still to be written."""
        if self._file:
            self._file.close()
        try:
            self._lines.put(None, timeout=1.0)
        except queue.Full:
            return
        self._thread.join(1.0)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
            except OSError:  # the terminal was closed
                return
