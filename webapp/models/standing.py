"""Whether a page that was made for somebody may be given again: one question to the database says that what it tells of stands.

The page of a document with a finished summary tells of who is signed in, of the document's row and its author, and of how
many prompts there are. What else it shows hangs on these and never changes under them: a version's text, a finished
summary. Whoever may no longer see it, or is no longer signed in, is not found by the question.
"""

import threading
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Engine, Select, bindparam, select
from sqlalchemy.orm import aliased

from webapp.config import Settings
from webapp.extensions import arranged, first_row
from webapp.models import tasks
from webapp.models.document import Document
from webapp.models.member import Member, SignIn, token_hash

OF_MEMBER = ("id", "email", "name", "role")
OF_DOCUMENT = tuple(column.key for column in Document.__table__.columns)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a page was made from: whose it is, of which document, and the facts as they were."""

    token: str
    document_id: int
    facts: tuple[Any, ...]

    @classmethod
    def of(cls, token: str, member: Member, document: Document) -> "Standing":
        """As they were read for the page that is being made."""
        author = document.author.name if document.author else None
        facts = (
            *(getattr(member, name) for name in OF_MEMBER),
            *(getattr(document, name) for name in OF_DOCUMENT),
        )
        return cls(token_hash(token), document.id, (*facts, author, tasks.tasks().number))


class Question:
    """Asked for each view of a kept page: and so without all that an ORM does."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._lifetime = settings.session_days * 86_400.0
        self._compiled = _statement().compile(engine)
        self._statement = str(self._compiled)
        self._errors: type[Exception] = engine.dialect.loaded_dbapi.Error
        is_sqlite = engine.dialect.name == "sqlite"
        self._first = _OwnLine(engine).first if is_sqlite else partial(first_row, engine)

    def affirms(self, standing: Standing) -> bool:
        """Whether all is as it was. A database that does not answer affirms nothing."""
        given = {"token": standing.token, "document": standing.document_id, "lifetime": self._lifetime}
        try:
            found = self._first(self._statement, arranged(self._compiled, given))
            return bool(found == standing.facts)
        except self._errors:
            return False


class _OwnLine:
    """A connection of its own, for a database in a file: it answers at once, and the pool would take as long again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._connection: Any = None

    def first(self, statement: str, asked: Any) -> Any:
        """The first row."""
        with self._lock:
            connection = self._connection or self._connect()
            self._connection = None  # unless all goes well
            cursor = connection.dbapi_connection.execute(statement, asked)
            found = cursor.fetchone()
            cursor.close()  # and with it what SQLite reads from
            self._connection = connection
        return found

    def _connect(self) -> Any:
        fresh = self._engine.raw_connection()
        fresh.detach()
        return fresh


def _statement() -> Select[Any]:
    author = aliased(Member)
    columns = (
        *(getattr(Member, name) for name in OF_MEMBER),
        *(getattr(Document, name) for name in OF_DOCUMENT),
    )
    return (
        select(*columns, author.name, tasks.number())
        .select_from(SignIn)
        .join(Member, Member.id == SignIn.member_id)
        .join(Document, Document.id == bindparam("document"))
        .outerjoin(author, author.id == Document.author_id)
        .where(SignIn.token_hash == bindparam("token"), SignIn.is_young())
    )
