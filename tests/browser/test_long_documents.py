"""A long document's page while it is read in parts, and once its summary is there."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visit, scripted_environ
from tests.support.chromium import DESKTOP, PHONE
from tests.support.long_texts import CONTEXT, NoteTaker, paragraphs
from tests.support.model_server import SUMMARY, ModelServer
from tests.support.precis import Account, Precis

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def taker() -> NoteTaker:
    return NoteTaker()


@pytest.fixture(scope="module")
def precis(chromium: Browser, taker: NoteTaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    with ModelServer(taker) as model:
        environ = {**scripted_environ(model), **CONTEXT}
        with Precis(tmp_path_factory.mktemp("long"), environ) as running:
            yield running


@pytest.fixture(scope="module")
def alice(precis: Precis) -> Account:
    return precis.add_member("Alice")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_page_shows_which_section_is_read_and_nothing_moves(
    visit: Visit, precis: Precis, alice: Account, taker: NoteTaker, size: dict[str, int]
) -> None:
    gate = threading.Event()
    taker.is_open = gate.is_set
    visitor = visit(precis.address, alice, viewport=size)
    passages = f"{SUMMARY}\n- This is the book at {size['width']}."  # those of the summary's sentences
    text = [*paragraphs(60, size["width"]), passages]
    visitor.write(f"A book at {size['width']}", "\n\n".join(text))
    visitor.mark()
    visitor.finds(visitor.page.get_by_text(re.compile(r"^Reading section 1 of \d+$")))
    bar = visitor.page.get_by_role("progressbar")
    assert bar.get_attribute("value") == "0"
    assert bar.get_attribute("aria-live") is None
    gate.set()
    visitor.sees("complete")
    visitor.finds(visitor.page.get_by_text(re.compile(r"^from the whole text, read in \d+ sections")))
    assert visitor.page.get_by_role("progressbar").count() == 0
    assert visitor.is_marked
    assert visitor.moved == []


def test_without_scripts_the_section_is_told_too(
    visit: Visit, precis: Precis, alice: Account, taker: NoteTaker
) -> None:
    gate = threading.Event()
    taker.is_open = gate.is_set
    visitor = visit(precis.address, alice, java_script_enabled=False)
    visitor.write("A book without scripts", "\n\n".join(paragraphs(60, 5)))
    visitor.finds(visitor.page.get_by_text(re.compile(r"^Reading section 1 of \d+$")))
    gate.set()
    visitor.finds(visitor.page.get_by_text(re.compile(r"^from the whole text, read in \d+ sections")))
