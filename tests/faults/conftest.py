"""Each row of the fault matrix runs on SQLite and on PostgreSQL. After it, all promises must hold."""

from collections.abc import Iterator

import pytest

from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import ModelServer, Script
from tests.support.postgresql import Postgresql
from tests.support.precis import until


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    with Postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def scripted() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def running(
    request: pytest.FixtureRequest, scripted: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    is_sqlite = request.param == "sqlite"
    url = "" if is_sqlite else request.getfixturevalue("postgresql").new_database()
    with House(tmp_path_factory.mktemp("precis"), scripted, url=url, has_line=True) as house:
        yield house


@pytest.fixture
def house(running: House) -> Iterator[House]:
    """The house of all rows, whole and with nothing to do; and with all promises kept after the test."""
    running.failpoints.clear()
    running.model.script(Script.words())
    running.until_whole()
    until(lambda: not running.unfinished, "nothing is left of the row before")
    yield running
    running.failpoints.clear()
    assert running.violations() == []


@pytest.fixture
def outcome(request: pytest.FixtureRequest, house: House) -> Iterator[Outcome]:
    """What the test tells of its row, which `@pytest.mark.fault("F03", "…")` names."""
    mark = request.node.get_closest_marker("fault")
    assert mark, "Say which row of the matrix it is."
    row, fault = mark.args
    outcome = Outcome(row, fault, house.database)
    calls, completed = house.model.calls, house.completed
    yield outcome
    assert outcome.what, "Say what happened."
    outcome.count(house.model.calls - calls, house.completed - completed)
    outcome.report()
