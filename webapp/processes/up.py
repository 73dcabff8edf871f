"""`precis up`: everything on one machine, until Ctrl-C."""

import fcntl
import http.client
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType
from typing import IO

import flask_migrate
from flask import Flask

from webapp import create_app
from webapp.config import Settings
from webapp.models.setup import first_address
from webapp.processes import run_folder, supervision, valkey, web
from webapp.processes.supervision import Program, own

READY_SECONDS = 60.0
STOP_SECONDS = 25.0
LOG_BYTES = 5_000_000
LOG_FILES = 3
LANES = ("interactive", "warm")


class DataInUse(Exception):
    """Another Precis runs on the data folder. The message says which."""


def run(settings: Settings) -> int:
    """Run everything until SIGINT, SIGTERM or SIGHUP. Returns the exit code. Raises DataInUse or CannotListen."""
    for folder in (settings.data, run_folder(settings.data), settings.data / "log"):
        folder.mkdir(parents=True, exist_ok=True)
    run_folder(settings.data).chmod(0o700)
    with locked(settings) as lock:
        web.check_address(settings)
        environ = dict(os.environ)
        if settings.redis_url is None:
            environ["REDIS_URL"] = valkey.prepare(settings.data)
        try:
            app = create_app(settings)
            migrate(app)
            terminal = Terminal(settings.data / "log" / "precis.log")
            return Run(settings, app, terminal).run(environ, lock)
        finally:
            (run_folder(settings.data) / "redis.url").unlink(missing_ok=True)


def programs(settings: Settings) -> list[Program]:
    """What runs: Valkey first up and last down."""
    embedded = [] if settings.redis_url else [Program("valkey", valkey.command(settings.data), rank=10, log="valkey.log")]
    return [*embedded, Program("web", web.command(settings)), *workers(), Program("sweep", own("sweep"))]


def workers() -> list[Program]:
    return [Program(lane, own("worker", "--lane", lane)) for lane in LANES]


def migrate(app: Flask) -> None:
    """Bring the database to the newest revision. Does nothing where it is."""
    with app.app_context():
        flask_migrate.upgrade()


@contextmanager
def locked(settings: Settings) -> Iterator[int]:
    """Hold the data folder, and yield the lock's descriptor: whoever else has it open keeps the lock alive."""
    with (run_folder(settings.data) / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DataInUse(f"Precis already runs on {settings.data}: {file.read() or 'it is just starting'}.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, at {settings.address}")
        file.flush()
        yield file.fileno()


class Terminal:
    """Where lines go: into a file that is kept, and to the terminal, which may be held up without holding us up."""

    def __init__(self, path: Path) -> None:
        self._file = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
        self._lines: queue.Queue[str | None] = queue.Queue(1_000)
        self._thread = threading.Thread(target=self._write, name="terminal", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        self._file.emit(logging.LogRecord("precis", logging.INFO, "", 0, "%s", (line,), None))
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            return

    def relay(self, stream: IO[bytes]) -> None:
        """Say each line of `stream`, until its end."""
        for line in stream:
            self.say(line.decode(errors="replace").rstrip("\n"))

    def close(self) -> None:
        """Wait a second for what is still to be written."""
        try:
            self._lines.put(None, timeout=1.0)
        except queue.Full:
            return
        self._thread.join(1.0)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                print(line, flush=True)
            except OSError:  # the terminal was closed
                return


class Run:
    """One run of the supervisor, watched."""

    def __init__(self, settings: Settings, app: Flask | None, terminal: Terminal) -> None:
        self._settings = settings
        self._app = app
        self._terminal = terminal
        self._stopping = threading.Event()

    def run(self, environ: dict[str, str], lock: int) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)
        process = supervision.start(
            "precis", programs(self._settings), run_folder(self._settings.data), environ, keep=(lock,)
        )
        relay = threading.Thread(target=self._terminal.relay, args=(supervision.lines(process),), daemon=True)
        relay.start()
        self._announce(process)
        return self._end(process, relay)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()

    def _announce(self, process: "subprocess.Popen[bytes]") -> None:
        """Say the address once everything is there."""
        end = time.monotonic() + READY_SECONDS
        while process.poll() is None and not self._stopping.wait(0.1):
            if is_ready(self._settings):
                return self._welcome()
            if time.monotonic() > end:
                self._terminal.say(f"Precis is not ready after {READY_SECONDS:.0f} seconds. The lines above say why; it goes on trying.")
                end = float("inf")

    def _welcome(self) -> None:
        self._terminal.say(f"Precis is ready at {self._settings.address}")
        address = first_address(self._app) if self._app else None
        if address:
            self._terminal.say(f"Nobody has an account yet. Make the first one, an admin's, here: {address}")
        self._terminal.say("Ctrl-C ends it.")

    def _end(self, process: "subprocess.Popen[bytes]", relay: threading.Thread) -> int:
        """Wait for a signal or the supervisor's end, and end everything."""
        while process.poll() is None and not self._stopping.wait(0.5):
            pass
        died = process.poll() is not None
        if died:
            self._terminal.say("The supervisor has died, and everything with it. supervisor.log may say why.")
        else:
            process.terminate()
            self._await(process)
        relay.join(5.0)
        self._terminal.say("Precis has stopped.")
        self._terminal.close()
        return 1 if died else 0

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # its children are tied to it


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
