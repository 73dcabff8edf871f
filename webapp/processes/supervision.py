"""supervisord above our processes: it restarts what dies, and ends everything in order."""

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from webapp.processes.tether import PARENT, tethered
from webapp.processes.valkey import write_private


@dataclass(frozen=True)
class Program:
    """One process. Those of a later `rank` start later and are stopped earlier; those of the same one together."""

    name: str
    command: list[str]
    rank: int = 20
    log: str = ""  # a file of the log folder; else it speaks to whoever runs the supervisor
    stop_seconds: int = 6  # until it is killed


def own(*arguments: str) -> list[str]:
    """The command line of one of our own processes."""
    return [sys.executable, "-m", "webapp.cli", *arguments]


def start(name: str, programs: list[Program], run: Path, environ: dict[str, str], keep: tuple[int, ...] = ()) -> "subprocess.Popen[bytes]":
    """Start supervisord in the folder `run`. Its standard output carries what its programs say.

    It has a process group of its own, so that Ctrl-C reaches only who started it, and the descriptors `keep`.
    """
    configuration = run / f"{name}.conf"
    write_private(configuration, configure(name, programs))
    return subprocess.Popen(
        tethered([sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)]),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=keep, process_group=0,
        env={**environ, PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"})  # fmt: skip


def lines(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def configure(name: str, programs: list[Program]) -> str:
    """supervisord's configuration. It runs as whoever it is, root included, and is silent."""
    ranks: dict[int, list[str]] = {}
    for program in programs:
        ranks.setdefault(program.rank, []).append(program.name)
    head = (
        f"[supervisord]\nnodaemon=true\nsilent=true\nuser={os.getuid()}\nidentifier={name}\nnocleanup=true\n"
        f"logfile=%(here)s/../log/supervisor.log\nlogfile_maxbytes=1MB\nlogfile_backups=1\n"
        f"pidfile=%(here)s/{name}.pid\nchildlogdir=%(here)s\n"
    )
    groups = [f"[group:rank{rank}]\nprograms={','.join(names)}\npriority={rank}\n" for rank, names in ranks.items()]
    return "\n".join([head, *map(_section, programs), *groups])


def _section(program: Program) -> str:
    """A first death is followed by a restart at once; one soon after a start, by a wait that grows by a second each."""
    log, size = ("%(here)s/../log/" + program.log, "1MB") if program.log else ("/dev/stdout", "0")
    return (
        f"[program:{program.name}]\ncommand={_line(tethered(program.command))}\n"
        f"stdout_logfile={log}\nstdout_logfile_maxbytes={size}\nstdout_logfile_backups=1\nredirect_stderr=true\n"
        f"autorestart=true\nstartsecs=2\nstartretries=1000000\n"
        f"stopsignal=TERM\nstopwaitsecs={program.stop_seconds}\nkillasgroup=true\n"
    )


def _line(command: list[str]) -> str:
    return shlex.join(command).replace("%", "%%")
