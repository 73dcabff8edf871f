"""The extensions, and how the database is spoken to: typed models, one clock, write transactions begun IMMEDIATE."""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, cast

from cachelib.serializers import JSONSerializer
from flask import current_app
from flask_caching import Cache
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy import (
    ClauseElement,
    Compiled,
    Connection,
    CursorResult,
    Dialect,
    Double,
    Engine,
    Executable,
    MetaData,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, PendingRollbackError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.config import Settings

if TYPE_CHECKING:
    from webapp.turns import Turns

BUSY_SECONDS = 5.0  # the longest wait for a lock
TURN_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.025)  # between looks whether it is our turn to write
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The root of the models. Times are seconds since 1970 in UTC, by the database's clock."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
cache = Cache()
csrf = CSRFProtect()
htmx = Htmx()
limiter = Limiter(
    get_remote_address, in_memory_fallback_enabled=True
)  # Redis away must not let everybody try, or nobody

_writing: ContextVar[bool] = ContextVar("writing", default=False)


class now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock: seconds since 1970 in UTC. No process's own clock decides about a lease."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: Any, **kw: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


def current_settings() -> Settings:
    """The settings of the application that runs."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings


@contextmanager
def transaction(*, is_durable: bool = True, patience: float = BUSY_SECONDS) -> Iterator[None]:
    """One write transaction: begun IMMEDIATE on SQLite, committed at the end, rolled back on an error.

    Reads before it are ended first, since SQLite can't turn an old snapshot into a write. One that need not be
    durable does not wait for the disk: it outlives the death of any process, but perhaps not that of the machine.
    Raises OperationalError if others hold the lock for longer than `patience` seconds.
    """
    if _writing.get():
        raise RuntimeError("A write transaction is open already.")
    with _turn(patience) as left:
        _begin_writing(is_durable, left)
        token = _writing.set(True)
        try:
            yield
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise
        finally:
            _writing.reset(token)


@contextmanager
def _turn(patience: float) -> Iterator[float]:
    """Wait behind whoever of this process is about to write to SQLite, without a connection. Gives the patience that is left."""
    _end_reading()
    turns: Turns | None = current_app.extensions["turns"]
    if turns is None:
        yield patience
        return
    end = time.monotonic() + patience
    with turns.taken(patience):
        yield max(0.0, end - time.monotonic())


def to_write(*, is_durable: bool = True, patience: float = BUSY_SECONDS) -> dict[str, Any]:
    """The options of a connection whose transaction writes: see `transaction`."""
    return {"is_write": True, "is_durable": is_durable, "patience": patience}


def _begin_writing(is_durable: bool, patience: float) -> None:
    options = to_write(is_durable=is_durable, patience=patience)
    try:
        db.session.connection(execution_options=options)
    except OperationalError:
        db.session.commit()  # nothing is begun: a rollback would only forget what was read
        raise


def _end_reading() -> None:
    """What went wrong with an earlier read is told to its reader alone, and not to whoever writes next."""
    try:
        db.session.commit()
    except PendingRollbackError:
        db.session.rollback()
    except OperationalError:
        db.session.rollback()
        raise


def changed(statement: Executable, parameters: Mapping[str, Any] | None = None) -> int:
    """Run an UPDATE or DELETE inside the caller's transaction. Returns how many rows it changed.

    Rows that the session knows already stay as they were read.
    """
    options = {"synchronize_session": False}
    result: Any = db.session.execute(statement, parameters, execution_options=options)
    return int(result.rowcount)


class Prepared:
    """A statement without lists that is built and compiled once, as somebody waits for it.

    SQLAlchemy finds one in its cache by going through all of it, which takes longer than to run it.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, SQLCompiler] = {}

    def run(self, **values: Any) -> CursorResult[Any]:
        """Run it with these values, inside the transaction. Rows come as the driver has them, under their labels."""
        db.session.flush()
        connection = db.session.connection()
        compiled = self._for(connection.dialect)
        return connection.exec_driver_sql(
            str(compiled), arranged(compiled, compiled.construct_params(values))
        )

    def _for(self, dialect: Dialect) -> SQLCompiler:
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = cast("SQLCompiler", self._statement.compile(dialect=dialect))
        return self._compiled[dialect.name]


def arranged(compiled: Compiled, given: Mapping[str, Any]) -> Any:
    """The parameters as the driver takes them: by name, or in their order."""
    names = getattr(compiled, "positiontup", None)
    return given if names is None else tuple(given[name] for name in names)


def first_row(engine: Engine, statement: str, asked: Any = ()) -> Any:
    """The first row that the driver itself answers with, over a connection of the pool; None without any."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(statement, asked)
        return cursor.fetchone()
    finally:
        connection.close()


def insert(model: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what to do about a row that is there already."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    return sqlite.insert(model) if is_sqlite else postgresql.insert(model)


def is_writing() -> bool:
    """Whether a write transaction is open here: what is sent now could be read before it is committed."""
    return _writing.get()


def prepare(engine: Engine) -> None:
    """Make the database begin transactions as we say."""
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    else:
        event.listen(engine, "connect", _connected_to_postgresql)
        event.listen(engine, "begin", _begin_on_postgresql)


def _connected_to_postgresql(connection: Any, record: Any) -> None:
    """What holds of most transactions is said once, and costs them no way to the server."""
    connection.execute(f"SET lock_timeout TO {_milliseconds(BUSY_SECONDS)}")
    connection.commit()


def _begin_on_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    patience = options.get("patience", BUSY_SECONDS)
    said = [] if options.get("is_durable", True) else ["SET LOCAL synchronous_commit TO OFF"]
    said += [] if patience == BUSY_SECONDS else [f"SET LOCAL lock_timeout TO {_milliseconds(patience)}"]
    if said:
        connection.exec_driver_sql("; ".join(said))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _prepare_sqlite(engine: Engine) -> None:
    """Make SQLite keep foreign keys, write ahead, wait for its turn, and begin transactions when we say so."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("is_write"):
            _say(connection, "synchronous", "FULL" if options["is_durable"] else "NORMAL")
            _say(connection, "busy_timeout", "0")
            _take_turn(connection, options["patience"])
        else:
            _say(connection, "busy_timeout", str(_milliseconds(BUSY_SECONDS)))
            connection.exec_driver_sql("BEGIN")


def _say(connection: Connection, pragma: str, value: str) -> None:
    """Set what is not set already: a pragma can't be said inside a transaction, and holds for the connection."""
    if connection.info.get(pragma) != value:
        _driver(connection).execute(f"PRAGMA {pragma}={value}")
        connection.info[pragma] = value


def _take_turn(connection: Connection, patience: float) -> None:
    """Become the one writer. SQLite's own wait for that would hold up everybody whom a web worker serves."""
    end = time.monotonic() + patience
    for pause in chain(TURN_SECONDS, repeat(TURN_SECONDS[-1])):
        try:
            _driver(connection).execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                break
            time.sleep(pause)
        else:
            return
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # which raises what callers know


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


class QuietJSON(JSONSerializer):
    """JSON, never pickle: whoever can write to Redis must not run code here. Junk is a miss, without a word."""

    def loads(self, bvalue: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return None if bvalue is None else json.loads(bvalue)
        except (TypeError, ValueError):
            return None
