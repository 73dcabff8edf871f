"""The extensions, and how the database is spoken to: typed models, one clock, write transactions begun IMMEDIATE."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from cachelib.serializers import JSONSerializer
from flask import current_app
from flask_caching import Cache
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy import Connection, Double, Engine, MetaData, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.functions import FunctionElement

from webapp.config import Settings

BUSY_SECONDS = 5
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
migrate = Migrate()
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
def transaction() -> Iterator[None]:
    """One write transaction: begun IMMEDIATE on SQLite, committed at the end, rolled back on an error.

    Reads before it are ended first, since SQLite can't turn an old snapshot into a write.
    """
    if _writing.get():
        raise RuntimeError("A write transaction is open already.")
    db.session.commit()
    token = _writing.set(True)
    try:
        db.session.connection(execution_options={"is_write": True})
        yield
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _writing.reset(token)


def is_writing() -> bool:
    """Whether a write transaction is open here: what is sent now could be read before it is committed."""
    return _writing.get()


def prepare_sqlite(engine: Engine) -> None:
    """Make SQLite keep foreign keys, write ahead, wait for its turn, and begin transactions when we say so."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        is_write = connection.get_execution_options().get("is_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


class QuietJSON(JSONSerializer):
    """JSON, never pickle: whoever can write to Redis must not run code here. Junk is a miss, without a word."""

    def loads(self, bvalue: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return None if bvalue is None else json.loads(bvalue)
        except (TypeError, ValueError):
            return None
