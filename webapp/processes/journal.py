"""What the processes say: one line for each thing, on standard error, and the same thing not over and over."""

import logging
import time

REPEAT_SECONDS = 60.0
MOST_LINES = 1_000
OURS = ("webapp", "tasks")


def start(name: str, level: str) -> None:
    """Have this process log under `name`: its own lines from `level` on, others' from warnings on."""
    handler = logging.StreamHandler()
    handler.addFilter(NoRepeats())
    logging.basicConfig(
        handlers=[handler],
        level=logging.WARNING,
        format=f"%(asctime)s {name:<11} %(levelname)-7s %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
        force=True,
    )
    for ours in OURS:
        logging.getLogger(ours).setLevel(level.upper())


class NoRepeats(logging.Filter):
    """Drops a line, unless it is an error, that was said less than a minute ago: what is away is tried twice a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR or record.exc_info:
            return True
        now, line = time.monotonic(), (record.name, record.getMessage())
        if now - self._said.get(line, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        if len(self._said) >= MOST_LINES:
            self._said.clear()
        self._said[line] = now
        return True
