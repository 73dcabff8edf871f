"""What the processes say: one line for each thing, on standard error, and the same thing not over and over."""

import logging
import time
from typing import Any

REPEAT_SECONDS = 60.0
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
    """Drops a line that was said less than a minute ago: a server that is away is tried twice a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[Any, ...], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now, line = time.monotonic(), (record.name, record.getMessage())
        self._said = {key: at for key, at in self._said.items() if now - at < REPEAT_SECONDS}
        return self._said.setdefault(line, now) == now
