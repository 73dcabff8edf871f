"""A whole Precis: its real processes on a folder and a port of their own, as somebody who installs it runs them."""

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType

import psutil
import psycopg

from webapp.config import Settings

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0  # a hang is a failure, a slow day is not
QUICK = {
    "PRECIS_LEASE_SECONDS": "3",
    "PRECIS_SWEEP_SECONDS": "0.5",
    "PRECIS_RETRY_SECONDS": "0.05",
    "PRECIS_PROBE_SECONDS": "0.1",
    "PRECIS_SETTLE_SECONDS": "0",
    "PRECIS_WARM_PER_HOUR": "1000000",
}
PASSWORD = "correct horse battery"
NAMES = {
    "precis": "webapp.cli up",
    "supervisor": "precis supervisor",
    "valkey": "valkey-server",
    "arbiter": "gunicorn",
    "web": "gunicorn",
    "interactive": "worker --lane interactive",
    "warm": "worker --lane warm",
    "sweep": "precis sweep",
}


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """All pages of SQLite are used up."""
    with closing(sqlite3.connect(folder / "precis.sqlite3", isolation_level=None, timeout=10)) as connection:
        connection.execute("CREATE TABLE filler (bytes)")
        connection.execute("PRAGMA max_page_count=1")  # no more than there are
        for size in (1_000_000, 100_000, 10_000, 3_000, 1_000, 100):
            with suppress(sqlite3.OperationalError):
                while True:
                    connection.execute("INSERT INTO filler VALUES (zeroblob(?))", [size])
        try:
            yield
        finally:
            connection.execute("PRAGMA max_page_count=4294967294")
            connection.execute("DROP TABLE filler")


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `condition()` is true. Raises AssertionError, which says what did not come about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in."""

    name: str
    email: str
    password: str = PASSWORD


class Command:
    """A running `precis` command, and the lines that it has said so far."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "webapp.cli", *arguments], cwd=folder, env=environ, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Its exit code, once it has ended and all that it said is read. Raises TimeoutExpired."""
        code = self._process.wait(seconds)
        self._reader.join(5.0)
        return code

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))


