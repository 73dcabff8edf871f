"""An admin has the library made anew: the choice, what it takes, and how it goes, live."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visit, scripted_environ
from tests.conftest import ARTICLE
from tests.support.accessibility import obstacles
from tests.support.chromium import Visitor
from tests.support.model_server import ModelServer, Script
from tests.support.precis import Account, Precis
from tests.support.visitor import Visitor as Client

pytestmark = pytest.mark.browser
ADA = Account("Ada", "ada@example.org")
TITLES = ("On lighthouses", "On lamps", "On tides")


@pytest.fixture(scope="module")
def gate() -> threading.Event:
    """The model `new` writes nothing while it is closed."""
    return threading.Event()


@pytest.fixture(scope="module")
def model(gate: threading.Event) -> Iterator[ModelServer]:
    def answer(request: object) -> Script:
        words = Script.words(usage={"prompt_tokens": 1200, "completion_tokens": 150})
        is_new = request.body["model"] == "new"  # type: ignore[attr-defined]
        return words.but(events=(gate.is_set, *words.events)) if is_new else words

    with ModelServer(answer) as server:
        yield server
        gate.set()


@pytest.fixture(scope="module")
def site(chromium: Browser, model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    """A library whose summaries the models `old` and `older` made, and whose settings say `new`."""
    folder = tmp_path_factory.mktemp("rewarm")
    settings = {**scripted_environ(model), "PRECIS_PRICE_IN": "150", "PRECIS_PRICE_OUT": "600"}
    for name, titles in (("old", TITLES[:2]), ("older", TITLES[2:])):
        with Precis(folder, {**settings, "PRECIS_MODEL": name}) as precis:
            fill(precis, titles)
    with Precis(folder, {**settings, "PRECIS_MODEL": "new"}) as precis:
        yield precis


def fill(precis: Precis, titles: tuple[str, ...]) -> None:
    if titles == TITLES[:2]:
        precis.add_member("Ada", "admin")
    client = Client(precis.address, ADA)
    for title in titles:
        client.pages_until(client.save(title, f"{title}.\n\n{ARTICLE}"), "complete")
    client.close()


@pytest.fixture
def ada(visit: Visit, site: Precis) -> Visitor:
    return visit(site.address, ADA)


def told(visitor: Visitor) -> str:
    return " ".join(visitor.page.locator("#rewarm-told").inner_text().split())


def test_what_it_takes_follows_the_choice(ada: Visitor) -> None:
    ada.open("/")
    ada.page.get_by_role("link", name="Rewarm").click()
    ada.finds(ada.page.get_by_role("heading", name="Rewarm the library"))
    assert told(ada) == "3 summaries by new"
    assert obstacles(ada) == []
    ada.mark()
    ada.page.get_by_label("older").uncheck()
    ada.finds(ada.page.get_by_text("2 summaries by new"))
    ada.page.get_by_label("old", exact=True).uncheck()
    ada.finds(ada.page.get_by_text("Nothing is chosen."))
    assert ada.page.get_by_role("button", name="anew").count() == 0
    ada.page.get_by_label("older").check()
    ada.finds(ada.page.get_by_role("button", name="Make 1 anew"))
    assert ada.is_marked
    assert obstacles(ada) == []


def test_it_works_without_javascript(visit: Visit, site: Precis) -> None:
    plain = visit(site.address, java_script_enabled=False).sign_in(ADA)
    plain.open("/rewarm")
    plain.page.get_by_label("older").uncheck()
    plain.press("Show what these take")
    assert told(plain) == "2 summaries by new"
    plain.press("Make 2 anew")
    plain.finds(plain.page.get_by_text("0 of 2 made anew"))
    plain.press("Stop")
    plain.finds(plain.page.get_by_text("Stopped: 0 of 2 done."))


def test_it_is_followed_live_to_its_end(ada: Visitor, gate: threading.Event) -> None:
    ada.open("/rewarm")
    ada.page.get_by_role("button", name="anew").click()
    ada.finds(ada.page.get_by_text("made anew").first)
    assert obstacles(ada) == []
    ada.press("Pause")
    ada.finds(ada.page.get_by_role("status").get_by_text("Paused"))
    assert obstacles(ada) == []
    ada.press("Go on")
    ada.finds(ada.page.get_by_role("status").get_by_text("Making summaries"))
    ada.mark()
    gate.set()
    ada.finds(ada.page.get_by_text("as today"))
    ada.finds(ada.page.get_by_text("Finished:"))
    assert ada.is_marked
    assert ada.page.locator("#rewarmings-poll").count() == 0
    assert obstacles(ada) == []
