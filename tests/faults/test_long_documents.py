"""Processes die while a long document is read: what was paid for is kept, and the reading goes on where it was."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.support.long_texts import CONTEXT, NoteTaker, paragraphs
from tests.support.model_server import SUMMARY, ModelServer
from tests.support.precis import Account, Precis, until
from tests.support.visitor import Visitor

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]
CONCURRENCY = 2  # and so many parts may be under way when a worker dies: one lane, one free slot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def precis(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    environ = {
        "OPENAI_BASE_URL": server.base_url,
        "PRECIS_MODEL": "scripted",
        "PRECIS_LLM_CONCURRENCY": str(CONCURRENCY),
        **CONTEXT,
    }
    with Precis(tmp_path_factory.mktemp("precis"), environ) as running:
        running.add_member("Alice", "admin")
        yield running


@pytest.fixture
def model(server: ModelServer) -> NoteTaker:
    taker = NoteTaker(delay=0.05)
    server.script(taker)
    return taker


@pytest.fixture
def alice(precis: Precis, model: NoteTaker) -> Iterator[Visitor]:
    until(lambda: precis.status("/readyz") == 200, "everything is there again")
    visitor = Visitor(precis.address, Account("Alice", "alice@example.org"))
    yield visitor
    visitor.close()


def book(seed: int) -> str:
    return "\n\n".join(paragraphs(60, seed))


def nodes(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "precis.sqlite3", timeout=10)) as connection:
        return int(connection.execute("SELECT count(*) FROM nodes").fetchone()[0])


def has_read(model: NoteTaker, count: int) -> bool:
    return len(model.parts) > count


def test_worker_killed_in_the_middle_pays_for_no_part_again(
    precis: Precis, model: NoteTaker, alice: Visitor
) -> None:
    before = nodes(precis.folder)
    document_id = alice.save("A book", book(1))
    for count in (8, 16):
        until(partial(has_read, model, count), f"{count} parts are read")
        precis.kill("warm", "interactive")
    page = alice.pages_until(document_id, "complete")[-1]
    assert LAST_SENTENCE in page
    assert re.search(r"from the whole text, read in \d+ sections", page)
    assert model.paid_twice <= 2 * CONCURRENCY
    assert len(model.parts) - model.paid_twice == nodes(precis.folder) - before


def test_worker_frozen_longer_than_its_lease_loses_it(
    precis: Precis, model: NoteTaker, alice: Visitor
) -> None:
    document_id = alice.save("Another book", book(2))
    until(lambda: len(model.parts) > 8, "some parts are read")
    with precis.frozen("interactive", "warm"):
        until(lambda: alice.status(document_id) == "pending", "the lease has ended")
    assert LAST_SENTENCE in alice.pages_until(document_id, "complete")[-1]


def test_model_server_that_is_away_for_a_while_costs_nothing_that_was_paid(
    precis: Precis, server: ModelServer, model: NoteTaker, alice: Visitor
) -> None:
    document_id = alice.save("A third book", book(3))
    until(lambda: len(model.parts) > 8, "some parts are read")
    server.refuse()
    until(lambda: "does not answer" in alice.page(document_id), "the page says why it waits")
    server.open()
    assert LAST_SENTENCE in alice.pages_until(document_id, "complete")[-1]
    assert model.paid_twice <= 2 * CONCURRENCY


def test_edit_in_the_middle_of_a_long_document_pays_for_the_edit(
    precis: Precis, model: NoteTaker, alice: Visitor
) -> None:
    document_id = alice.save("A fourth book", book(4))
    alice.pages_until(document_id, "complete")
    first = len(model.parts)
    model.forget()
    edited = paragraphs(60, 4)
    edited[30] = paragraphs(1, 99)[0]
    alice.edit(document_id, "A fourth book", "\n\n".join(edited))
    alice.pages_until(document_id, "complete")
    assert 1 <= len(model.leaves) <= 3
    assert len(model.parts) < first / 2
