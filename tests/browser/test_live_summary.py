"""The page of a document while its summary is written: live, to the end, whatever happens on the way."""

import pytest

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.answers import Answers, told
from tests.support.chromium import DESKTOP, PHONE, Visitor
from tests.support.model_server import SUMMARY, Script
from tests.support.precis import Account, Precis, until

pytestmark = pytest.mark.browser

OF_THE_TEXT = "\n".join(f"- {part.split('. ')[0]}." for part in ARTICLE.split("\n\n")[:5])
QUIET_MS = 3_000  # a connection that is ended wrongly is made again within a second
LINES = SUMMARY.split("\n")
SHOWN = "\n".join(line.removeprefix("- ") for line in LINES)
HEAD, MIDDLE, TAIL = LINES[0], "\n" + LINES[1] + "\n" + LINES[2], "\n" + "\n".join(LINES[3:])
LENGTHS = {"short": HEAD, "usual": OF_THE_TEXT, "long": "\n".join(LINES * 4)}
FIRST, THIRD, LAST = (LINES[number].removeprefix("- ") for number in (0, 2, 4))


def lines_of(shown: str) -> str:
    """A summary as the browser renders it, without its empty lines."""
    return "\n".join(line.strip() for line in shown.splitlines() if line.strip())


def test_a_saved_document_shows_live_words_and_then_its_summary(reader: Visitor, answers: Answers) -> None:
    first, second = answers.gate(), answers.gate()
    answers.give("Live words", told(HEAD, first, MIDDLE, second, TAIL, every=0.02))
    reader.write("Live words", ARTICLE)
    reader.mark()
    reader.sees("processing", words=FIRST)
    assert THIRD not in reader.area.inner_text()
    first.set()
    reader.sees("processing", words=THIRD)
    second.set()
    reader.sees("complete", words=LAST)
    assert lines_of(reader.told) == SHOWN
    assert reader.is_marked
    lengths = [
        len(state["words"]) for state in reader.seen if state["status"] == "processing" and state["words"]
    ]
    assert lengths == sorted(lengths), "words were taken back"
    assert len(set(lengths)) >= 5


