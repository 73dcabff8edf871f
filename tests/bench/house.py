"""A whole Precis of its own: all its processes, on an empty data folder and a free port of loopback."""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import library
from tests.support.valkey import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 30.0
OURS = ("PRECIS_", "OPENAI_")
OTHERS = ("PORT", "HOST", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PYTHONPATH")
PASSWORD = library.PASSWORD
EMAIL = library.EMAIL


@dataclass
class House:
    """A running Precis."""

    port: int
    data: Path
    process: "subprocess.Popen[bytes]"

    @property
    def redis_url(self) -> str:
        """Where its embedded Valkey listens."""
        return (self.data / "run" / "redis.url").read_text().strip()

    def processes(self, word: str) -> list[int]:
        """The ids of its processes whose command line has this word."""
        return [pid for pid in _descendants(self.process.pid) if word in _command(pid).split("\0")]


@contextmanager
def precis(finished: int = 0, cold: int = 0, **settings: str) -> Iterator[House]:
    """Run one with so many documents, `finished` ones first, until the block ends. Raises AssertionError if it won't start."""
    with tempfile.TemporaryDirectory(prefix="precis-bench-") as folder:
        data, port = Path(folder) / "data", free_port()
        environ = {**_environ(), **settings, "PRECIS_DATA": str(data), "PORT": str(port), "PRECIS_LOG_LEVEL": "warning"}
        library.fill(environ, finished, cold)
        with (Path(folder) / "output").open("wb+") as output:
            command = [sys.executable, "-m", "webapp.cli", "up"]
            process = subprocess.Popen(command, cwd=folder, env=environ, stdout=output, stderr=output)
            try:
                _wait_until_ready(process, port, Path(output.name))
                yield House(port, data, process)
            finally:
                end(process)


def end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """Ask a process of ours to end, and see to it that it does."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def resident_bytes(pid: int) -> int:
    """The memory that a process has to itself, in bytes; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def _environ() -> dict[str, str]:
    """The environment without any setting of the person's own Precis."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OURS) and k not in OTHERS}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    late = time.monotonic() + START_SECONDS
    while not _is_ready(port):
        assert process.poll() is None and time.monotonic() < late, output.read_text()
        time.sleep(0.1)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(child) for child in children.read_text().split()] if children.exists() else []
    return found + [each for child in found for each in _descendants(child)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
