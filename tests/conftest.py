"""Three people, a real Valkey, a real SQLite, and a worker that runs when it is told to."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support.model_server import ModelServer
from tests.support.valkey import Valkey
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db, transaction
from webapp.models import Document, Lane, Member, Presence, Role
from webapp.models.invariants import violations
from webapp.processes.migrating import declare

PASSWORD = "correct horse battery"
ARTICLE = (Path(__file__).parent / "support" / "article.txt").read_text()

MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def make_app(tmp_path: Path, valkey: Valkey) -> Iterator[MakeApp]:
    """Make an application on an empty database; its keywords are environment variables."""
    contexts, apps = [], []
    valkey.flush()

    def make(**environ: str) -> Flask:
        given = {"PRECIS_DATA": str(tmp_path), "REDIS_URL": valkey.url, "SECRET_KEY": "for tests only"}
        if database := os.environ.get("PRECIS_TEST_DATABASE_URL"):
            given["DATABASE_URL"] = database
        app = create_app(Settings.load({**given, **environ}))
        declare(app)
        apps.append(app)
        contexts.append(app.app_context())
        contexts[-1].push()
        if database and len(apps) == 1:
            db.drop_all()
        db.create_all()
        return app

    yield make
    for app in apps:
        app.extensions["hub"].drain()
        if "reads" in app.extensions:
            app.extensions["reads"].close()
    while contexts:
        db.session.remove()
        db.engine.dispose()
        contexts.pop().pop()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """The application with the embedded engine."""
    return make_app()


@pytest.fixture
def llm_app(make_app: MakeApp, model_server: ModelServer) -> Flask:
    """The application with the scripted model server, and no waits."""
    return make_app(**llm_environ(model_server))


@pytest.fixture
def staffed_app(llm_app: Flask) -> Flask:
    """The same, and a worker lives on each lane."""
    staff()
    return llm_app


@pytest.fixture
def promises(app: Flask) -> Iterator[None]:
    """All promises hold at the end of the test."""
    yield
    assert violations() == []


def staff() -> None:
    """Tell the application that a worker lives on each lane."""
    with transaction():
        for lane in Lane:
            db.session.add(Presence(token=lane, lane=lane, pid=1, seen_at=4e9))


def fresh(document: Document) -> Document:
    """The same as it is in the database by now."""
    db.session.commit()
    return db.session.get_one(Document, document.id, populate_existing=True)


def llm_environ(model_server: ModelServer) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": model_server.base_url,
        "OPENAI_API_KEY": "sk-test-canary",
        "PRECIS_MODEL": "scripted",
        "PRECIS_RETRY_SECONDS": "0.01",
        "PRECIS_SETTLE_SECONDS": "0",
        "PRECIS_PROBE_SECONDS": "0.1",
        "PRECIS_LEASE_SECONDS": "3",
    }


def add_member(name: str, role: str) -> Member:
    return Member.add(email=f"{name.lower()}@example.org", name=name, password=PASSWORD, role=role)


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.ADMIN)
