"""Members of the team, and their sign-ins, which live on the server so that they can be ended."""

import functools
import hashlib
import secrets
import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, Double, ForeignKey, Select, String, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base, Prepared, current_settings, db, now, transaction
from webapp.models import tasks

if TYPE_CHECKING:
    from webapp.models.imports_page import Imports
    from webapp.models.library import Library

PASSWORD_CHARACTERS = (8, 256)
ASKED_AT_ONCE = 500
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's floor for argon2id
_hashing = threading.BoundedSemaphore(8)  # 19 MiB each: a burst of sign-ins must not take the memory
_nobodys_hash = _hasher.hash(secrets.token_hex())


class Role(StrEnum):
    ADMIN = "admin"
    EDITOR = "editor"
    READER = "reader"


class Member(Base):
    """A person of the team."""

    __tablename__ = "members"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[float] = mapped_column(Double, default=now())

    @classmethod
    def add(cls, *, email: str, name: str, password: str, role: str) -> "Member":
        """Make a member. Raises ValueError with a sentence that says what to change."""
        with transaction():
            return cls.build(email=email, name=name, password=password, role=role)

    @classmethod
    def build(cls, *, email: str, name: str, password: str, role: str) -> "Member":
        """Make a member in the transaction that is open. Raises ValueError like `add`."""
        email = email.strip().lower()
        if "@" not in email.strip("@") or len(email) > 254 or any(c.isspace() for c in email):
            raise ValueError("Give an e-mail address, such as ada@example.org.")
        _check_password(password)
        member = cls(
            email=email,
            name=name.strip()[:120] or email.partition("@")[0],
            password_hash=_hash(password),
            role=Role(role),
        )
        db.session.add(member)
        try:
            db.session.flush()
        except IntegrityError:
            raise ValueError(f"There is a member with the address {email} already.") from None
        return member

    @classmethod
    def with_password(cls, email: str, password: str) -> "Member | None":
        """The member that these belong to. Takes as long whether or not there is one."""
        member = db.session.scalar(select(cls).where(cls.email == email.strip().lower()))
        kept = member.password_hash if member else _nobodys_hash
        try:
            with _hashing:
                _hasher.verify(kept, password[: PASSWORD_CHARACTERS[1]])
        except (VerificationError, InvalidHashError):
            return None
        if member and _hasher.check_needs_rehash(kept):
            with transaction():
                db.session.execute(
                    update(cls).where(cls.id == member.id).values(password_hash=_hash(password))
                )
        return member

    @classmethod
    def with_email(cls, email: str) -> "Member | None":
        return db.session.scalar(select(cls).where(cls.email == email.strip().lower()))

    @classmethod
    def first_admin(cls) -> "Member | None":
        return db.session.scalar(select(cls).where(cls.role == Role.ADMIN).order_by(cls.id).limit(1))

    @classmethod
    def is_anyone(cls) -> bool:
        return db.session.scalar(select(cls.id).limit(1)) is not None

    @property
    def can_edit(self) -> bool:
        return self.role in (Role.ADMIN, Role.EDITOR)

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def documents(self) -> "Library":
        """The documents that this member may see: load them from here, and nowhere else."""
        from webapp.models.library import Library

        return Library(self)

    @property
    def imports(self) -> "Imports":
        """What this member brought in, and nobody else sees."""
        from webapp.models.imports_page import Imports

        return Imports(self)

    def sign_in(self) -> str:
        """Begin a sign-in. Returns its token, of which only a hash is kept."""
        token = secrets.token_urlsafe(32)
        with transaction():
            db.session.add(SignIn(member_id=self.id, token_hash=token_hash(token)))
        return token


class SignIn(Base):
    """One sign-in of a member in one browser, until it is ended or too old."""

    __tablename__ = "sign_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[float] = mapped_column(Double, default=now())
    member: Mapped[Member] = relationship(lazy="joined")

    @classmethod
    def member_of(cls, token: str | None) -> Member | None:
        """Who is signed in with this token, if its sign-in still stands."""
        if not token:
            return None
        found = db.session.execute(cls._standing(), cls._given(token)).one_or_none()
        if found is None:
            return None
        member: Member = found[0]
        tasks.note(found[1])
        return member

    @classmethod
    @functools.cache
    def _standing(cls) -> Select[Member, int]:
        """Asked at each request, and so built once."""
        found = select(Member, tasks.number()).join(cls, cls.member_id == Member.id)
        return found.where(*cls._is_standing())

    @classmethod
    def stands(cls, token: str | None) -> bool:
        """Whether the sign-in with this token does. Asked again and again for each open page, and so without the ORM."""
        if not token:
            return False
        return cls._stands().run(**cls._given(token)).first() is not None

    @classmethod
    @functools.cache
    def _stands(cls) -> Prepared:
        return Prepared(select(cls.member_id).where(*cls._is_standing()))

    @classmethod
    def standing(cls, tokens: Iterable[str]) -> set[str]:
        """Those of many tokens whose sign-in stands."""
        tokens = {token_hash(token): token for token in tokens}
        hashes = list(tokens)
        found: set[str] = set()
        for start in range(0, len(hashes), ASKED_AT_ONCE):
            some = cls.token_hash.in_(hashes[start : start + ASKED_AT_ONCE])
            given = {"lifetime": _lifetime_seconds()}
            found.update(db.session.scalars(select(cls.token_hash).where(some, cls.is_young()), given))
        return {tokens[each] for each in found}

    @classmethod
    def _is_standing(cls) -> tuple[ColumnElement[bool], ...]:
        """What holds of a sign-in that stands. Its parameters are in `_given`."""
        return cls.token_hash == bindparam("hash"), cls.is_young()

    @classmethod
    def is_young(cls) -> ColumnElement[bool]:
        """Whether it is not too old, by the parameter `lifetime`, in seconds."""
        return cls.created_at > now() - bindparam("lifetime", type_=Double())

    @classmethod
    def _given(cls, token: str) -> dict[str, str | float]:
        return {"hash": token_hash(token), "lifetime": _lifetime_seconds()}

    @classmethod
    def end(cls, token: str | None) -> None:
        """End the sign-in; its open event streams end within seconds."""
        if token:
            with transaction():
                db.session.execute(delete(cls).where(cls.token_hash == token_hash(token)))


def _check_password(password: str) -> None:
    low, high = PASSWORD_CHARACTERS
    if len(password) < low:
        raise ValueError(
            f"Choose a password of at least {low} characters; a few words in a row are easy to keep."
        )
    if len(password) > high:
        raise ValueError(f"Choose a password of at most {high} characters.")


def _hash(password: str) -> str:
    with _hashing:
        return _hasher.hash(password)


def _lifetime_seconds() -> float:
    return current_settings().session_days * 86_400.0


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
