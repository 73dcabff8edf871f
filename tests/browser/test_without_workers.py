"""A site whose workers are not there: the page says so, and goes on by itself once they are."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.accessibility import obstacles
from tests.support.precis import Account, Precis
from tests.support.valkey import Valkey

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site_alone(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    """`precis web` and nothing else, with the embedded engine."""
    environ = {"PRECIS_WEB_WORKERS": "1"}
    with Valkey() as valkey:
        precis = Precis(tmp_path_factory.mktemp("alone"), {**environ, "REDIS_URL": valkey.url}, command="web")
        with precis:
            yield precis


@pytest.fixture(scope="module")
def editor(site_alone: Precis) -> Account:
    return site_alone.add_member("Edith")


def test_a_page_without_workers_has_no_obstacle(visit: Visit, site_alone: Precis, editor: Account) -> None:
    visitor = visit(site_alone.address, editor)
    visitor.write("Nobody there", ARTICLE)
    visitor.sees("pending", words="No worker is running")
    assert obstacles(visitor) == []


def test_the_page_says_that_no_worker_runs_and_goes_on_once_one_does(
    visit: Visit, site_alone: Precis, editor: Account
) -> None:
    visitor = visit(site_alone.address, editor)
    visitor.write("Nobody works", ARTICLE)
    visitor.mark()
    visitor.sees("pending", words="No worker is running")
    site_alone.run("worker")
    site_alone.run("sweep")
    visitor.sees("complete", words="Selected sentences")
    assert visitor.is_marked
