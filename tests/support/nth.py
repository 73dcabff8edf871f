"""Let the Nth operation fail: a database statement, a commit, a Redis command or answer, a step of writing a file.

Each fault raises what the library below us raises, where it does, so that all that lies between is exercised. Only the
thread of the test is counted.
"""

import errno
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import ConnectionError as RedisAway
from redis.connection import AbstractConnection

from webapp import extensions, originals
from webapp.extensions import db

Fault = Callable[["Nth", pytest.MonkeyPatch], None]


class Nth:
    """Counts operations, and says which of them fails: that of this number, with `is_lasting` all after it, too."""

    def __init__(self, number: int, *, is_lasting: bool) -> None:
        self.has_struck = False
        self._left, self._is_lasting = number, is_lasting

    def strikes(self) -> bool:
        if threading.current_thread() is not threading.main_thread():
            return False
        self._left -= 1
        is_hit = self._left == 0 or (self._left < 0 and self._is_lasting)
        self.has_struck = self.has_struck or is_hit
        return is_hit


@contextmanager
def failing(fault: Fault, number: int, *, is_lasting: bool) -> Iterator[Nth]:
    """Within, the operation of this number fails."""
    nth = Nth(number, is_lasting=is_lasting)
    with pytest.MonkeyPatch.context() as patch:
        fault(nth, patch)
        yield nth


def statement(nth: Nth, patch: pytest.MonkeyPatch) -> None:
    """The database fails to run a statement. Each look for the writer's turn is one, too."""
    patch.setattr(
        extensions, "_take_turn", lambda connection, _: connection.exec_driver_sql("BEGIN IMMEDIATE")
    )
    dialect = db.engine.dialect
    for name in ("do_execute", "do_executemany", "do_execute_no_params"):
        patch.setattr(dialect, name, _breaking_first(nth, getattr(dialect, name)))


def commit(nth: Nth, patch: pytest.MonkeyPatch) -> None:
    """A commit fails: nothing of it is there."""
    dialect = db.engine.dialect
    patch.setattr(dialect, "do_commit", _breaking_first(nth, dialect.do_commit))


def lost_commit(nth: Nth, patch: pytest.MonkeyPatch) -> None:
    """A commit succeeds, and nobody is told so."""
    real = db.engine.dialect.do_commit

    def failed(connection: Any) -> None:
        real(connection)
        if nth.strikes():
            raise _broken(connection)

    patch.setattr(db.engine.dialect, "do_commit", failed)


def command(nth: Nth, patch: pytest.MonkeyPatch) -> None:
    """Redis is away when a command is to be sent."""
    real = AbstractConnection.send_packed_command

    def failed(self: AbstractConnection, *args: Any, **kwargs: Any) -> Any:
        if nth.strikes():
            self.disconnect()  # type: ignore[no-untyped-call]  # redis has not typed it
            raise RedisAway("The line is down.")
        return real(self, *args, **kwargs)  # type: ignore[no-untyped-call]  # as above

    patch.setattr(AbstractConnection, "send_packed_command", failed)


def answer(nth: Nth, patch: pytest.MonkeyPatch) -> None:
    """Redis has done what it was told, and goes away before it says so."""
    real = AbstractConnection.read_response

    def failed(self: AbstractConnection, *args: Any, **kwargs: Any) -> Any:
        answered = real(self, *args, **kwargs)
        if nth.strikes():
            self.disconnect()  # type: ignore[no-untyped-call]  # redis has not typed it
            raise RedisAway("The line is down.")
        return answered

    patch.setattr(AbstractConnection, "read_response", failed)


def file_write(nth: Nth, patch: pytest.MonkeyPatch) -> None:
    """The disk is full when a file is to be made, written to, brought to the disk or given its name."""

    def made(*args: Any, **kwargs: Any) -> Any:
        file = tempfile.NamedTemporaryFile(*args, **kwargs)  # noqa: SIM115 - closed by whoever asked for it
        patch.setattr(file, "write", _failing_first(nth, file.write, _full))
        return file

    patch.setattr(originals, "NamedTemporaryFile", _failing_first(nth, made, _full))
    patch.setattr(os, "fsync", _failing_first(nth, os.fsync, _full))
    for name in ("mkdir", "replace"):
        patch.setattr(Path, name, _failing_first(nth, getattr(Path, name), _full))


def _failing_first(nth: Nth, real: Callable[..., Any], error: Callable[[], Exception]) -> Callable[..., Any]:
    def failed(*args: Any, **kwargs: Any) -> Any:
        if nth.strikes():
            raise error()
        return real(*args, **kwargs)

    return failed


def _breaking_first(nth: Nth, real: Callable[..., Any]) -> Callable[..., Any]:
    """`real` of a cursor or a connection, with the database failing just before."""

    def failed(given: Any, *args: Any, **kwargs: Any) -> Any:
        if nth.strikes():
            raise _broken(given)
        return real(given, *args, **kwargs)

    return failed


def _broken(given: Any) -> Exception:
    """What the database's driver raises. A PostgreSQL takes the connection with it, as its restart does: that of this
    cursor, or the one that this is.
    """
    dialect: Any = db.engine.dialect
    error: type[Exception] = dialect.loaded_dbapi.OperationalError
    if dialect.name == "sqlite":
        return error("disk I/O error")
    connection = getattr(given, "dbapi_connection", None) or given.connection
    connection.close()
    return error("the connection is closed")


def _full() -> Exception:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
