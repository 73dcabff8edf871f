"""The library while summaries are written elsewhere, and the way back to it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.answers import Answers, told
from tests.support.chromium import Visitor
from tests.support.model_server import SUMMARY, Script
from tests.support.precis import Account, Precis

pytestmark = pytest.mark.browser
HEAD, REST = SUMMARY.split("\n", 1)
FIRST = HEAD.removeprefix("- ")


def row(visitor: Visitor, title: str, status: str) -> str:
    """Wait until the library shows a document with this status. Returns the words of its row."""
    found = visitor.page.locator(f'li[data-status="{status}"]').filter(has_text=title)
    visitor.finds(found)
    return found.inner_text()


def test_statuses_and_first_lines_change_by_themselves(
    reader: Visitor, visit: Visit, scripted: Precis, bob: Account, answers: Answers
) -> None:
    gate = answers.gate()
    answers.give("Watched from the library", told(HEAD, gate, "\n" + REST))
    path = reader.write("Watched from the library", ARTICLE)
    reader.sees("processing", words=FIRST)
    watcher = visit(scripted.address, bob)
    watcher.open("/")
    watcher.mark()
    assert "Writing…" in row(watcher, "Watched from the library", "processing")
    gate.set()
    assert FIRST in row(watcher, "Watched from the library", "complete")
    answers.give("Watched from the library", told("- A word").but(finish_reason="content_filter"))
    reader.edit(path, ARTICLE + "\n\nOne more paragraph.")
    failed = row(watcher, "Watched from the library", "failed")
    assert "Update failed" in failed
    assert FIRST in failed
    assert watcher.is_marked


def test_back_from_a_document_that_has_changed_shows_the_library(reader: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    answers.give("There and back", Script.words(), told(HEAD, gate, "\n" + REST))
    reader.write("There and back", ARTICLE)
    reader.sees("complete")
    reader.open("/")
    reader.page.get_by_role("link", name="There and back").click()
    reader.sees("complete")
    reader.press("Write it again")
    reader.sees("processing", words=FIRST)
    gate.set()
    reader.sees("complete")
    reader.page.go_back()
    reader.finds(reader.page.get_by_role("heading", name="Library", exact=True))
    assert FIRST in row(reader, "There and back", "complete")


def test_back_after_signing_out_shows_nothing(visit: Visit, scripted: Precis, alice: Account) -> None:
    visitor = visit(scripted.address).sign_in(alice)
    visitor.write("Private", ARTICLE)
    visitor.sees("complete")
    visitor.press("Sign out")
    visitor.page.get_by_role("heading", name="Sign in").wait_for()
    visitor.page.go_back()
    visitor.page.get_by_role("heading", name="Sign in").wait_for()
    assert "Private" not in visitor.page.content()


def test_a_document_that_is_deleted_ends_its_open_page(reader: Visitor, visit: Visit, scripted: Precis, bob: Account,
                                                       answers: Answers) -> None:  # fmt: skip
    gate = answers.gate()
    answers.give("Deleted", told(HEAD, gate, "\n" + REST))
    path = reader.write("Deleted", ARTICLE)
    watcher = visit(scripted.address, bob)
    watcher.open(path)
    watcher.sees("processing", words=FIRST)
    reader.open(path + "/delete")
    reader.press("Delete it")
    reader.page.get_by_text("is deleted.").wait_for()
    watcher.page.get_by_text("This document has been deleted.").wait_for()
    asked = len(watcher.requests)
    watcher.page.wait_for_timeout(2_000)
    assert [request.url for request in watcher.requests[asked:]] == []


def test_words_of_time_stay_true_and_the_exact_one_is_the_readers(
    visit: Visit, scripted: Precis, alice: Account
) -> None:
    reader = visit(scripted.address, alice, timezone_id="Asia/Kolkata")
    path = reader.write("Told by the clock", ARTICLE)
    reader.sees("complete")
    time = reader.page.locator("time").first
    told = datetime.fromisoformat(time.get_attribute("datetime") or "")
    assert "UTC" in (time.get_attribute("title") or "")
    reader.page.clock.install(time=told)
    reader.open(path)
    reader.finds(time.and_(reader.page.get_by_text("just now")))
    for minutes, words in [(1, "1 minute ago"), (119, "2 hours ago"), (22 * 60, "1 day ago")]:
        reader.page.clock.fast_forward(minutes * 60_000)
        reader.finds(time.and_(reader.page.get_by_text(words)))
    time.hover()
    theirs = told.astimezone(ZoneInfo("Asia/Kolkata"))
    assert time.get_attribute("title") == f"{theirs:%B %-d, %Y at %-I:%M %p}"
