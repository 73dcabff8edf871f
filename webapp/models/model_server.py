"""The health of the model server: one row, which pauses all work for it instead of burning each document's tries."""

import functools
import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Double, Select, String, bindparam, exists, null, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from webapp.config import Settings
from webapp.extensions import Base, Prepared, changed, current_settings, db, now
from webapp.models.times import as_datetime
from webapp.summarizing.engine import EngineFailure, FailureKind

STRUGGLING_AFTER = 5  # failures in a row that are the server's, not one document's
LONGEST_WAIT_SECONDS = 900
PAUSES_AT_ONCE = (FailureKind.UNAVAILABLE, FailureKind.LIMITED, FailureKind.MISCONFIGURED)


class ModelServer(Base):
    """Paused while `reason` is set. From `paused_until` on, one claim at a time is let through as a probe.

    `fingerprint` names the settings that the row speaks of: with other settings a pause is void.
    """

    __tablename__ = "model_servers"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    failures: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None] = mapped_column(String(40))
    paused_until: Mapped[float | None] = mapped_column(Double)

    @classmethod
    def pause(cls) -> "ModelServer | None":
        """The pause that is on, or None. An engine without a server never pauses."""
        paused: ModelServer | None = db.session.scalar(cls._paused(), {"settings": server()})
        return paused

    @classmethod
    @functools.cache
    def _paused(cls) -> Select[Any]:
        """Asked at each claim, and so built once."""
        paused = select(cls).where(cls.reason.is_not(None), cls.fingerprint == bindparam("settings"))
        return paused.execution_options(populate_existing=True)

    @classmethod
    def is_paused(cls) -> ColumnElement[bool]:
        """Whether a pause is on, for a statement that gets `server()` as its parameter of that name."""
        return exists().where(cls.reason.is_not(None), cls.fingerprint == bindparam("server", type_=String()))

    @classmethod
    def lets_probe(cls) -> bool:
        """Whether a claim may go on during a pause, inside its transaction: one at a time, as a probe."""
        probe = (
            update(cls)
            .where(cls.reason.is_not(None), cls.paused_until <= now())
            .values(paused_until=now() + current_settings().probe_seconds)
        )
        return changed(probe) == 1

    @classmethod
    def failed(cls, failure: EngineFailure) -> None:
        """Count a failure that is the server's, and pause where it says so. Inside the caller's transaction."""
        server = db.session.get(cls, 1, populate_existing=True) or _first_row()
        if server.fingerprint != _fingerprint():
            server.fingerprint, server.failures, server.reason, server.paused_until = (
                _fingerprint(),
                0,
                None,
                None,
            )
        db.session.flush()
        if failure.kind in PAUSES_AT_ONCE or server.failures + 1 >= STRUGGLING_AFTER:
            wait = _wait(failure, server.failures)
            db.session.execute(
                update(cls)
                .where(cls.id == 1, or_(cls.paused_until.is_(None), cls.paused_until <= now() + wait))
                .values(reason=failure.code, paused_until=now() + wait)
            )
        db.session.execute(update(cls).where(cls.id == 1).values(failures=cls.failures + 1))

    @classmethod
    def well(cls) -> None:
        """The server answered: end the pause. Writes nothing if it was well before."""
        cls._is_well().run()

    @classmethod
    @functools.cache
    def _is_well(cls) -> Prepared:
        is_ill = or_(cls.failures > 0, cls.reason.is_not(None))
        return Prepared(update(cls).where(is_ill).values(failures=0, reason=null(), paused_until=null()))

    @classmethod
    def probe_at_once(cls) -> None:
        """Somebody asks for a try now: the next claim is let through. Inside the caller's transaction."""
        cls._probed().run()

    @classmethod
    @functools.cache
    def _probed(cls) -> Prepared:
        return Prepared(update(cls).where(cls.reason.is_not(None)).values(paused_until=now()))

    @property
    def next_probe_at(self) -> datetime | None:
        return as_datetime(self.paused_until)


def server() -> str | None:
    """What pauses are looked for of: the server that is set, or None for an engine without one."""
    return _fingerprint() if current_settings().engine == "openai" else None


def _fingerprint() -> str:
    return _named(current_settings())


@functools.lru_cache(maxsize=8)
def _named(settings: Settings) -> str:
    parts = (
        settings.secret_key,
        settings.openai_base_url,
        settings.model_given,
        settings.openai_api_key or "",
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _wait(failure: EngineFailure, failures: int) -> float:
    """Seconds until the next probe."""
    probe = current_settings().probe_seconds
    if failure.retry_after is not None:
        return min(failure.retry_after, LONGEST_WAIT_SECONDS)
    if failure.kind is FailureKind.MISCONFIGURED:
        return 10 * probe
    if failure.kind is FailureKind.LIMITED:
        return float(min(current_settings().retry_seconds * 2 ** min(failures, 20), LONGEST_WAIT_SECONDS))
    return float(min(2.0 ** min(failures, 20), probe))


def _first_row() -> ModelServer:
    server = ModelServer(id=1)
    db.session.add(server)
    db.session.flush()
    return server