class Precis:
    """An installation in `folder`, with quick settings that `environ` adds to. Within a `with` it runs.

    `command` is what is run: "up" for everything, or "web" for the site alone (which needs a REDIS_URL).
    Nothing of the environment that tests run in reaches it. All of its processes, and no others, work in `folder`:
    by that they are found, whoever started them.
    """

    def __init__(
        self, folder: Path, environ: Mapping[str, str] | None = None, *, command: str = "up"
    ) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.commands: list[Command] = []
        self._command = command
        self._environ = {
            **_inherited(),
            **QUICK,
            "PRECIS_DATA": str(self.folder),
            "PORT": str(self.port),
            **(environ or {}),
        }

    def __enter__(self) -> "Precis":
        try:
            return self.start()
        except BaseException:
            self.destroy()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self.destroy()

    @property
    def settings(self) -> dict[str, str]:
        """The environment that its processes have."""
        return dict(self._environ)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """All that its commands have said."""
        return "\n".join(command.output for command in self.commands)

    @property
    def setup_address(self) -> str:
        """The one-time address that `precis up` says while there is no account."""
        found = re.findall(r"https?://\S+/setup/\S+", self.output)
        assert found, f"no address of a setup page in:\n{self.output}"
        return str(found[-1])

    @property
    def log(self) -> str:
        """What is in its log folder."""
        return "\n".join(
            path.read_text(errors="replace") for path in sorted((self.folder / "log").glob("*.log*"))
        )

    # --- starting and stopping --------------------------------------------------------------------------------

    def start(self) -> "Precis":
        """Start it, again with what its folder holds, and wait until it is ready."""
        command = self.run(self._command)
        path = "/readyz" if self._command == "up" else "/healthz"
        self._until_it_runs(command, lambda: self.status(path) == http.client.OK, f"{path} is 200")
        if self._command == "up":
            self._until_it_runs(
                command, lambda: "Ctrl-C ends it." in command.output, "it says that it is ready"
            )
        return self

    def run(self, *arguments: str, **environ: str) -> Command:
        """Start a further command on the same folder, such as `worker`, with changes to its environment."""
        command = Command(arguments, self.folder, {**self._environ, **environ})
        self.commands.append(command)
        return command

    def also_serve(self, **environ: str) -> str:
        """Run a second site beside the first one, with other settings. Returns its address."""
        port = free_port()
        self.run("web", PORT=str(port), **environ)
        until(lambda: self.status("/healthz", port) == http.client.OK, "the second site answers")
        return f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """SIGTERM, first to what was started beside the first command. Asserts that each ends in peace, and that no process is left."""
        for commands in (self.commands[1:], self.commands[:1]):
            self._end([command for command in commands if command.exit_code is None])
        self.commands.clear()
        until(lambda: not self.processes(), "no process is left", 10.0)

    def _end(self, commands: list[Command]) -> None:
        for command in commands:
            command.send(signal.SIGTERM)
        for command in commands:
            code = command.wait()
            assert code in (0, -signal.SIGTERM), f"exit code {code}:\n{self.output}\n{self.log}"

    def destroy(self) -> None:
        """kill -9 of whatever is left. For when a test has failed."""
        for process in self.processes():
            process.kill()
        for command in self.commands:
            command.wait()
        self.commands.clear()

    def status(self, path: str, port: int | None = None) -> int:
        """The status code of a GET, 0 if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def readiness(self) -> dict[str, str]:
        """What /readyz says of database, redis and workers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def _until_it_runs(self, command: Command, condition: Callable[[], bool], what: str) -> None:
        try:
            until(lambda: command.exit_code is not None or condition(), what)
            assert command.exit_code is None, f"it ended with {command.exit_code}"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output}\n{self.log}") from None

    # --- people -----------------------------------------------------------------------------------------------

    def add_member(self, name: str, role: str = "editor") -> Account:
        """Add a member by `precis user add`."""
        account = Account(name, f"{name.lower()}@example.org")
        added = subprocess.run(
            [sys.executable, "-m", "webapp.cli", "user", "add", account.email, "--role", role, "--name", name, "--password-stdin"],
            cwd=self.folder, env=self._environ, input=account.password + "\n", text=True, capture_output=True,
            timeout=PATIENCE_SECONDS, check=False)  # fmt: skip
        assert added.returncode == 0, added.stdout + added.stderr
        return account

    # --- processes --------------------------------------------------------------------------------------------

    def processes(self, name: str = "") -> list[psutil.Process]:
        """Its living processes, or those called `name`: one of NAMES."""
        ours = [process for process in psutil.process_iter() if _works_in(self.folder, process)]
        return [process for process in ours if _is_called(name, process)] if name else ours

    def pids(self, name: str) -> list[int]:
        return sorted(process.pid for process in self.processes(name))

    def kill(self, *names: str, number: signal.Signals = signal.SIGKILL) -> list[int]:
        """Send the signal, kill -9 if no other, to all processes of these names at once. Returns their pids.

        After a SIGKILL they are dead when it returns.
        """
        victims = [process for name in names for process in self.processes(name)]
        assert victims, f"no process is called {' or '.join(names)}"
        for process in victims:
            process.send_signal(number)  # psutil makes sure that the pid is still the same process's
        if number == signal.SIGKILL:
            until(lambda: not any(map(_lives, victims)), "the killed are dead", 10.0)
        return [process.pid for process in victims]

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Stop these processes and let them go on at the end, as a sleeping laptop does.

        Never in the middle of a write: who sleeps in one keeps everybody from writing, until waking up.
        """
        while True:
            self.kill(*names, number=signal.SIGSTOP)
            try:
                if self._may_be_written:
                    yield
                    return
            finally:
                self.kill(*names, number=signal.SIGCONT)
            time.sleep(0.02)

    @property
    def _may_be_written(self) -> bool:
        """Whether nobody is in the middle of a write, within the time that those who run need to end theirs."""
        try:
            with self.locked(seconds=1):
                return True
        except (sqlite3.OperationalError, psycopg.errors.LockNotAvailable):
            return False

    @contextmanager
    def locked(self, seconds: float = 10) -> Iterator[None]:
        """Somebody else writes, and nobody but they: all others may read. Raises the driver's error if others write for
        longer than `seconds`.
        """
        if url := self._environ.get("DATABASE_URL"):
            with psycopg.connect(url) as connection:
                connection.execute(f"SET lock_timeout = '{seconds}s'")
                connection.execute("LOCK TABLE documents, summaries, model_servers IN EXCLUSIVE MODE")
                yield
                connection.rollback()
            return
        path = self.folder / "precis.sqlite3"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=seconds)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def until_restarted(self, name: str, old: list[int]) -> None:
        """Wait until there are as many processes of this name as before, all of them new."""
        until(lambda: len(set(self.pids(name)) - set(old)) >= len(old), f"{name} is there again")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _inherited() -> dict[str, str]:
    """The environment of the tests without any setting of Precis."""
    settings = {field.metadata["name"] for field in fields(Settings)} | {"PRECIS_TETHER"}
    return {**{k: v for k, v in os.environ.items() if k not in settings}, "PYTHONPATH": str(ROOT)}


def _lives(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie that nobody has fetched yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _works_in(folder: Path, process: psutil.Process) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(folder) and _lives(process)
    except psutil.Error:
        return False


def _is_called(name: str, process: psutil.Process) -> bool:
    try:
        line = _line(process)
        if NAMES[name] not in line or "tether.py" in line:
            return False
        if name not in ("web", "arbiter"):
            return True
        parent = process.parent()
        return (name == "web") == (parent is not None and NAMES[name] in _line(parent))
    except psutil.Error:
        return False


def _line(process: psutil.Process) -> str:
    return " ".join(process.cmdline())
