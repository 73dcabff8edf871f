"""The web process: gunicorn with gevent workers."""

import errno
import os
import socket
import sys
from pathlib import Path

from webapp.config import Settings
from webapp.processes import SPARING

CONFIGURATION = Path(__file__).with_name("gunicorn_conf.py")
ROOT = Path(__file__).resolve().parents[2]


class CannotListen(Exception):
    """The address can't be listened on. The message is a sentence with what to do."""


def command(settings: Settings) -> list[str]:
    """The command that serves the application."""
    return [
        sys.executable, "-m", "gunicorn", "--config", f"file:{CONFIGURATION}", "--pythonpath", str(ROOT),
        "--bind", _bind(settings), "--workers", str(settings.web_workers), "webapp:create_app()"]  # fmt: skip


def run(settings: Settings) -> None:
    """Become the web process. Raises CannotListen."""
    check_address(settings)
    line = command(settings)
    os.execve(line[0], line, {**SPARING, **os.environ})  # noqa: S606 - our own interpreter, no shell


def check_address(settings: Settings) -> None:
    """Raises CannotListen unless the site's address can be listened on now."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise CannotListen(_reason(error, settings)) from None


def _reason(error: OSError, settings: Settings) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {settings.port} is in use by another program. Stop that, or choose another port: PORT={settings.port + 1}."
    if error.errno == errno.EACCES:
        return f"Port {settings.port} is reserved for the system. Choose one from 1024 on: PORT=8000."
    return f"HOST={settings.host} is not an address of this machine: {error.strerror}."


def _bind(settings: Settings) -> str:
    return (
        f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
    )
