"""Places in real processes where a test can make something go wrong, at the very moment that matters."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

FAILING = Path(__file__).parent / "failing"
ROOT = Path(__file__).resolve().parents[2]
PLACES = {
    "before the commit": ("webapp.models.summary", "Summary.ask", "after"),
    "before the hint": ("webapp.hints", "_send", "before"),
    "after the claim": ("webapp.models.summary", "Summary.claim", "after"),
    "while words come": ("webapp.events", "Pen.write", "after"),
    "before the finish": ("webapp.models.summary", "Summary.finish", "before"),
    "before the cache": ("webapp.models.summary", "Summary.fill_cache", "before"),
    "after the finish": ("webapp.models.summary", "Summary.finish", "after"),
    "before it is told": ("webapp.events", "tell", "before"),
    "no room": ("webapp.extensions", "_take_turn", "room"),
    "in a migration": ("alembic.ddl.impl", "DefaultImpl.create_table", "after"),
    "done with a hint": ("tasks.broker", "HintConsumer.ack", "before"),
}


class Failpoints:
    """The shots for one installation. `environ` has to reach all of its processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    @property
    def environ(self) -> dict[str, str]:
        places: dict[str, dict[str, tuple[str, str]]] = {}
        for place, (module, way, moment) in PLACES.items():
            places.setdefault(module, {})[place] = (way, moment)
        return {
            "PYTHONPATH": os.pathsep.join(map(str, (FAILING, ROOT))),
            "PRECIS_TEST_SHOTS": str(self._folder),
            "PRECIS_TEST_PLACES": json.dumps(places),
        }

    def lay(
        self,
        place: str,
        do: str,
        *,
        times: int = 1,
        nth: int = 1,
        process: str = "",
        document: int | None = None,
        summary: int | None = None,
    ) -> None:
        """Lay shots for who comes by: kill, or raise what "redis", "database" or "error" raise.

        `process` is a part of its command line, `nth` which time it comes by that counts; `document` whose claim, `summary` whose
        hint it has to be.
        """
        assert place in PLACES, place
        folder = self._folder / place
        folder.mkdir(parents=True, exist_ok=True)
        shot = {
            "do": do,
            "nth": nth,
            "process": process,
            "document": document,
            "summary": summary,
        }
        for number in range(times):
            path = self._folder / f"{next(self._numbers)}.new"
            path.write_text(json.dumps(shot))
            path.rename(folder / f"{next(self._numbers):06}-{number}")

    @contextmanager
    def lasting(self, place: str) -> Iterator[None]:
        """A shot that nobody takes away."""
        shot = self._folder / place / "lasting"
        shot.parent.mkdir(parents=True, exist_ok=True)
        shot.touch()
        try:
            yield
        finally:
            shot.unlink(missing_ok=True)

    @property
    def left(self) -> int:
        """How many shots lie there still."""
        return sum(1 for folder in self._folder.glob("*/") for _ in folder.iterdir())

    def clear(self) -> None:
        for folder in self._folder.glob("*/"):
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
