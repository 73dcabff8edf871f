"""From the first start to the first summary, with nothing but the embedded engine."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from lxml import html
from playwright.sync_api import Browser, Response

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.accessibility import obstacles
from tests.support.chromium import Visitor
from tests.support.precis import PASSWORD, Account, Precis

pytestmark = pytest.mark.browser
TRIES = 3  # a machine under load may need longer than the moment that the first answer waits
OWNER = Account("Olivia", "olivia@example.org")


@pytest.fixture(scope="module")
def fresh(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    """Precis with the embedded engine, and nobody in it."""
    with Precis(tmp_path_factory.mktemp("fresh"), {"PRECIS_WEB_WORKERS": "1"}) as precis:
        yield precis


def test_setup_page_and_empty_library_have_no_obstacle(fresh: Precis, visit: Visit) -> None:
    visitor = visit(fresh.address)
    visitor.open(fresh.setup_address)
    assert obstacles(visitor) == []
    visitor.expects("422")
    visitor.press("Open the library")
    visitor.page.get_by_role("alert").wait_for()
    assert obstacles(visitor) == []
    make_account(visitor)
    assert visitor.page.get_by_role("heading", name="Nothing to read yet").is_visible()
    assert obstacles(visitor) == []


def make_account(visitor: Visitor) -> None:
    visitor.page.get_by_label("Your name").fill(OWNER.name)
    visitor.page.get_by_label("E-mail address").fill(OWNER.email)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Open the library")
    visitor.page.get_by_text("Welcome, Olivia").wait_for()


@pytest.fixture
def owner(fresh: Precis, visit: Visit) -> Visitor:
    """Olivia, who came by the address that `precis up` printed."""
    visitor = visit(fresh.address)
    if visitor.open(fresh.setup_address).status == 200:
        make_account(visitor)
    else:
        visitor.expects("404")
        visitor.sign_in(OWNER)
    return visitor


def test_the_printed_address_leads_to_a_first_summary_in_the_first_answer(owner: Visitor) -> None:
    owner.page.get_by_role("link", name="Add the first document").click()
    for number in range(TRIES):
        owner.open("/documents/new")
        with owner.page.expect_response(
            lambda answer: bool(re.search(r"/documents/\d+$", answer.url))
        ) as first:
            owner.save(f"The lighthouse {number}", ARTICLE)
        area = area_of(first.value)
        if area.get("data-status") == "complete":
            break
    assert area.get("data-status") == "complete"
    assert "Selected sentences" in area.text_content()
    sentences = [item.text.strip() for item in area.iterfind(".//ul[@class='prose-list']/li")]
    assert len(sentences) >= 3
    assert all(sentence in ARTICLE for sentence in sentences)
    asked = len(owner.asked_for(r"/documents/\d+/summary"))
    owner.open(urlsplit(owner.page.url).path)
    owner.page.wait_for_load_state("networkidle")
    assert len(owner.asked_for(r"/documents/\d+/summary")) == asked


def area_of(response: Response) -> html.HtmlElement:
    """The summary area in the HTML of an answer, before any script has seen it."""
    (area,) = html.document_fromstring(response.text()).iterfind(".//section[@data-status]")
    return area


def test_the_printed_address_works_only_once(owner: Visitor, fresh: Precis, visit: Visit) -> None:
    stranger = visit(fresh.address)
    stranger.expects("404")
    assert stranger.open(fresh.setup_address).status == 404
    assert stranger.page.get_by_role("heading", name="Not here").is_visible()


def test_a_short_text_is_left_alone_until_somebody_asks(owner: Visitor) -> None:
    owner.write(
        "A note", "The boat leaves at nine. Bring a coat. The tower is open until five in the afternoon."
    )
    owner.sees("complete", words="short enough to be read as it is")
    owner.mark()
    owner.press("Summarise anyway")
    owner.page.locator(".summary__text, [data-status=failed]").wait_for()
    assert owner.is_marked
