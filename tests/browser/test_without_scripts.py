"""Everything works without JavaScript, on forms and links."""

import pytest

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.answers import Answers, told
from tests.support.chromium import Visitor
from tests.support.model_server import SUMMARY, Script
from tests.support.precis import Account, Precis, until

pytestmark = pytest.mark.browser
HEAD, REST = SUMMARY.split("\n", 1)
FIRST, LAST = (SUMMARY.split("\n")[number].removeprefix("- ") for number in (0, -1))


@pytest.fixture
def plain(visit: Visit, scripted: Precis, alice: Account) -> Visitor:
    """Alice in a browser without JavaScript, signed in through the form."""
    return visit(scripted.address, java_script_enabled=False).sign_in(alice)


def check_until(visitor: Visitor, status: str, words: str) -> None:
    """Follow "Check again" until the summary has this status and these words."""

    def is_there() -> bool:
        if visitor.page.locator(f'section[data-status="{status}"]').filter(has_text=words).count():
            return True
        visitor.page.get_by_role("link", name="Check again").click()
        return False

    until(is_there, f"{status} {words!r} by Check again")


def test_check_again_leads_to_the_summary(plain: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    answers.give("Plain", told(HEAD, gate, "\n" + REST))
    plain.write("Plain", ARTICLE)
    check_until(plain, "processing", FIRST)
    assert LAST not in plain.area.inner_text()
    gate.set()
    check_until(plain, "complete", LAST)
    assert plain.page.get_by_role("link", name="Check again").count() == 0


def test_a_page_of_an_unfinished_summary_loads_itself_again(plain: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    answers.give("Refreshed", told(HEAD, gate, "\n" + REST))
    plain.write("Refreshed", ARTICLE)
    gate.set()
    plain.sees("complete", words=LAST)


def test_the_form_that_retries_works(plain: Visitor, answers: Answers) -> None:
    answers.give("Plain failure", told("- A word").but(finish_reason="content_filter"))
    plain.write("Plain failure", ARTICLE)
    check_until(plain, "failed", "The model refused to summarise this text.")
    answers.give("Plain failure", Script.words())
    plain.press("Try again")
    check_until(plain, "complete", LAST)


def test_edit_and_delete_work(plain: Visitor) -> None:
    path = plain.write("Plain edit", ARTICLE)
    plain.edit(path, ARTICLE + "\n\nA last word.")
    assert plain.page.get_by_text("A last word.").is_visible()
    plain.page.get_by_role("link", name="Delete").click()
    plain.press("Delete it")
    assert plain.page.get_by_text("“Plain edit” is deleted.").is_visible()
