"""What the processes tell each other through Valkey, and when: read from its MONITOR, so that nothing in them is changed."""

import asyncio
import time
from typing import Self
from urllib.parse import unquote

STEPS = (
    ("hint", '"RPUSH"', '"precis:hints:interactive"'),
    ("words", '"XADD"', '"words"'),
)


class Monitor:
    """The commands that came, each with its moment on the monotonic clock."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer  # which closes the connection when nobody holds it
        self._lines: list[tuple[float, str]] = []
        self._wall_clock_offset = time.time() - time.monotonic()
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def start(cls, url: str) -> Self:
        """Watch the Valkey at this URL of a unix socket."""
        reader, writer = await asyncio.open_unix_connection(
            unquote(url.removeprefix("unix://")), limit=8_000_000
        )
        writer.write(b"MONITOR\r\n")
        return cls(reader, writer)

    def since(self, start: float) -> dict[str, float]:
        """When the steps of the way to the first words were seen after `start`. Raises AssertionError if one was not."""
        seen: dict[str, list[float]] = {step: [] for step, *_ in STEPS}
        for at, line in self._lines:
            for step, *marks in STEPS:
                if at >= start and all(mark in line for mark in marks):
                    seen[step].append(at)
        self._lines.clear()
        return {step: moments[0] for step, moments in seen.items()}

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := (await reader.readline()).decode(errors="replace"):
            at, _, rest = line.lstrip("+").partition(" ")
            if rest.startswith("["):
                self._lines.append((float(at) - self._wall_clock_offset, rest))
