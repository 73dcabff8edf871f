"""F14 to F19: Redis is away, empty, silent, full or read-only. It holds nothing that anybody would miss."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis, ResponseError

from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import SUMMARY, Request, Script
from tests.support.precis import until
from webapp.models import Status

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]
COPY = re.compile(r"This is copy number (\d+) of it")

pytestmark = pytest.mark.slow


@pytest.mark.fault("F14", "Redis refuses connections while documents are saved and read")
def test_saving_and_reading_without_redis(house: House, outcome: Outcome) -> None:
    ready = house.save()
    house.until_complete(ready)
    with house.without_redis():
        saved = [house.save() for _ in range(3)]
        assert LAST_SENTENCE in house.alice.page(ready)
        assert {house.alice.status(each) for each in saved} == {"pending"}
    outcome.struck()
    house.until_complete(*saved)
    outcome.recovered("saves and pages work; once it is back, the sweeper sends what was not sent")


@pytest.mark.fault("F15", "Redis is killed and comes back empty, with thirty summaries on their way")
def test_redis_killed_and_empty(house: House, outcome: Outcome) -> None:
    failed: set[str] = set()

    def answer(request: Request) -> Script:
        """Every fifth one is in its back-off when it happens."""
        found = COPY.search(request.prompt)
        number = found[1] if found else ""
        is_first = int(number) % 5 == 0 and number not in failed
        failed.add(number)
        return Script.status(500, retry_after="2") if is_first else Script.words(first_word=0.3)

    house.model.script(answer)
    ids = [house.save() for _ in range(30)]
    house.valkey.kill()
    outcome.struck()
    house.valkey.restart(empty=True)
    house.until_complete(*ids)
    outcome.recovered("all are complete; what ran then may have run twice")


@pytest.mark.fault("F16", "Redis is restarted, empty, while a summary waits for its next try")
def test_redis_restarted_during_a_back_off(house: House, outcome: Outcome) -> None:
    first = len(house.model.requests)
    house.model.script([Script.status(500, retry_after="3"), Script.words()])
    document_id = house.save()
    until(lambda: house.summaries(document_id)[0].error_code, "it has failed once")
    outcome.struck()
    house.valkey.restart(empty=True)
    house.until_complete(document_id)
    outcome.recovered("tried again when it was due: the wait is in SQL")
    failed, tried = house.model.requests[first:]
    assert tried.at - failed.at >= 3.0


@pytest.mark.fault("F17", "Redis takes everything and never answers")
def test_redis_that_swallows_everything(house: House, outcome: Outcome) -> None:
    ready = house.save()
    house.until_complete(ready)
    before = threads(house)
    with house.without_redis(is_swallowing=True):
        saved = [house.save() for _ in range(3)]
        assert set(house.alice.together(30, ready)) == {200}
        assert LAST_SENTENCE in house.alice.page(ready)
        assert house.precis.status("/healthz") == 200
        assert threads(house) <= before + 4 * len(house.precis.pids("web"))
    outcome.struck()
    house.until_complete(*saved)
    outcome.recovered("pages answer, after half a second; nothing piles up, and nothing is lost")


@pytest.mark.fault("F18", "Redis is full, and then read-only")
@pytest.mark.parametrize(
    ("order", "reverse"),
    [("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"), ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE")],
    ids=["full", "read-only"],
)
def test_redis_that_takes_no_writes(house: House, outcome: Outcome, order: str, reverse: str) -> None:
    ready = house.save()
    house.until_complete(ready)
    workers = house.precis.pids("warm") + house.precis.pids("interactive")
    with told(house, order, reverse):
        saved = [house.save() for _ in range(3)]
        assert LAST_SENTENCE in house.alice.page(ready)
        assert house.alice.status(saved[0]) == "pending"
    outcome.struck()
    house.until_complete(*saved)
    outcome.recovered("saves and pages work; afterwards all goes on without a restart")
    assert house.precis.pids("warm") + house.precis.pids("interactive") == workers


@pytest.mark.fault("F18", "Redis can't write its disk, and so refuses every change")
def test_redis_whose_disk_takes_nothing(house: House, outcome: Outcome) -> None:
    ready = house.save()
    house.until_complete(ready)
    workers = house.precis.pids("warm") + house.precis.pids("interactive")
    with unsaved(house):
        saved = [house.save() for _ in range(3)]
        assert LAST_SENTENCE in house.alice.page(ready)
        assert house.alice.status(saved[0]) == "pending"
    outcome.struck()
    house.until_complete(*saved)
    outcome.recovered("saves and pages work; once it can write, all goes on without a restart")
    assert house.precis.pids("warm") + house.precis.pids("interactive") == workers


@pytest.mark.fault("F19", "Nothing can be published: nobody is told that a summary is complete")
def test_nobody_can_be_told(house: House, outcome: Outcome) -> None:
    with told(house, "ACL SETUSER default -publish", "ACL SETUSER default +publish"):
        outcome.struck()
        document_id = house.save()
        pages = house.alice.pages_until(document_id, "complete")
        outcome.recovered("complete all the same; the page, which also asks by itself, shows it")
    assert LAST_SENTENCE in pages[-1]
    (summary,) = house.summaries(document_id)
    assert (summary.status, summary.attempts) == (Status.COMPLETE, 1)


@contextmanager
def told(house: House, order: str, reverse: str) -> Iterator[None]:
    """Redis has got an order, and gets the reverse one at the end."""
    with house.valkey.client() as client:
        client.execute_command(*order.split())
        try:
            yield
        finally:
            client.execute_command(*reverse.split())


@contextmanager
def unsaved(house: House) -> Iterator[None]:
    """Redis fails to save what it holds, and says MISCONF to whoever would change it, until it can."""
    in_the_way = house.valkey.folder / "dump.rdb"
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir()
    with house.valkey.client() as client:
        client.config_set("save", "3600 1")
        _save(client, "err")
        with pytest.raises(ResponseError, match="MISCONF"):
            client.set("anything", "else")
        try:
            yield
        finally:
            in_the_way.rmdir()
            _save(client, "ok")
            client.config_set("save", "")


def _save(client: Redis, result: str) -> None:
    client.bgsave()
    until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == result, f"saving is {result}")


def threads(house: House) -> int:
    return sum(process.num_threads() for process in house.precis.processes("web"))
