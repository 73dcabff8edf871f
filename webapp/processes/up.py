"""`precis up`: everything on one machine, until Ctrl-C."""

import fcntl
import http.client
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.config import Settings
from webapp.processes import LANES, run_folder, setup_file, valkey, web
from webapp.processes.supervision import Program, own, supervise
from webapp.processes.terminal import Terminal

READY_SECONDS = 60.0


class DataInUse(Exception):
    """Another Precis runs on the data folder. The message says which."""


def run(settings: Settings) -> int:
    """Run everything until it is told to stop. Returns the exit code. Raises DataInUse or CannotListen."""
    make_folders(settings.data)
    with _locked(settings) as lock:
        web.check_address(settings)
        environ = dict(os.environ)
        if settings.redis_url is None:
            environ["REDIS_URL"] = valkey.prepare(settings.data)
        try:
            return _run(settings, environ, lock)
        finally:
            valkey.forget(settings.data)


def run_workers(settings: Settings) -> int:
    """Run a worker for each lane until told to stop. Returns the exit code."""
    make_folders(settings.data)
    terminal = Terminal()
    try:
        return supervise("workers", _workers(), run_folder(settings.data), terminal)
    finally:
        terminal.close()


def make_folders(data: Path) -> None:
    for folder in (data, run_folder(data), data / "log"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _run(settings: Settings, environ: dict[str, str], lock: int) -> int:
    terminal = Terminal(settings.data / "log" / "precis.log")
    try:
        return supervise(
            "up", _programs(settings), run_folder(settings.data), terminal,
            is_announced=_announcement(settings, terminal), environ=environ, keep=(lock,), migrates=True)  # fmt: skip
    finally:
        terminal.say("Precis has stopped.")
        terminal.close()


def _programs(settings: Settings) -> list[Program]:
    """What runs: Valkey first up and last down. What loads for itself is up before what is forked."""
    embedded = Program("valkey", valkey.command(settings.data), rank=10, log="valkey.log")
    site = [Program("web", web.command(settings), rank=15), *_workers(), Program("sweep", own("sweep"))]
    return site if settings.redis_url else [embedded, *site]


def _workers() -> list[Program]:
    return [Program(lane, own("worker", "--lane", lane)) for lane in LANES]


@contextmanager
def _locked(settings: Settings) -> Iterator[int]:
    """Hold the data folder. Yields the lock's descriptor: the lock lasts as long as anybody has it open."""
    with (run_folder(settings.data) / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read() or "a process that is just starting"
            raise DataInUse(
                f"Precis already runs on the folder {settings.data}: {holder}. Stop that one first."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, at {settings.address}")
        file.flush()
        yield file.fileno()


def _announcement(settings: Settings, terminal: Terminal) -> Callable[[], bool]:
    """Says the address once everything is there, or after a while that it is not. Then returns True."""
    late = time.monotonic() + READY_SECONDS

    def announced() -> bool:
        if is_ready(settings):
            _welcome(settings, terminal)
        elif time.monotonic() > late:
            terminal.say(
                f"Not ready after {READY_SECONDS:.0f} seconds. The lines above say why; it goes on trying."
            )
        else:
            return False
        return True

    return announced


def _welcome(settings: Settings, terminal: Terminal) -> None:
    terminal.say(f"Precis is ready at {settings.address}")
    told = setup_file(settings.data)
    setup = told.read_text()
    told.unlink()  # it is a way in
    if setup:
        terminal.say(f"There is no account yet. Make the first one, an admin's, at {setup}")
    terminal.say("Ctrl-C ends it.")


def is_ready(settings: Settings) -> bool:
    """Whether the site answers, and has its database, its Redis and a worker for each lane."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(host, settings.port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
