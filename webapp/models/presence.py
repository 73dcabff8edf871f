"""Which workers are alive. In SQL, so that a page can say so while Redis is away."""

import functools
import os
import secrets

from sqlalchemy import Double, String, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, Prepared, db, now, transaction

ALIVE_SECONDS = 20


class Presence(Base):
    """One worker process, which says every few seconds that it lives."""

    __tablename__ = "presences"

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    lane: Mapped[str] = mapped_column(String(12))
    pid: Mapped[int]
    seen_at: Mapped[float] = mapped_column(Double, default=now())


def beat(lane: str) -> None:
    """Say that this process works on `lane`. The first time, forgets those not heard of for an hour."""
    token = _token(os.getpid())
    with transaction(is_durable=False):
        if not _seen().run(who=token).rowcount:
            db.session.add(Presence(token=token, lane=lane, pid=os.getpid(), seen_at=now()))
            db.session.execute(delete(Presence).where(Presence.seen_at < now() - 3600))


@functools.cache
def _seen() -> Prepared:
    """This process was there before, and is still."""
    return Prepared(update(Presence).where(Presence.token == bindparam("who")).values(seen_at=now()))


def leave() -> None:
    """Say that this process stops."""
    with transaction():
        db.session.execute(delete(Presence).where(Presence.token == _token(os.getpid())))


def live_lanes() -> set[str]:
    """The lanes that a living worker serves."""
    return set(db.session.scalars(select(Presence.lane).where(Presence.seen_at > now() - ALIVE_SECONDS)))


@functools.cache
def _token(pid: int) -> str:
    """Of this process, and of no fork of it. A pid alone may come again."""
    return secrets.token_hex(16)
