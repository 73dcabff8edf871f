"""supervisord above our processes: it restarts what dies, and ends everything in order."""

import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from webapp.processes import SPARING
from webapp.processes.signals import stop_signal
from webapp.processes.terminal import Terminal
from webapp.processes.tether import PARENT, tethered
from webapp.processes.valkey import write_private

CANNOT_START = 3  # the supervisor's exit code where it has said all that there is to say
OWN = ["-m", "webapp.cli"]
STOP_SECONDS = 45.0  # for everything; each program has its own time before it is killed


@dataclass(frozen=True)
class Program:
    """One process. Those of a later `rank` start later and are stopped earlier; those of the same one together."""

    name: str
    command: list[str]
    rank: int = 20
    log: str = ""  # a file of the log folder; else its lines go to the terminal
    stop_seconds: int = 15  # until it is killed, where it takes a second or two


def own(*arguments: str) -> list[str]:
    """The command line of one of our own processes."""
    return [sys.executable, *OWN, *arguments]


def supervise(
    name: str,
    programs: list[Program],
    run: Path,
    terminal: Terminal,
    is_announced: Callable[[], bool] = lambda: True,
    environ: dict[str, str] | None = None,
    keep: tuple[int, ...] = (),
    *,
    migrates: bool = False,
) -> int:
    """Run programs until SIGTERM, SIGINT or SIGHUP, then end them in order. Returns the exit code.

    `is_announced` is called several times a second until it is True. The supervisor inherits the descriptors `keep`,
    and brings the database to this release if it `migrates`.
    """
    stopping = stop_signal()
    process = _start(name, programs, run, environ or dict(os.environ), keep, ["--migrate"] * migrates)
    relay = threading.Thread(target=terminal.relay, args=(process.stdout,), name="relay", daemon=True)
    relay.start()
    is_done = False
    while process.poll() is None and not stopping.wait(1.0 if is_done else 0.05):
        is_done = is_done or is_announced()
    code = _end(process, terminal)
    relay.join(5.0)
    return code


def _start(
    name: str,
    programs: list[Program],
    run: Path,
    environ: dict[str, str],
    keep: tuple[int, ...],
    options: list[str],
) -> "subprocess.Popen[bytes]":
    """Start supervisord, tied to us, in a process group of its own: Ctrl-C is for us to pass on."""
    configuration = run / f"{name}.conf"
    write_private(configuration, configure(name, programs))
    return subprocess.Popen(  # noqa: S603 - the command is our own
        tethered([sys.executable, "-m", "webapp.processes.nursery", str(configuration), *options]),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=keep, process_group=0,
        env={**SPARING, **environ, PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"})  # fmt: skip


def _end(process: "subprocess.Popen[bytes]", terminal: Terminal) -> int:
    if process.poll() == CANNOT_START:
        return 1
    if process.poll() is not None:
        terminal.say("The supervisor has died, and everything with it. Its own log is in the folder log.")
        return 1
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # what it runs is tied to it
    return 0


def configure(name: str, programs: list[Program]) -> str:
    """supervisord's configuration: in the foreground, silent, as whoever we are."""
    ranks: dict[int, list[str]] = {}
    for program in programs:
        ranks.setdefault(program.rank, []).append(program.name)
    head = (
        f"[supervisord]\nnodaemon=true\nsilent=true\nuser={os.getuid()}\nidentifier={name}\nnocleanup=true\n"
        f"logfile=%(here)s/../log/supervisor-{name}.log\nlogfile_maxbytes=1MB\nlogfile_backups=1\n"
        f"pidfile=%(here)s/{name}.pid\nchildlogdir=%(here)s\n"
    )
    groups = [
        f"[group:rank{rank}]\nprograms={','.join(names)}\npriority={rank}\n" for rank, names in ranks.items()
    ]
    return "\n".join([head, *map(_section, programs), *groups])


def _section(program: Program) -> str:
    """What has run for 2 seconds is restarted at once; what dies sooner, after a wait that grows by a second each time."""
    log, size = ("%(here)s/../log/" + program.log, "1MB") if program.log else ("/dev/stdout", "0")
    return (
        f"[program:{program.name}]\ncommand={_line(tethered(program.command))}\n"
        f"stdout_logfile={log}\nstdout_logfile_maxbytes={size}\nstdout_logfile_backups=1\nredirect_stderr=true\n"
        "autorestart=true\nstartsecs=2\nstartretries=1000000\n"
        f"stopsignal=TERM\nstopwaitsecs={program.stop_seconds}\nkillasgroup=true\n"
    )


def _line(command: list[str]) -> str:
    return shlex.join(command).replace("%", "%%")
