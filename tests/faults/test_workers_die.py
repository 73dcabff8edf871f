"""F03 to F13: workers are killed, stopped, frozen and told things twice, at each point of a summary's life."""

import signal
import threading

import pytest

from tests.conftest import ARTICLE
from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import SUMMARY, Script
from tests.support.precis import until
from webapp.models import Status
from webapp.models.crashing import MAX_CRASHES

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]
WORKERS = ("warm", "interactive")

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


@pytest.mark.fault("F06", "A worker is killed before it is done with its hint")
def test_worker_killed_before_it_is_done_with_its_hint(house: House, outcome: Outcome) -> None:
    is_laid = threading.Event()
    house.model.script(Script.held(is_laid.is_set))
    calls, document_id = house.model.calls, house.save()
    until(lambda: house.model.running, "it is claimed: no other hint of it is sent, and one that was is over")
    (summary,) = house.summaries(document_id)
    house.failpoints.lay("done with a hint", "kill", summary=summary.id)
    is_laid.set()
    outcome.struck(house.until_shot())
    house.until_complete(document_id)
    house.until_whole()
    outcome.recovered("there is nothing left to do")
    assert house.model.calls - calls == 1


@pytest.mark.fault("F07", "Both workers are killed over ten summaries")
def test_workers_killed_over_many(house: House, outcome: Outcome) -> None:
    house.model.script(Script.words(first_word=0.3))
    ids = [house.save() for _ in range(10)]
    until(lambda: house.model.running, "some are being written")
    outcome.struck()
    old = {name: house.precis.kill(name) for name in WORKERS}
    house.until_complete(*ids)
    for name, pids in old.items():
        house.precis.until_restarted(name, pids)
        assert len(house.precis.pids(name)) == len(pids)
    outcome.recovered("started again, all are complete")


@pytest.mark.fault("F07", "All processes are killed at once, the supervisor first")
def test_everything_killed_at_once(house: House, outcome: Outcome) -> None:
    house.model.script(Script.words(first_word=0.3))
    ids = [house.save() for _ in range(5)]
    until(lambda: house.model.running, "some are being written")
    outcome.struck()
    house.precis.kill("supervisor")
    until(lambda: not house.precis.processes(), "everything ends with it")
    house.start_again()
    house.until_complete(*ids)
    outcome.recovered("nothing lives on; once it is started again, all are complete")


@pytest.mark.fault("F08", "Workers are told to stop in the middle of a long answer")
def test_worker_that_ends_in_peace_gives_its_summary_back(house: House, outcome: Outcome) -> None:
    house.model.script([Script.words("word " * 500, every=0.05), Script.words()])
    document_id = house.save()
    until(lambda: house.model.running == 1, "the model server has the request")
    outcome.struck()
    old = house.precis.kill(*WORKERS, number=signal.SIGTERM)
    until(lambda: not set(old) & {*house.precis.pids("warm"), *house.precis.pids("interactive")}, "they end")
    house.until_complete(document_id)
    outcome.recovered("given back, and begun again at once")
    (summary,) = house.summaries(document_id)
    assert (summary.crashes, summary.attempts) == (0, 1)


@pytest.mark.fault("F09", "A document kills each worker that writes its summary")
def test_poisonous_document_fails_alone(house: House, outcome: Outcome) -> None:
    is_laid = threading.Event()
    house.model.script(lambda request: Script.held(is_laid.is_set))
    poison = house.save()
    house.failpoints.lay("while words come", "kill", times=MAX_CRASHES, document=poison)
    others = [house.save() for _ in range(20)]
    is_laid.set()
    outcome.struck()
    house.until_status(poison, Status.FAILED)
    house.until_complete(*others)
    outcome.recovered(
        f"failed after {MAX_CRASHES} deaths with its reason and a button; 20 others are complete"
    )
    (summary,) = house.summaries(poison)
    assert (summary.crashes, summary.error_code) == (MAX_CRASHES, "crashed_worker")
    assert house.failpoints.left == 0
    assert 'data-status="failed"' in house.alice.page(poison)


@pytest.mark.fault("F10", "A file needs more memory than its reader may have")
def test_file_that_eats_memory_ends_its_reader_alone(house: House, outcome: Outcome) -> None:
    workers = house.precis.pids("warm")
    nested = b"<div>" * 400_000 + b"words" + b"</div>" * 400_000
    outcome.struck()
    import_id = house.bring_in("hungry.html", nested)
    until(lambda: house.import_status(import_id) == Status.FAILED, "the file is given up")
    outcome.recovered("its reader ends with a reason, and the worker lives")
    assert house.precis.pids("warm") == workers


@pytest.mark.fault("F11", "A hint is delivered forty times at once")
def test_hint_delivered_forty_times(house: House, outcome: Outcome) -> None:
    is_open = threading.Event()
    house.model.script(Script.held(is_open.is_set))
    calls, document_id = house.model.calls, house.save()
    (summary,) = house.summaries(document_id)
    outcome.struck()
    for lane in ("warm", "interactive"):
        house.send("generate", summary.id, lane=lane, times=20)
    until(lambda: house.hints() == 0, "all are taken")
    is_open.set()
    house.until_complete(document_id)
    outcome.recovered("one call, one summary")
    assert house.model.calls - calls == 1
    assert len(house.summaries(document_id)) == 1


@pytest.mark.fault("F12", "The text is edited while its summary is written")
def test_edits_during_generation(house: House, outcome: Outcome) -> None:
    """What is shown as current is always of the current text."""
    words, calls = ["amber", "basalt", "cobalt", "dolomite"], house.model.calls
    house.model.script(
        lambda request: Script.words(f"- Of {named(request.prompt, words)}.", first_word=0.3, every=0.1)
    )
    outcome.struck()
    document_id = house.alice.save("Stones", f"This is about {words[0]}. {ARTICLE}")
    pages: list[tuple[str, str]] = []
    for word in words[1:]:
        house.alice.edit(document_id, "Stones", f"This is about {word}. {ARTICLE}")
        pages += [(word, house.alice.page(document_id)) for _ in range(3)]
    pages += [(words[-1], page) for page in house.alice.pages_until(document_id, "complete")]
    outcome.recovered("the runs on old texts write nothing; nothing old is shown as current")
    for word, page in pages:
        area = page.partition('id="document-')[2].partition("</section>")[0]
        is_current = 'data-status="complete"' in page and "data-stale" not in page
        assert not is_current or named(area, [f"Of {each}" for each in words]) == f"Of {word}"
    assert house.model.calls - calls <= len(words)


@pytest.mark.fault("F13", "Workers sleep longer than their lease, and wake up")
def test_worker_frozen_longer_than_its_lease_changes_nothing(house: House, outcome: Outcome) -> None:
    house.model.script([Script.words("- A late text.", first_word=2.0), Script.words()])
    document_id = house.save()
    until(lambda: house.model.running == 1, "the model server has the request")
    outcome.struck()
    with house.precis.frozen(*WORKERS):
        house.until_status(document_id, Status.PENDING)
    house.until_complete(document_id)
    outcome.recovered("who wakes up is fenced off")
    until(lambda: house.model.running == 0, "the late answer is whole, or given up")
    (summary,) = house.summaries(document_id)
    assert (summary.text, summary.status) == (SUMMARY, Status.COMPLETE)


def named(where: str, words: list[str]) -> str:
    return next((word for word in words if word in where), "")
