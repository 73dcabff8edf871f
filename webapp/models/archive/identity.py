"""Who and what an archive means here: members by their addresses, documents by their old ids where these are free."""

from typing import Any

from sqlalchemy import select, text

from webapp.extensions import db
from webapp.models.member import Member

HIGHEST = 1_000_000_000  # half of what PostgreSQL's column takes: an archive must not use up the ids


def free_id(wanted: int) -> int | None:
    """The wanted id if none as high was ever given, else None: the next one. Inside the transaction that uses it.

    In an empty library each document so keeps its address, and ids go on after the highest.
    """
    if not _highest() < wanted <= HIGHEST:
        return None
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SELECT setval('documents_id_seq', :id)"), {"id": wanted})
    return wanted


def _highest() -> int:
    """The highest id that was ever given, be its document still there or not."""
    if db.engine.dialect.name == "postgresql":
        last = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM documents_id_seq"
    else:
        last = "SELECT seq FROM sqlite_sequence WHERE name = 'documents'"
    return db.session.scalar(text(last)) or 0


def author_id(given: Any) -> int | None:
    """The member with the address that is told as the author's. None is a former one."""
    email = given.get("author")
    found = select(Member.id).where(Member.email == email)
    return db.session.scalar(found) if isinstance(email, str) else None
