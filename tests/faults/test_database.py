"""F01, F02 and F20 to F22: the database is locked, restarted or full, or its transaction ends too soon."""

import resource
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx2
import psutil
import pytest

from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import SUMMARY, Script
from tests.support.postgresql import Postgresql
from tests.support.precis import until
from webapp.extensions import BUSY_SECONDS

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]
NOT_STORED = "is not stored yet"  # says the log of a worker that tries again
WEB = "gunicorn"

pytestmark = pytest.mark.slow


@pytest.mark.fault("F01", "The web process is killed after the commit of a save, before its hint is sent")
def test_web_process_killed_between_commit_and_hint(house: House, outcome: Outcome) -> None:
    before = house.titles()
    house.failpoints.lay("before the hint", "kill", process=WEB)
    with suppress(httpx2.TransportError):
        house.save()
    outcome.struck(house.until_shot())
    (document_id,) = house.ids_since(len(before))
    house.until_complete(document_id)
    outcome.recovered("the document is there once, and the sweeper sends the hint")
    assert len(house.summaries(document_id)) == 1


@pytest.mark.fault("F02", "The transaction of a save fails after its summary was asked for")
@pytest.mark.parametrize(("do", "status"), [("error", 500), ("database", 503)])
def test_transaction_that_fails_leaves_nothing(house: House, outcome: Outcome, do: str, status: int) -> None:
    before = house.titles()
    house.failpoints.lay("before the commit", do, process=WEB)
    outcome.struck()
    form = {"csrf_token": house.alice.token, "title": "Nowhere", "text": house.text()}
    answer = house.alice.client.post("/documents", data=form)
    outcome.recovered("no row, no hint, and a page that says so")
    assert answer.status_code == status
    assert house.titles() == before
    assert house.hints() == 0
    house.until_complete(house.save())


@pytest.mark.fault("F20", "Somebody else holds the lock while an answer is to be stored")
def test_answer_is_stored_once_the_lock_is_free(house: House, outcome: Outcome) -> None:
    """The words come while it is held. The sweeper sleeps: the leases of real life are longer than any wait here."""
    is_locked = threading.Event()
    calls = house.model.calls
    ready = house.save()
    house.until_complete(ready)
    house.model.script(Script.held(is_locked.is_set))
    document_id = house.save()
    until(lambda: house.model.running == 1, "the model server has the request")
    with house.precis.frozen("sweep"):
        with house.precis.locked(), ThreadPoolExecutor(1) as pool:
            is_locked.set()
            form = {"csrf_token": house.alice.token, "title": "Late", "text": house.text()}
            late = pool.submit(house.alice.client.post, "/documents", data=form)
            until(late.done, "a save waits for its turn, and then says that it has none", 3 * BUSY_SECONDS)
            assert late.result().status_code == 503
            assert int(late.result().headers["Retry-After"]) > 0
            assert LAST_SENTENCE in house.alice.page(ready)
        outcome.struck()
        house.until_complete(document_id)
    outcome.recovered("pages open, a save says that it is busy, and the answer is stored once it can be")
    assert house.model.calls - calls == 2
    (summary,) = house.summaries(document_id)
    assert (summary.attempts, summary.crashes) == (1, 0)


@pytest.mark.fault("F21", "PostgreSQL is restarted in the middle, without a farewell")
@pytest.mark.parametrize("running", ["postgresql"], indirect=True)
def test_postgresql_restarted(house: House, outcome: Outcome, postgresql: Postgresql) -> None:
    house.model.script(Script.words(first_word=0.5, every=0.02))
    ids = [house.save() for _ in range(6)]
    until(lambda: house.model.running, "some are being written")
    outcome.struck()
    postgresql.restart()
    house.until_complete(*ids)
    outcome.recovered("connections are made anew, and all are complete")


@pytest.mark.fault("F22", "The disk is full while documents and files are saved")
def test_full_disk(house: House, outcome: Outcome) -> None:
    ready = house.save()
    house.until_complete(ready)
    before, kept = house.titles(), originals(house)
    outcome.struck()
    with limited(house, 100_000):
        answer = house.upload("large.txt", b"A line of a file that is too large for the disk.\n" * 10_000)
        assert answer.status_code == 507
        assert "disk" in answer.text
        assert originals(house) == kept
        assert LAST_SENTENCE in house.alice.page(ready)
    house.until_complete(house.save())
    outcome.recovered("a page says so, no half file is left, pages open; it goes on once there is room")
    assert len(house.titles()) == len(before) + 1


@pytest.mark.fault("F22", "The database is full while an answer is to be stored")
def test_full_database(house: House, outcome: Outcome) -> None:
    """The words come when it is full. The sweeper sleeps, as with the lock above."""
    is_full = threading.Event()
    calls, refused = house.model.calls, house.precis.log.count(NOT_STORED)
    ready = house.save()
    house.until_complete(ready)
    before = house.titles()
    house.model.script(Script.held(is_full.is_set))
    document_id = house.save()
    until(lambda: house.model.running == 1, "the model server has the request")
    with house.precis.frozen("sweep"):
        with house.full():
            is_full.set()
            form = {"csrf_token": house.alice.token, "title": "Large", "text": 100 * house.text()}
            answer = house.alice.client.post("/documents", data=form)
            assert answer.status_code == 507
            assert "disk is full" in answer.text
            assert LAST_SENTENCE in house.alice.page(ready)
            until(lambda: not house.model.running, "the words have come")
            if house.database == "PostgreSQL":  # SQLite may have room for an answer in a page that it has
                until(lambda: house.precis.log.count(NOT_STORED) > refused, "the answer has no room")
        outcome.struck()
        house.until_complete(document_id)
    outcome.recovered("a page says so, pages open, and the answer is stored once there is room")
    assert house.model.calls - calls == 2
    (summary,) = house.summaries(document_id)
    assert (summary.attempts, summary.crashes) == (1, 0)
    house.until_complete(house.save())
    assert len(house.titles()) == len(before) + 2


@contextmanager
def limited(house: House, size: int) -> Iterator[None]:
    """No process of the site may write a file beyond this size: to it, the disk is full there."""
    processes = house.precis.processes("web")
    for process in processes:
        _limit(process, size)
    try:
        yield
    finally:
        for process in processes:
            _limit(process, resource.RLIM_INFINITY)


def _limit(process: psutil.Process, size: int) -> None:
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (size, hard))


def originals(house: House) -> list[str]:
    folder = house.precis.folder / "originals"
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())
