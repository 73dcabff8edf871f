"""Something to read: articles of a given length, and a library that is full before anybody opens it."""

import random
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from flask import Flask

from tests.support.model_server import SUMMARY
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db, now, transaction
from webapp.models import Document, Member, Role, Status, Summary
from webapp.models.document import content_hash
from webapp.models.revision import Revision
from webapp.processes.migrating import migrate

ARTICLE = (Path(__file__).parents[1] / "support" / "article.txt").read_text()
WORDS = 2_000
EMAIL, PASSWORD = "alice@example.org", "correct horse battery"
DAY_SECONDS = 86_400.0
AT_ONCE = 500  # documents in one transaction
NOWHERE = "unix:///nonexistent/valkey.sock"  # what is filled here is told to nobody


def article(words: int = WORDS, *, seed: int = 0) -> str:
    """A text of about so many words, another one for each seed."""
    chance = random.Random(seed)
    vocabulary = ARTICLE.split()
    paragraphs, count = [], 0
    while count < words:
        sentences = [_sentence(vocabulary, chance) for _ in range(chance.randint(3, 7))]
        paragraphs.append(" ".join(sentences))
        count += len(paragraphs[-1].split())
    return "\n\n".join(paragraphs)


def _sentence(vocabulary: list[str], chance: random.Random) -> str:
    start = chance.randrange(len(vocabulary) - 30)
    words = vocabulary[start : start + chance.randint(10, 28)]
    return " ".join(word.rstrip(".") for word in words).capitalize() + "."


def fill(environ: Mapping[str, str], finished: int, cold: int, waiting: int = 0, words: int = WORDS) -> None:
    """Make the database, a member, `finished` documents with their summary, `cold` ones that nobody asked for, and
    those whose summary waits. All of it was made a day ago.
    """
    settings = Settings.load({**environ, "REDIS_URL": NOWHERE})
    app = create_app(settings)
    migrate(app)
    with app.app_context():
        author = Member.add(email=EMAIL, name="Alice", password=PASSWORD, role=Role.ADMIN)
        for batch in _batches(finished):
            with transaction():
                for number in batch:
                    _add(author, number, words, settings)
        with transaction():
            for number in range(finished, finished + cold):
                _add(author, number, words)
            for number in range(finished + cold, finished + cold + waiting):
                _add(author, number, words, settings, Status.PENDING)
        _let_go(app)


def _batches(total: int) -> Iterator[range]:
    for start in range(0, total, AT_ONCE):
        yield range(start, min(total, start + AT_ONCE))


def _add(
    author: Member,
    number: int,
    words: int,
    settings: Settings | None = None,
    status: Status = Status.COMPLETE,
) -> None:
    """One document; with settings, its summary by their recipe too."""
    text = article(words, seed=number % 20)
    made_at = now() - DAY_SECONDS
    document = Document(
        title=f"Article {number + 1}", version=1, content_hash=content_hash(text), characters=len(text), author_id=author.id,
        created_at=made_at, updated_at=made_at)  # fmt: skip
    db.session.add(document)
    db.session.flush()
    db.session.add(Revision(
        document_id=document.id, version=1, title=document.title, text=text, content_hash=document.content_hash,
        author_id=author.id))  # fmt: skip
    if settings:
        summary = _summary(document, settings, status)
        db.session.add(summary)
        db.session.flush()
        document.summary_id, document.summary_status = summary.id, status
        document.shown_summary_id = summary.id if status == Status.COMPLETE else None


def _summary(document: Document, settings: Settings, status: Status) -> Summary:
    recipe = settings.recipe
    finished = {
        "finished_at": now() - DAY_SECONDS,
        "format": "markdown",
        "text": SUMMARY,
        "finish_reason": "stop",
    }
    return Summary(
        document_id=document.id, version=1, content_hash=document.content_hash, recipe_hash=recipe.hash,
        base_hash=recipe.hash, edition=1, status=status, lane="warm", next_attempt_at=now(), engine=recipe.engine,
        model=recipe.model, prompt_version=recipe.prompt_version, **(finished if status == Status.COMPLETE else {}))  # fmt: skip


def multiply(path: Path, copies: int) -> None:
    """Copy what has a summary until it is there so often, row by row in SQL: a large library in seconds."""
    with closing(sqlite3.connect(path)) as connection, connection:
        of_those = "(SELECT id FROM documents WHERE summary_id IS NOT NULL)"
        (step,) = connection.execute("SELECT max(id) FROM documents").fetchone()
        connection.execute(
            "CREATE TEMP TABLE copies AS SELECT value AS number FROM json_each(?)", [str([*range(1, copies)])]
        )
        for table, owner in (("documents", "id"), ("revisions", "document_id"), ("summaries", "document_id")):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            kept = [column for column in columns if (table, column) != ("revisions", "id")]
            moved = [f"{name} + number * {step}" if _is_moved(name) else name for name in kept]
            connection.execute(
                f"INSERT INTO {table} ({', '.join(kept)}) SELECT {', '.join(moved)} FROM {table}, copies"  # noqa: S608 - our own names
                f" WHERE {table}.{owner} IN {of_those} ORDER BY number, {table}.id"
            )
            if table == "documents":
                of_those = f"(SELECT id FROM documents WHERE summary_id IS NOT NULL AND id <= {step})"  # noqa: S608 - as above


def _is_moved(column: str) -> bool:
    return column in ("id", "document_id", "summary_id", "shown_summary_id")


def _let_go(app: Flask) -> None:
    db.session.remove()
    db.engine.dispose()
    app.extensions["hub"].drain()
