"""Row 12: what a browser loads for the first view of a document and for the next, and whether anything moves meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, ViewportSize

from tests.bench import library
from tests.bench.house import precis
from tests.bench.model import Model
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Person
from tests.support.chromium import SHIFTS, find_chromium, running_chromium
from tests.support.precis import Precis

RUNS = 3
FIRST_KB, NEXT_KB = 35.0, 8.0
SETTLE_MS = 1_000
SIZES: tuple[ViewportSize, ...] = ({"width": 1280, "height": 900}, {"width": 390, "height": 844})


def measure() -> list[Line]:
    """Bytes over the wire, heads included, and the sum of the layout shifts while a summary is written."""
    with Model(0.5, 0.05) as model, precis(model.settings, finished=20, cold=RUNS * len(SIZES)) as house:
        cookie = asyncio.run(Person.sign_in(house.port, library.EMAIL, library.PASSWORD)).cookie
        path = find_chromium()
        assert path, "there is no Chromium"
        with running_chromium(path) as browser:
            loads = [_loads(browser, house, cookie) for _ in range(RUNS)]
            shifts = [_shift(browser, house, cookie, number) for number in range(RUNS * len(SIZES))]
    return [
        Line(12, "First view of a document, all that it loads", [Run(first) for first, _ in loads], "kB", Reach(FIRST_KB, "itself")),
        Line(12, "The next document", [Run(later) for _, later in loads], "kB", Reach(NEXT_KB, "itself")),
        Line(12, "Layout shift, from first paint to finished summary", [Run(each) for each in shifts], "", Reach(0.0, "itself")),
    ]  # fmt: skip


def _loads(browser: Browser, house: Precis, cookie: str) -> tuple[float, float]:
    with _page(browser, house, cookie, SIZES[0]) as page:
        wire = page.context.new_cdp_session(page)
        wire.send("Network.enable")
        return _kilobytes(page, wire, f"{house.address}/documents/1"), _kilobytes(
            page, wire, f"{house.address}/documents/2"
        )


def _kilobytes(page: Page, wire: CDPSession, address: str) -> float:
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(address, wait_until="networkidle")
    assert page.locator('[data-status="complete"]').count() == 1
    page.wait_for_timeout(SETTLE_MS)
    return sum(sizes) / 1000


def _shift(browser: Browser, house: Precis, cookie: str, number: int) -> float:
    with _page(browser, house, cookie, SIZES[number % len(SIZES)]) as page:
        page.add_init_script(SHIFTS)
        page.goto(f"{house.address}/documents/{21 + number}")
        page.wait_for_selector('[data-status="complete"]')
        page.wait_for_timeout(SETTLE_MS)
        return float(page.evaluate("window.moved.reduce((sum, shift) => sum + shift.value, 0)"))


@contextmanager
def _page(browser: Browser, house: Precis, cookie: str, size: ViewportSize) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(viewport=size)
    name, _, value = cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": house.address}])
    try:
        yield context.new_page()
    finally:
        context.close()
