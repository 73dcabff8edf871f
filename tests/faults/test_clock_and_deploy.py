"""F34 and F35: a worker's clock is wrong, two releases run side by side, and a migration is interrupted."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import ModelServer, Script
from tests.support.postgresql import Postgresql
from tests.support.precis import until
from webapp.models import Status

HOUR_SECONDS = 3600

pytestmark = pytest.mark.slow


@pytest.mark.fault("F34", "A worker's clock is an hour fast, and another one's an hour slow")
@pytest.mark.parametrize("seconds", [HOUR_SECONDS, -HOUR_SECONDS], ids=["fast", "slow"])
def test_worker_whose_clock_is_wrong(house: House, outcome: Outcome, seconds: int) -> None:
    house.model.script([Script.status(500), Script.words(first_word=4.0, every=0.01)])
    calls = house.model.calls
    with other_worker(house, PRECIS_TEST_CLOCK=str(seconds)):
        outcome.struck()
        document_id = house.save()
        house.until_complete(document_id)
    outcome.recovered("leases and waits go by the database's clock: nothing is stolen, nothing is stuck")
    (summary,) = house.summaries(document_id)
    assert (summary.attempts, summary.crashes, house.model.calls - calls) == (2, 0, 2)


@pytest.mark.fault("F35", "A newer release has sent hints of kinds that this one does not know")
def test_hints_of_tomorrow(house: House, outcome: Outcome) -> None:
    workers = house.precis.pids("warm")
    outcome.struck()
    for lane in ("warm", "interactive"):
        house.send("of_tomorrow", 1, lane=lane, times=5)
    document_id = house.save()
    house.until_complete(document_id)
    outcome.recovered("the workers drop them, and go on")
    until(lambda: house.hints() == 0, "nothing lies in the lanes")
    assert house.precis.pids("warm") == workers


@pytest.mark.fault(
    "F35", "A worker of the next release, with another model, works beside one of this release"
)
def test_two_releases_side_by_side(house: House, outcome: Outcome) -> None:
    """Each does what was asked for by its own recipe, and leaves the rest to the other."""
    with other_worker(house, PRECIS_MODEL="next", is_alone=False):
        outcome.struck()
        ids = [house.save() for _ in range(5)]
        house.until_complete(*ids)
    outcome.recovered("each summary is made by the release that asked for it, once")
    rows = [row for each in ids for row in house.summaries(each)]
    assert [(row.model, row.status) for row in rows] == [("scripted", Status.COMPLETE)] * len(ids)


@pytest.mark.fault("F35", "The migration of a new library is killed in its middle")
def test_migration_killed_in_its_middle(
    running: House, outcome: Outcome, scripted: ModelServer, tmp_path: Path, postgresql: Postgresql
) -> None:
    url = "" if running.database == "SQLite" else postgresql.new_database()
    house = House(tmp_path / "precis", scripted, url=url)
    house.failpoints.lay("in a migration", "kill", nth=5)
    command = house.precis.run("rewarm", "--status")
    assert command.wait() == -signal.SIGKILL, command.output
    outcome.struck()
    with house:
        outcome.recovered("nothing of it is left, and the next start migrates anew")
        assert house.violations() == []


@pytest.mark.fault("F35", "The migration of a new library fails in its middle")
def test_migration_that_fails_in_its_middle(
    running: House, outcome: Outcome, scripted: ModelServer, tmp_path: Path, postgresql: Postgresql
) -> None:
    url = "" if running.database == "SQLite" else postgresql.new_database()
    house = House(tmp_path / "precis", scripted, url=url)
    house.failpoints.lay("in a migration", "database", nth=5)
    command = house.precis.run("up")
    assert command.wait() == 1, command.output
    assert "is as it was before: a failpoint" in command.output
    assert "Traceback" not in command.output
    house.precis.commands.clear()
    outcome.struck()
    with house:
        outcome.recovered(
            "`precis up` says so and ends; nothing of it is left, and the next start migrates anew"
        )
        assert house.violations() == []


@contextmanager
def other_worker(house: House, *, is_alone: bool = True, **environ: str) -> Iterator[None]:
    """A worker with another environment: instead of the usual ones, which sleep meanwhile, or beside them."""
    with house.precis.frozen("warm", "interactive") if is_alone else nobody():
        worker = house.precis.run("worker", "--lane", "warm", **environ)
        until(lambda: house.is_present(worker.pid), "it works")
        yield
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0


@contextmanager
def nobody() -> Iterator[None]:
    yield
