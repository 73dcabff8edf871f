"""F23 to F26 and F29: the model server is away, busy, out of money, broken or silent."""

import signal
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import SUMMARY, Script
from tests.support.precis import until
from webapp.models import Status

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]
MOST_ATTEMPTS = 4  # as the settings come
IMPATIENT = {
    "PRECIS_FIRST_WORD_SECONDS": "2",
    "PRECIS_SILENCE_SECONDS": "2",
    "PRECIS_ATTEMPT_SECONDS": "3",
}

pytestmark = pytest.mark.slow


@pytest.mark.fault("F23", "The model server refuses connections")
def test_model_server_that_is_away(house: House, outcome: Outcome) -> None:
    with house.without_model():
        ids = [house.save() for _ in range(8)]
        until(lambda: "does not answer" in house.alice.page(ids[0]), "the page says why it waits")
    outcome.struck()
    house.until_complete(*ids)
    outcome.recovered("all wait, and the pages say so; no try is counted")
    assert {row.attempts for each in ids for row in house.summaries(each)} == {1}


@pytest.mark.fault("F24", "429 with Retry-After: in seconds, as a date, and as nonsense")
def test_server_that_says_when_to_come_again(house: House, outcome: Outcome) -> None:
    first = len(house.model.requests)
    date = datetime.now(UTC) + timedelta(seconds=4)
    waits = ("2", format_datetime(date, usegmt=True), "after lunch")
    house.model.script([*(Script.status(429, retry_after=wait) for wait in waits), Script.words()])
    outcome.struck()
    document_id = house.save()
    house.until_complete(document_id)
    outcome.recovered("nobody asks before the time that it gave; no try is counted")
    asked = [request.at for request in house.model.requests[first:]]
    assert len(asked) == len(waits) + 1
    assert asked[1] - asked[0] >= 2.0
    assert asked[2] - asked[0] >= 2.5  # a date has whole seconds
    assert house.summaries(document_id)[0].attempts == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script.out_of_quota(), marks=pytest.mark.fault("F25", "The account is empty")),
        pytest.param(
            Script.error(401, "invalid_api_key"), marks=pytest.mark.fault("F25", "The key is rejected")
        ),
    ],
    ids=["quota", "key"],
)
def test_wrong_setting_stops_everybody(house: House, outcome: Outcome, script: Script) -> None:
    house.model.script(script)
    ids = [house.save() for _ in range(6)]
    until(lambda: "An admin must" in house.alice.page(ids[0]), "the page tells what to mend")
    assert {row.attempts for each in ids for row in house.summaries(each)} <= {0, 1}
    assert {house.status(each) for each in ids} <= {Status.PENDING, Status.PROCESSING}
    house.model.script(Script.words())
    outcome.struck()
    house.until_complete(*ids)
    outcome.recovered(
        "one call, then a probe now and then; no try is counted, and the pages tell what to mend"
    )
    assert {row.attempts for each in ids for row in house.summaries(each)} == {1}


@pytest.mark.fault("F26", "500, twice")
def test_error_that_passes(house: House, outcome: Outcome) -> None:
    calls = house.model.calls
    house.model.script([Script.status(500), Script.status(500), Script.words()])
    outcome.struck()
    document_id = house.save()
    house.until_complete(document_id)
    outcome.recovered("complete at the third try")
    assert house.model.calls - calls == 3


@pytest.mark.fault("F26", "500, always")
def test_error_that_stays(house: House, outcome: Outcome) -> None:
    calls = house.model.calls
    house.model.script(Script.status(500))
    outcome.struck()
    document_id = house.save()
    house.until_status(document_id, Status.FAILED)
    outcome.recovered(f"failed after {MOST_ATTEMPTS} tries, with a reason and a button that works")
    assert house.model.calls - calls == MOST_ATTEMPTS
    house.model.script(Script.words())
    house.alice.click(document_id)
    assert LAST_SENTENCE in house.alice.pages_until(document_id, "complete")[-1]


@pytest.mark.fault("F29", "No headers, then silence after some words, then one byte now and then for ever")
def test_server_that_falls_silent(house: House, outcome: Outcome) -> None:
    """By a worker that has little patience, with the usual ones asleep."""
    calls = house.model.calls
    house.model.script([Script.silent(), Script.stall(3), Script.drip(0.2), Script.words()])
    with house.precis.frozen("warm", "interactive"):
        worker = house.precis.run("worker", "--lane", "warm", **IMPATIENT)
        outcome.struck()
        document_id = house.save()
        house.until_complete(document_id)
        outcome.recovered("given up at its deadline each time, and complete at the fourth try")
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
    assert house.model.calls - calls == 4
    assert house.model.running == 0
    assert house.summaries(document_id)[0].text == SUMMARY
