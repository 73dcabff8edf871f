"""F03 to F06: a worker is killed at each point of a summary's life."""

import threading

import pytest

from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import SUMMARY, Script

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("place", "most_calls"),
    [
        pytest.param("after the claim", 1, marks=pytest.mark.fault("F03", "A worker is killed between its claim and the call")),
        pytest.param("while words come", 2, marks=pytest.mark.fault("F04", "A worker is killed while words come")),
        pytest.param("before the finish", 2, marks=pytest.mark.fault("F05", "A worker is killed with the whole answer, before it is stored")),
        pytest.param("before the cache", 1, marks=pytest.mark.fault("F06", "A worker is killed after the commit, before the cache is filled")),
        pytest.param("after the finish", 1, marks=pytest.mark.fault("F06", "A worker is killed after the commit, before anybody is told")),
    ],
)  # fmt: skip
def test_worker_killed_on_its_way(house: House, outcome: Outcome, place: str, most_calls: int) -> None:
    calls = house.model.calls
    house.failpoints.lay(place, "kill", process="worker")
    document_id = house.save()
    outcome.struck(house.until_shot())
    pages = house.alice.pages_until(document_id, "complete")
    outcome.recovered(
        "taken over once the lease has ended" if most_calls > 1 else "complete, nothing is paid twice"
    )
    assert house.model.calls - calls <= most_calls
    (summary,) = house.summaries(document_id)
    assert summary.text == SUMMARY
    assert summary.crashes <= 1
    assert all(LAST_SENTENCE in page for page in pages if 'data-status="complete"' in page)


@pytest.mark.fault("F06", "A worker is killed before it acknowledges its hint")
def test_worker_killed_before_it_acknowledges_its_hint(house: House, outcome: Outcome) -> None:
    is_laid = threading.Event()
    house.model.script(Script.held(is_laid.is_set))
    calls, document_id = house.model.calls, house.save()
    (summary,) = house.summaries(document_id)
    house.failpoints.lay("before the ack", "kill", summary=summary.id)
    is_laid.set()
    outcome.struck(house.until_shot())
    house.until_complete(document_id)
    house.until_whole()
    outcome.recovered("the hint comes again, and finds nothing to do")
    assert house.model.calls - calls == 1
