"""The one-time address at which the first member is made. There is no default account."""

import hashlib
import secrets

from flask import Flask, current_app
from sqlalchemy import Double, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, db, now, transaction
from webapp.models.member import Member, Role

LIFETIME_SECONDS = 24 * 3600


class Setup(Base):
    """A token that makes one member, an admin, while there is none."""

    __tablename__ = "setups"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[float] = mapped_column(Double, default=now())

    @classmethod
    def open(cls) -> str:
        """Make a new token, which ends those before it. Only its hash is kept."""
        token = secrets.token_urlsafe(24)
        with transaction():
            db.session.execute(delete(cls))
            db.session.add(cls(token_hash=_hash(token)))
        return token

    @classmethod
    def is_open(cls, token: str) -> bool:
        lives = cls.created_at > now() - LIFETIME_SECONDS
        known = db.session.scalar(select(cls.id).where(cls.token_hash == _hash(token), lives))
        return known is not None and not Member.is_anyone()

    @classmethod
    def finish(cls, token: str, *, email: str, name: str, password: str) -> Member | None:
        """Make the first member with the token, which is then used up. None if it was. Raises ValueError."""
        with transaction():
            if not cls.is_open(token):
                return None
            member = Member.build(email=email, name=name, password=password, role=Role.ADMIN)
            db.session.execute(delete(cls))
        return member


def first_address(app: Flask) -> str | None:
    """The address of the one-time page while there are no members, else None."""
    with app.app_context():
        if Member.is_anyone():
            return None
        return f"{current_app.config['SETTINGS'].address}/setup/{Setup.open()}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
