"""Run a command that ends when its parent does, whatever became of the parent: `tether.py TERM COMMAND…`.

Run as a script of its own, without the application: it is started before each process, and replaced by it. On systems
other than Linux it only runs the command.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT = (
    "PRECIS_TETHER"  # the process that the children are tied to, so that one which died meanwhile is noticed
)


def tie(parent: int, end: int) -> None:
    """Have this process sent the signal `end` when `parent` dies, also after another program took its place."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, end)
    if os.getppid() != parent:
        os.kill(os.getpid(), end)


def tethered(command: list[str], end: str = "TERM") -> list[str]:
    """The command that runs `command` tied to whoever runs it."""
    return [sys.executable, "-I", "-S", __file__, end, *command]


def main() -> None:
    tie(int(os.environ.get(PARENT) or os.getppid()), signal.Signals[f"SIG{sys.argv[1]}"])
    environ = {**os.environ, PARENT: str(os.getpid())}
    os.execvpe(sys.argv[2], sys.argv[2:], environ)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
