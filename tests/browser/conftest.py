"""A real Chromium against the real processes. One Precis with a scripted model server serves most tests."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.answers import Answers
from tests.support.chromium import NAMES, Visitor, find_chromium, running_chromium
from tests.support.model_server import ModelServer
from tests.support.precis import Account, Precis

UNTESTED = (
    "NOT TESTED: nothing of how pages look and behave in a browser (live words, keyboard, accessibility, phones, the "
    f"content security policy), as there is none of {', '.join(NAMES)} here. PRECIS_REQUIRE_BROWSER=1 makes that a failure."
)
MISSED = pytest.StashKey[bool]()
Visit = Callable[..., Visitor]


@pytest.fixture(scope="package")
def chromium(request: pytest.FixtureRequest) -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        if os.environ.get("PRECIS_REQUIRE_BROWSER", "0") not in ("", "0"):
            pytest.fail("PRECIS_REQUIRE_BROWSER is set, and there is none of " + ", ".join(NAMES))
        request.config.stash[MISSED] = True
        pytest.skip("no browser")
    with running_chromium(path) as browser:
        yield browser


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.config.stash.get(MISSED, False):
        terminalreporter.section("browser", sep="=", yellow=True, bold=True)
        terminalreporter.line(UNTESTED, yellow=True)


def scripted_environ(model: ModelServer) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": "sk-test-canary",
        "PRECIS_MODEL": "scripted",
        "PRECIS_MAX_ATTEMPTS": "2",
        "PRECIS_LLM_CONCURRENCY": "2",
    }


@pytest.fixture(scope="package")
def answers_by_title() -> Answers:
    return Answers()


@pytest.fixture(scope="package")
def model(answers_by_title: Answers) -> Iterator[ModelServer]:
    with ModelServer(answers_by_title) as server:
        yield server


@pytest.fixture
def answers(answers_by_title: Answers) -> Iterator[Answers]:
    """What the model server says in this test. At its end all gates open."""
    yield answers_by_title
    answers_by_title.open_all()


@pytest.fixture(scope="package")
def scripted(
    chromium: Browser, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Precis]:
    """Precis with the scripted model server."""
    with Precis(tmp_path_factory.mktemp("scripted"), scripted_environ(model)) as precis:
        yield precis


@pytest.fixture(scope="package")
def alice(scripted: Precis) -> Account:
    return scripted.add_member("Alice")


@pytest.fixture(scope="package")
def bob(scripted: Precis) -> Account:
    return scripted.add_member("Bob", "reader")


@pytest.fixture(scope="package")
def profiles() -> dict[tuple[str, Account | None], Any]:
    """The cookies of those who have signed in: that is limited to so many times in a few minutes."""
    return {}


@pytest.fixture
def visit(chromium: Browser, profiles: dict[tuple[str, Account | None], Any]) -> Iterator[Visit]:
    """Come to a site, signed in as `account` or as nobody; further keywords are the browser profile's."""
    visitors: list[Visitor] = []

    def come(address: str, account: Account | None = None, **options: Any) -> Visitor:
        key = (address, account)
        if account and key not in profiles:
            newcomer = Visitor(chromium, address).sign_in(account)
            profiles[key] = newcomer.context.storage_state()
            newcomer.leave()
        visitors.append(
            Visitor(chromium, address, storage_state=profiles[key] if account else None, **options)
        )
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.leave()


@pytest.fixture
def reader(visit: Visit, scripted: Precis, alice: Account) -> Visitor:
    """Alice, an editor, at the Precis with the scripted model server."""
    return visit(scripted.address, alice)
