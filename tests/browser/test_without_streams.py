"""Where no event stream is to be had, the same page polls."""

import pytest

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.answers import Answers, told
from tests.support.model_server import SUMMARY
from tests.support.precis import Account, Precis

pytestmark = pytest.mark.browser
HEAD, REST = SUMMARY.split("\n", 1)
FIRST, LAST = (SUMMARY.split("\n")[number].removeprefix("- ") for number in (0, -1))
QUIET_MS = 4_500  # two polls and a little


@pytest.fixture(scope="module")
def streamless(scripted: Precis) -> str:
    """The address of a second site on the same library, without a stream for anybody."""
    return scripted.also_serve(PRECIS_MAX_STREAMS="0", PRECIS_WEB_WORKERS="1")


def test_polling_gets_to_the_words_and_to_the_summary_and_then_ends(
    visit: Visit, streamless: str, alice: Account, answers: Answers
) -> None:
    gate = answers.gate()
    answers.give("Polled", told(HEAD, gate, "\n" + REST))
    visitor = visit(streamless, alice)
    visitor.write("Polled", ARTICLE)
    visitor.mark()
    visitor.sees("processing", words=FIRST)
    gate.set()
    visitor.sees("complete", words=LAST)
    assert visitor.is_marked
    assert visitor.asked_for("poll=1")
    assert len(visitor.asked_for("/summary/events")) == 1
    asked = len(visitor.requests)
    visitor.page.wait_for_timeout(QUIET_MS)
    assert [request.url for request in visitor.requests[asked:]] == []


def test_the_library_does_not_ask_for_its_stream_over_and_over(
    visit: Visit, streamless: str, alice: Account
) -> None:
    visitor = visit(streamless, alice)
    visitor.write("Listed", ARTICLE)
    visitor.open("/")
    visitor.page.wait_for_timeout(QUIET_MS)
    assert len(visitor.asked_for("/documents/events")) == 1
