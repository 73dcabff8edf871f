"""F23 to F30: the model server is away, busy, out of money, broken, silent, cut off, or writes what is no summary.

Here each in a few ways by real processes; `tests/summarizing` cuts an answer after each of its bytes.
"""

import signal
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import SUMMARY, Request, Script, chunk
from tests.support.precis import until
from webapp.models import Status

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]
MOST_ATTEMPTS = 4  # as the settings come
IMPATIENT = {
    "PRECIS_FIRST_WORD_SECONDS": "2",
    "PRECIS_SILENCE_SECONDS": "2",
    "PRECIS_ATTEMPT_SECONDS": "3",
}

CUTS = ((0, 60, 400), (800, 1_200, 1_600), (2_000, 2_400, 3_000))  # bytes of an answer
MALFORMED = (
    Script.words(finish_reason=None),
    Script.words(finish_reason=None, sends_done=False),
    Script.raw(chunk({"content": "- So"}), b'data: {"choices": [{"del\n\n'),
    Script.raw(chunk({"content": "- So"}), b"data: \xff\xfe\n\n"),
    Script.raw(chunk({"content": "- So"}), {"error": {"message": "out of memory"}}),
    Script.page(),
)
ODD = (
    Script.words(newline="\r\n"),
    Script.words(slice_bytes=1),
    Script.words(sends_done=False, usage=None),
    Script.words(SUMMARY.replace("1843", "18\x0043\x07")),
    Script.words(f"<think>\nBabbage? Lovelace!\n</think>\n\n{SUMMARY}"),
)
UNUSABLE = {  # what is written, and as what it fails
    "that was cut at its limit": (Script.words(finish_reason="length"), "length"),
    "that a filter has ended": (Script.words(finish_reason="content_filter"), "refused"),
    "of nothing": (Script.words(""), "empty"),
    "of blanks and nothing that is seen": (Script.deltas([" \n", "\t\u3000", "\x00"]), "empty"),
    "of a picture alone": (Script.words("![a chart](https://example.org/a.png)"), "empty"),
    "of 1 MB": (Script.deltas(["- " + "word " * 25_000] * 8), "unusable"),
    "of thoughts alone": (Script.thoughts("Hm, hm.", ""), "only_thought"),
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


@pytest.mark.fault("F27", "The answer is cut off, at nine places")
@pytest.mark.parametrize("by_reset", [False, True], ids=["closed", "reset"])
def test_answer_that_is_cut_off(house: House, outcome: Outcome, by_reset: bool) -> None:
    calls = house.model.calls
    outcome.struck()
    for places in CUTS:
        house.model.script([*(Script.cut(place, by_reset=by_reset) for place in places), Script.words()])
        document_id = house.save()
        house.until_complete(document_id)
        assert [row.text for row in house.summaries(document_id)] == [SUMMARY]
    outcome.recovered("no partial text is stored; three documents are complete, each at its fourth try")
    assert house.model.calls - calls == len(CUTS) * MOST_ATTEMPTS


@pytest.mark.fault(
    "F28", "Streams without an end, broken chunks, bytes that are no text, an error in the stream, a page"
)
def test_stream_that_is_malformed(house: House, outcome: Outcome) -> None:
    calls = house.model.calls
    outcome.struck()
    for first in range(0, len(MALFORMED), 3):
        house.model.script([*MALFORMED[first : first + 3], Script.words()])
        document_id = house.save()
        house.until_complete(document_id)
        assert [row.text for row in house.summaries(document_id)] == [SUMMARY]
    outcome.recovered("tried again each time; nothing of them is stored")
    assert house.model.calls - calls == len(MALFORMED) + len(MALFORMED) // 3


@pytest.mark.fault(
    "F28", "Other line ends, a byte at a time, no [DONE] and no counts, control characters, thoughts"
)
def test_stream_that_is_odd(house: House, outcome: Outcome) -> None:
    calls = house.model.calls
    outcome.struck()
    for script in ODD:
        house.model.script(script)
        document_id = house.save()
        house.until_complete(document_id)
        assert [row.text for row in house.summaries(document_id)] == [SUMMARY]
    outcome.recovered("the same text each time, at the first try")
    assert house.model.calls - calls == len(ODD)


@pytest.mark.fault(
    "F30", "Answers of nothing, of a picture, of thoughts, of 1 MB, cut at their limit, or refused"
)
def test_answer_that_is_no_summary(house: House, outcome: Outcome) -> None:
    calls = house.model.calls

    def answer(request: Request) -> Script:
        return next(
            script for title, (script, _) in UNUSABLE.items() if f"An answer {title}\n" in request.prompt
        )

    house.model.script(answer)
    outcome.struck()
    found = {title: house.alice.save(f"An answer {title}", house.text()) for title in UNUSABLE}
    for title, document_id in found.items():
        house.until_status(document_id, Status.FAILED)
        (row,) = house.summaries(document_id)
        assert (row.error_code, row.text) == (UNUSABLE[title][1], None), title
    outcome.recovered(
        "asked once more, but for the refused one; then failed, each with its reason and a button"
    )
    assert house.model.calls - calls == 2 * len(UNUSABLE) - 1