def test_the_connection_ends_with_the_summary(reader: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    answers.give("The end", told(HEAD, gate, MIDDLE, TAIL))
    reader.write("The end", ARTICLE)
    reader.sees("processing", words=FIRST)
    assert len(reader.asked_for("/summary/events")) == 1
    assert reader.stream.count() > 0
    gate.set()
    reader.sees("complete")
    assert reader.stream.count() == 0
    asked = len(reader.requests)
    reader.page.wait_for_timeout(QUIET_MS)
    assert [request.url for request in reader.requests[asked:]] == []


def test_focus_and_selection_stay_while_words_come(reader: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    answers.give("Selected", told(HEAD, gate, MIDDLE, TAIL, every=0.02))
    reader.write("Selected", ARTICLE)
    reader.sees("processing", words=FIRST)
    reader.page.get_by_role("link", name="Edit", exact=True).focus()
    reader.page.evaluate("getSelection().selectAllChildren(document.querySelector('.document__text p'))")
    gate.set()
    reader.sees("complete")
    assert reader.page.evaluate("document.activeElement.textContent.trim()") == "Edit"
    assert reader.page.evaluate("getSelection().toString()").startswith("The lighthouse at Skerrymore")


def test_typed_text_elsewhere_on_the_page_stays(reader: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    answers.give("Typed", told(HEAD, gate, MIDDLE, TAIL, every=0.02))
    reader.write("Typed", ARTICLE)
    reader.sees("processing", words=FIRST)
    reader.page.evaluate("document.querySelector('.document__text').append(document.createElement('input'))")
    field = reader.page.locator(".document__text input")
    field.fill("half a tho")
    gate.set()
    reader.sees("processing", words=THIRD)
    field.press_sequentially("ught")
    reader.sees("complete")
    assert field.input_value() == "half a thought"
    assert field.evaluate("element => element === document.activeElement")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("summary", LENGTHS)
def test_nothing_moves_from_the_first_paint_to_the_finished_summary(
    visit: Visit, scripted: Precis, alice: Account, answers: Answers, size: dict[str, int], summary: str
) -> None:
    title, first, second = f"Still, {summary}, at {size['width']}", answers.gate(), answers.gate()
    head, rest = LENGTHS[summary].split(" ", 3)[:3], LENGTHS[summary].split(" ", 3)[3]
    answers.give(title, told(first, " ".join(head), second, " " + rest, every=0.01))
    visitor = visit(scripted.address, alice, viewport=size)
    visitor.write(title, ARTICLE)
    visitor.sees("processing")
    first.set()
    visitor.sees("processing", words=" ".join(head[1:]))
    second.set()
    visitor.sees("complete")
    assert visitor.moved == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_while_a_new_summary_takes_the_place_of_an_older_one(
    visit: Visit, scripted: Precis, alice: Account, answers: Answers, size: dict[str, int]
) -> None:
    title, first, second = f"Replaced at {size['width']}", answers.gate(), answers.gate()
    answers.give(title, Script.words(), told(first, OF_THE_TEXT, second, "\n- The end.", every=0.01))
    visitor = visit(scripted.address, alice, viewport=size)
    path = visitor.write(title, ARTICLE)
    visitor.sees("complete")
    visitor.edit(path, ARTICLE + "\n\nOne more paragraph.")
    visitor.sees("processing", stale=True)
    first.set()
    visitor.sees("processing", words=OF_THE_TEXT.rpartition("- ")[2], stale=True)
    second.set()
    visitor.sees("complete", words="The end.", stale=False)
    assert visitor.moved == []


def test_what_is_watched_for_movement_shows_a_line_that_pushes_the_page(reader: Visitor) -> None:
    reader.open("/")
    reader.page.evaluate(
        "document.body.prepend(Object.assign(document.createElement('p'), {innerText: 'News'}))"
    )
    assert any("<header" in shift["what"] for shift in reader.moved)


def test_a_finished_summary_keeps_no_room_once_its_page_is_loaded_anew(
    reader: Visitor, answers: Answers
) -> None:
    answers.give("A single point", told(answers.gate(), HEAD))
    path = reader.write("A single point", ARTICLE)
    reader.sees("processing")
    box = reader.page.locator(".summary__body")
    live = box.bounding_box()
    answers.open_all()
    reader.sees("complete")
    finished = box.bounding_box()
    reader.open(path)
    anew = box.bounding_box()
    assert live and finished and anew
    assert live == finished
    assert anew["height"] < live["height"] / 2
    assert reader.page.locator(".document__text p").first.is_visible()
    assert reader.moved == []


def test_the_place_where_somebody_reads_stays(reader: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    long_summary = "\n".join(LINES * 3)
    answers.give("Reading on", told(gate, long_summary, every=0.005))
    reader.write("Reading on", ARTICLE)
    reader.sees("processing")
    paragraph = reader.page.locator(".document__text p").nth(3)
    paragraph.evaluate("element => element.scrollIntoView({block: 'start', behavior: 'instant'})")
    before = paragraph.bounding_box()
    gate.set()
    reader.sees("complete")
    reader.page.wait_for_function("requestAnimationFrame(() => requestAnimationFrame(() => 1))")
    after = paragraph.bounding_box()
    assert before and after
    assert abs(after["y"] - before["y"]) <= 4


def test_a_reload_midway_shows_the_words_so_far_at_once(reader: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    answers.give("Reloaded", told(HEAD, gate, MIDDLE, TAIL))
    path = reader.write("Reloaded", ARTICLE)
    reader.sees("processing", words=FIRST)
    html = reader.open(path).text()
    assert FIRST in html
    assert 'data-status="processing"' in html
    gate.set()
    reader.sees("complete", words=LAST)
    assert all(state["text"] in (None, SHOWN) or lines_of(state["text"]) == SHOWN for state in reader.seen)


def test_two_tabs_and_a_second_member_see_the_same(
    visit: Visit, reader: Visitor, scripted: Precis, bob: Account, answers: Answers
) -> None:
    gate = answers.gate()
    answers.give("Together", told(HEAD, gate, MIDDLE, TAIL))
    path = reader.write("Together", ARTICLE)
    tab = reader.context.new_page()
    tab.goto(path)
    second = visit(scripted.address, bob)
    second.open(path)
    tab.locator('section[data-status="processing"]').filter(has_text=FIRST).wait_for()
    for visitor in (reader, second):
        visitor.sees("processing", words=FIRST)
    gate.set()
    tab.locator('section[data-status="complete"]').filter(has_text=LAST).wait_for()
    for visitor in (reader, second):
        visitor.sees("complete", words=LAST)
        assert lines_of(visitor.told) == SHOWN


def test_a_killed_worker_costs_the_open_page_nothing_but_time(
    reader: Visitor, scripted: Precis, answers: Answers
) -> None:
    gate = answers.gate()
    answers.give("Killed", told(HEAD, MIDDLE, gate), Script.words())
    reader.write("Killed", ARTICLE)
    reader.mark()
    reader.sees("processing", words=THIRD)
    scripted.kill("warm", "interactive")
    reader.sees("complete", words=LAST)
    assert reader.is_marked
    finished = [lines_of(state["text"]) for state in reader.seen if state["status"] == "complete"]
    assert finished
    assert set(finished) == {SHOWN}
    until(lambda: scripted.readiness()["workers"] == "ok", "the workers are there again")


def test_a_failure_is_told_with_its_reason_and_a_button_that_retries(
    reader: Visitor, answers: Answers
) -> None:
    gate = answers.gate()
    answers.give("Fails", told(gate, "- A word").but(finish_reason="content_filter"))
    reader.write("Fails", ARTICLE)
    reader.mark()
    reader.sees("processing")
    gate.set()
    reader.sees("failed", words="The model refused to summarise this text.")
    answers.give("Fails", Script.words(every=0.01))
    reader.press("Try again")
    reader.sees("complete", words=LAST)
    assert reader.is_marked
    assert reader.stream.count() == 0


def test_a_model_server_with_errors_fails_the_summary_live(reader: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    broken = told(gate, "- A word").but(finish_reason=None, usage=None, sends_done=False)
    answers.give("Only errors", broken, Script.status(500))
    reader.write("Only errors", ARTICLE)
    reader.mark()
    reader.sees("processing")
    gate.set()
    reader.sees("failed", words="The model server had an error of its own.")
    answers.give("Only errors", Script.words())
    reader.press("Try again")
    reader.sees("complete", words=LAST)
    assert reader.is_marked


def test_a_rejected_key_is_told_and_the_summary_comes_once_it_is_right(
    reader: Visitor, answers: Answers
) -> None:
    answers.give("Wrong key", Script.error(401, "invalid_api_key"))
    reader.write("Wrong key", ARTICLE)
    reader.mark()
    reader.sees("pending", words="The model server does not accept our key.")
    answers.give("Wrong key", Script.words())
    reader.sees("complete", words=LAST)
    assert reader.is_marked


def test_an_edit_keeps_the_old_summary_with_its_version_until_the_new_one_is_there(
    reader: Visitor, answers: Answers
) -> None:
    gate, news = answers.gate(), "- The new tower is made of glass."
    answers.give("Edited", Script.words(), told("- The new", gate, " tower is made of glass."))
    path = reader.write("Edited", ARTICLE)
    reader.sees("complete", words=LAST)
    reader.edit(path, ARTICLE + "\n\nThe new tower is made of glass.")
    reader.mark()
    reader.sees("processing", words="The new", stale=True)
    assert "summary of version 1" in reader.area.inner_text()
    assert lines_of(reader.told) == SHOWN
    gate.set()
    reader.sees("complete", words="made of glass", stale=False)
    assert lines_of(reader.told) == news.removeprefix("- ")
    assert reader.is_marked
    kept = [lines_of(state["text"]) for state in reader.seen if state["stale"]]
    assert set(kept) == {SHOWN}


def test_another_summary_replaces_the_old_one_only_once_it_is_there(
    reader: Visitor, answers: Answers
) -> None:
    gate = answers.gate()
    answers.give("Again", Script.words(), told("- Quite another", gate, " summary."))
    reader.write("Again", ARTICLE)
    reader.sees("complete", words=LAST)
    reader.mark()
    reader.press("Write it again")
    reader.sees("processing", words="Quite another")
    assert lines_of(reader.told) == SHOWN
    gate.set()
    reader.sees("complete", words="Quite another summary.")
    assert reader.is_marked
    texts = [lines_of(state["text"]) for state in reader.seen if state["text"]]
    assert set(texts) == {SHOWN, "Quite another summary."}
    assert texts[-1] == "Quite another summary."


def test_a_failed_replacement_leaves_the_old_summary(reader: Visitor, answers: Answers) -> None:
    answers.give("Kept", Script.words(), told("- A word").but(finish_reason="content_filter"))
    reader.write("Kept", ARTICLE)
    reader.sees("complete", words=LAST)
    reader.press("Write it again")
    reader.sees("failed", words="The model refused to summarise this text.")
    assert lines_of(reader.told) == SHOWN
