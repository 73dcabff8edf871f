"""What must hold on SQLite and on PostgreSQL alike."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import create_engine, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from tests.conftest import ARTICLE, add_member
from tests.support.model_server import ModelServer
from tests.support.postgresql import Postgresql
from tests.support.worker import work
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db, now, to_write, transaction
from webapp.models import (
    Document,
    Lane,
    ModelLimits,
    Node,
    NodeUse,
    Prompt,
    Reads,
    Rewarming,
    RewarmingItem,
    Role,
    Status,
    Summary,
    TryOut,
    tasks,
)
from webapp.models.area import look
from webapp.models.invariants import violations
from webapp.models.making import Choice
from webapp.models.node import Shelf
from webapp.models.prompt import StalePrompt
from webapp.models.rewarming import Busy
from webapp.processes.migrating import declare
from webapp.summarizing.engine import Style
from webapp.summarizing.tokens import Budget, Calibration


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Postgresql]:
    with Postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """The application on an empty database that the migrations made."""
    environ = {"PRECIS_DATA": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "x"}
    if request.param == "postgresql":
        environ["DATABASE_URL"] = request.getfixturevalue("postgresql").new_database()
    app = create_app(Settings.load(environ))
    declare(app)
    with app.app_context():
        flask_migrate.upgrade()
        yield app
        db.session.remove()
        db.engine.dispose()


def test_migrations_make_what_the_models_say(app: Flask) -> None:
    with db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []


def test_migrations_can_be_run_again(app: Flask) -> None:
    flask_migrate.upgrade()


def test_summaries_outlive_the_upgrade_of_a_library(app: Flask) -> None:
    """A library of the first release: what it has paid for is still current, and what waits is still done."""
    alice = add_member("Alice", Role.ADMIN)
    finished = alice.documents.add(title="t", text=f"{ARTICLE} One.")
    work()
    waiting = alice.documents.add(title="t", text=f"{ARTICLE} Two.")
    summaries = [tuple(row) for row in db.session.execute(select(Summary.id, Summary.recipe_hash))]
    db.session.remove()
    flask_migrate.downgrade(revision="0001")
    flask_migrate.upgrade()
    found = db.session.execute(select(Summary.id, Summary.base_hash))
    assert [tuple(row) for row in found] == summaries
    assert look(db.session.get_one(Document, finished.id)).state == "complete"
    assert db.session.get_one(Document, waiting.id).summary_status == Status.PENDING
    work()
    assert look(db.session.get_one(Document, waiting.id)).state == "complete"
    assert db.session.scalar(select(func.count(Summary.id))) == 2


def test_clock_of_the_database_counts_seconds_since_1970(app: Flask) -> None:
    import time

    assert abs((db.session.scalar(select(now())) or 0) - time.time()) < 60


def test_whole_life(app: Flask) -> None:
    alice = add_member("Alice", Role.ADMIN)
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    document = alice.documents.get_or_404(document.id)
    assert look(document).state == "complete"
    document.revise(alice, title="t", text=ARTICLE + " More.")
    work()
    assert [row.summary for row in alice.documents.page(1).rows if row.excerpt]
    assert violations() == []
    alice.documents.get_or_404(document.id).remove()
    assert db.session.scalar(select(func.count(Summary.id))) == 0


def test_prompts_are_saved_once_and_tried_ones_are_no_summaries_of_the_document(
    app: Flask, model_server: ModelServer
) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], openai_base_url_given=model_server.base_url)
    alice = add_member("Alice", Role.ADMIN)
    assert Prompt.save(alice, Style.KEY_POINTS, "Say it in one line of verse.", edition=0)
    with pytest.raises(StalePrompt):
        Prompt.save(alice, Style.KEY_POINTS, "Say it in two lines of verse.", edition=0)
    assert tasks.tasks().current == {Style.KEY_POINTS: "Say it in one line of verse."}
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    trial = TryOut.begin(
        alice, document, Style.KEY_POINTS, "Say it with a smile, and in one line.", edition=1
    )
    work()
    usual = db.session.get_one(Document, document.id, populate_existing=True).summary_id
    newest = Summary.newest(document.id, document.content_hash)
    assert newest and newest.id == usual != trial.summary_id
    with transaction():
        db.session.execute(update(TryOut).values(created_at=0.0))
    TryOut.sweep()
    assert db.session.scalars(select(Summary.id)).all() == [usual]
    assert violations() == []


def test_notes_on_parts_are_kept_shared_and_forgotten(app: Flask) -> None:
    alice = add_member("Alice", Role.ADMIN)
    one, other = (alice.documents.add(title=title, text=ARTICLE) for title in ("One", "Other"))
    first, second = (Summary.claim(document.summary_id or 0) for document in (one, other))
    assert first and second
    for _ in range(2):
        Shelf(first).put("a" * 64, "- Shared.", 7, 3)
    Shelf(first).put("b" * 64, "- Of one.", 7, 3)
    assert Shelf(second).get(["a" * 64, "c" * 64]) == {"a" * 64: "- Shared."}
    Node.sweep()
    one.remove()
    assert db.session.scalars(select(Node.notes)).all() == ["- Shared."]
    other.remove()
    assert db.session.scalars(select(Node.notes)).all() == db.session.scalars(select(NodeUse.key)).all() == []


def test_what_a_server_tells_of_its_context_is_remembered(app: Flask) -> None:
    budget = Budget(calibration=Calibration(1.5))
    for context_tokens in (8_192, 4_096):
        ModelLimits.learn(replace(budget, context_tokens=context_tokens))
    assert ModelLimits.known(Budget()) == replace(budget, context_tokens=4_096)


def test_one_of_many_claims_wins(app: Flask) -> None:
    document_id = add_member("Alice", Role.ADMIN).documents.add(title="t", text=ARTICLE).id
    summary_id = db.session.get_one(Document, document_id).summary_id
    claims = together(app, 12, lambda: Summary.claim(summary_id or 0))
    assert len([claim for claim in claims if claim]) == 1


def test_many_first_views_ask_once(app: Flask) -> None:
    document_id = add_member("Alice", Role.ADMIN).documents.add(title="t", text=ARTICLE).id
    with transaction():
        db.session.execute(db.delete(Summary))
        db.session.execute(db.update(Document).values(summary_id=None, summary_status=None))
    together(app, 12, lambda: db.session.get_one(Document, document_id).summarize_later())
    assert db.session.scalars(select(Summary.status)).all() == [Status.PENDING]


def test_library_is_made_anew_the_most_read_first_by_one_of_many_who_ask(app: Flask) -> None:
    alice = add_member("Alice", Role.ADMIN)
    ids = [alice.documents.add(title="t", text=f"{ARTICLE} {number}.").id for number in range(3)]
    work()
    for _ in range(2):
        Reads.add({ids[0]: 2, ids[2]: 1, 999: 1})
    assert dict(db.session.execute(select(Reads.document_id, Reads.number)).all()) == {ids[0]: 4, ids[2]: 2}
    with transaction():
        db.session.execute(db.update(Summary).values(recipe_hash="o" * 64, base_hash="o" * 64))
    started = together(app, 8, began)
    assert sorted(map(str, started)) == ["False"] * 7 + ["True"]
    places = select(RewarmingItem.document_id).order_by(RewarmingItem.place)
    assert list(db.session.scalars(places)) == [ids[0], ids[2], ids[1]]
    together(app, 4, Rewarming.feed_now)
    db.session.commit()
    assert db.session.scalar(select(func.count(Summary.id))) == 6
    alice.documents.get_or_404(ids[1]).remove()
    work()
    Rewarming.feed_now()
    (over,) = Rewarming.past()
    assert (over.state, over.chosen, over.done, over.failed, over.left) == ("finished", 3, 2, 0, 0)
    assert violations() == []


def began() -> bool:
    try:
        return Rewarming.start(Choice(), "Alice").id > 0
    except Busy:
        return False


def test_page_opens_while_another_process_writes_to_its_document(app: Flask) -> None:
    alice = add_member("Alice", Role.ADMIN)
    document = alice.documents.get_or_404(alice.documents.add(title="t", text=ARTICLE).id)
    with locked(document.id):
        area = look(document)
        assert (area.state, document.author_name) == ("no-worker", "Alice")
    assert db.session.scalar(select(Summary.lane)) == Lane.WARM
    assert look(document).state == "no-worker"
    assert db.session.scalar(select(Summary.lane)) == Lane.INTERACTIVE


def test_write_that_never_gets_its_turn_says_so(app: Flask) -> None:
    document = add_member("Alice", Role.ADMIN).documents.add(title="t", text=ARTICLE)
    with locked(document.id), pytest.raises(OperationalError):
        document.summarize_later(again=True, patience=0.1)
    document.summarize_later(again=True)


def test_who_is_not_the_first_to_wait_writes_nothing(app: Flask) -> None:
    alice = add_member("Alice", Role.ADMIN)
    document = alice.documents.get_or_404(alice.documents.add(title="t", text=ARTICLE).id)
    with locked(document.id), pytest.raises(OperationalError):
        document.summarize_later(patience=0.1)
    document.summarize_later()
    with locked(document.id):
        document.summarize_later(patience=0.1)
    assert Summary.claim(document.summary_id or 0)
    with locked(document.id):
        document.reread().summarize_later(patience=0.1)
        with pytest.raises(OperationalError):
            document.summarize_later(again=True, patience=0.1)


def test_leases_are_extended_together_and_the_lost_ones_are_named(app: Flask) -> None:
    alice = add_member("Alice", Role.ADMIN)
    documents = [alice.documents.add(title=name, text=f"{ARTICLE} {name}") for name in ("a", "b")]
    kept, edited = (Summary.claim(document.summary_id or 0) for document in documents)
    assert kept
    assert edited
    documents[1].revise(alice, title="b", text=ARTICLE + " Edited.")
    assert Summary.renew_all([kept, edited]) == {edited}
    assert Summary.renew(kept)


@contextmanager
def locked(document_id: int) -> Iterator[None]:
    """Another process is in the middle of a write to this document and its summary: on SQLite, nobody else can write at all."""
    with db.engine.connect().execution_options(**to_write()) as connection:
        connection.execute(select(Document.id).where(Document.id == document_id).with_for_update())
        connection.execute(select(Summary.id).where(Summary.document_id == document_id).with_for_update())
        yield


def test_connections_of_a_process_have_a_bound_that_leaves_room_for_the_others(app: Flask) -> None:
    """PostgreSQL, as it comes, lets 100 in: two web processes, two of workers and the sweeper have to share them."""
    most = 20 if db.engine.dialect.name == "postgresql" else 120
    db.session.remove()
    pool = create_engine(db.engine.url, **app.config["SQLALCHEMY_ENGINE_OPTIONS"], pool_timeout=0.01)
    with ExitStack() as held:
        for _ in range(most):
            held.enter_context(pool.connect())
        with pytest.raises(NoConnectionLeft):
            pool.connect()
    pool.dispose()


def test_deleting_a_member_keeps_the_documents(app: Flask) -> None:
    alice = add_member("Alice", Role.ADMIN)
    alice.documents.add(title="t", text=ARTICLE)
    with transaction():
        db.session.execute(text("DELETE FROM members"))
    assert db.session.scalars(select(Document.author_id)).all() == [None]


def together(app: Flask, number: int, do: Callable[[], object]) -> list[object]:
    """Do it in so many threads at once. Returns what each returned."""
    results: list[object] = []

    def run() -> None:
        with app.app_context():
            results.append(do())

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == number
    return results
