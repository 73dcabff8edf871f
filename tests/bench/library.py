"""Something to read: articles of a given length, and a library that is full before anybody opens it."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from flask import Flask

from tests.support.model_server import SUMMARY
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db, now, transaction
from webapp.models import Document, Member, Role, Status, Summary
from webapp.models.document import content_hash
from webapp.models.revision import Revision
from webapp.processes.up import migrate

ARTICLE = (Path(__file__).parents[1] / "support" / "article.txt").read_text()
WORDS = 2_000
EMAIL, PASSWORD = "alice@example.org", "correct horse battery"
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


def fill(environ: Mapping[str, str], finished: int, cold: int) -> None:
    """Make the database, a member, `finished` documents with their summary, and `cold` ones that nobody asked for."""
    settings = Settings.load({**environ, "REDIS_URL": NOWHERE})
    app = create_app(settings)
    migrate(app)
    with app.app_context():
        author = Member.add(email=EMAIL, name="Alice", password=PASSWORD, role=Role.ADMIN)
        for batch in _batches(finished):
            with transaction():
                for number in batch:
                    _add(author, number, settings)
        with transaction():
            for number in range(finished, finished + cold):
                _add(author, number, None)
        _let_go(app)


def _batches(total: int) -> Iterator[range]:
    for start in range(0, total, AT_ONCE):
        yield range(start, min(total, start + AT_ONCE))


def _add(author: Member, number: int, settings: Settings | None) -> None:
    """One document; with settings, its summary by their recipe too."""
    text = article(seed=number % 20)
    document = Document(
        title=f"Article {number + 1}", version=1, content_hash=content_hash(text), characters=len(text), author_id=author.id)  # fmt: skip
    db.session.add(document)
    db.session.flush()
    db.session.add(Revision(
        document_id=document.id, version=1, title=document.title, text=text, content_hash=document.content_hash,
        author_id=author.id))  # fmt: skip
    if settings:
        summary = _summary(document, settings)
        db.session.add(summary)
        db.session.flush()
        document.summary_id = document.shown_summary_id = summary.id
        document.summary_status = Status.COMPLETE


def _summary(document: Document, settings: Settings) -> Summary:
    recipe = settings.recipe
    return Summary(
        document_id=document.id, version=1, content_hash=document.content_hash, recipe_hash=recipe.hash, edition=1,
        status=Status.COMPLETE, lane="warm", next_attempt_at=now(), finished_at=now(), engine=recipe.engine,
        model=recipe.model, prompt_version=recipe.prompt_version, format="markdown", text=SUMMARY, finish_reason="stop")  # fmt: skip


def _let_go(app: Flask) -> None:
    db.session.remove()
    db.engine.dispose()
    app.extensions["hub"].drain()
