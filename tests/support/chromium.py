"""People with a real browser: headless Chromium, in which nothing unexpected may happen unnoticed."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Locator,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.support.precis import PATIENCE_SECONDS, Account

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
PATIENCE_MS = PATIENCE_SECONDS * 1000
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

# The lines of a finished summary, without what stands behind its sentences.
TOLD = """text => {
  const words = text.cloneNode(true);
  words.querySelectorAll('.passages').forEach(mark => mark.remove());
  return [...words.querySelectorAll('li, p')].map(line => line.textContent.trim()).join('\\n');
}"""

# Notes each state that the summary area was drawn in, and each violation of the policy. It is put into the page by the
# browser's debugger, which the policy does not bind.
WATCH = """
window.seen = [];
const told = TOLD;
const look = () => {
  const area = document.querySelector('section[data-status]');
  const words = document.querySelector('.summary__words, .summary__draft');
  const text = document.querySelector('.summary__text');
  const now = area && {status: area.dataset.status, stale: area.dataset.stale === 'true',
                       words: words ? words.innerText.trim() : null, text: text && told(text)};
  if (now && JSON.stringify(now) !== JSON.stringify(window.seen.at(-1))) window.seen.push(now);
};
new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
document.addEventListener('securitypolicyviolation', event => tellViolation(
  `${event.violatedDirective} refused ${event.blockedURI || 'inline'} in ${event.sourceFile}:${event.lineNumber}`));
""".replace("TOLD", TOLD)

# Notes each layout shift: how much of the window it moved, and what.
SHIFTS = """
window.moved = [];
const named = node => node && (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).outerHTML.slice(0, 80);
new PerformanceObserver(list => window.moved.push(...list.getEntries().map(entry => (
  {value: entry.value, what: entry.sources.map(source => named(source.node)).join(' and ')}))))
  .observe({type: 'layout-shift', buffered: true});
"""


def find_chromium() -> str | None:
    """The path of the browser, or None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def running_chromium(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person at one site, in a browser profile of their own: a page, and what went wrong in it.

    What goes wrong and is not expected fails the test at its end: dialogs, errors of scripts or on the console,
    violations of the content security policy, requests to other origins.
    """

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.address = address
        self.requests: list[Request] = []
        self._problems: list[str] = []
        self._expected: list[str] = []
        self.context: BrowserContext = browser.new_context(
            base_url=address, **{"viewport": DESKTOP, **options}
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.expose_binding(
            "tellViolation", lambda _, words: self._problems.append(f"policy: {words}")
        )
        self.context.add_init_script(WATCH)
        self.context.add_init_script(SHIFTS)
        self.context.on("request", self._requested)
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self._problems.append(f"script: {error.error}"))
        self.context.on("dialog", self._asked)
        self.page: Page = self.context.new_page()

    # --- what may go wrong ------------------------------------------------------------------------------------

    def expects(self, pattern: str) -> None:
        """Something that goes wrong in this test, as it should: a regular expression that a problem matches."""
        self._expected.append(pattern)

    @property
    def problems(self) -> list[str]:
        """What went wrong so far and was not expected."""
        return [
            problem for problem in self._problems if not any(re.search(p, problem) for p in self._expected)
        ]

    def leave(self) -> None:
        """Close the browser profile. Asserts that nothing went wrong that was not expected."""
        self.context.close()
        assert not self.problems, "\n".join(self.problems)

    def _requested(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((self.address + "/", "data:", "blob:")):
            self._problems.append(f"request: to another origin, {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._problems.append(f"console: {message.text} ({message.location.get('url')})")

    def _asked(self, dialog: Dialog) -> None:
        self._problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    # --- what people do ---------------------------------------------------------------------------------------

    def sign_in(self, account: Account) -> "Visitor":
        self.page.goto("/session/new")
        self.page.get_by_label("E-mail address").fill(account.email)
        self.page.get_by_label("Password").fill(account.password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(self.address + "/")
        return self

    def open(self, path: str) -> Response:
        response = self.page.goto(path)
        assert response is not None
        return response

    def write(self, title: str, text: str) -> str:
        """Save a new document through the form. Returns its path, whose page is then open."""
        self.open("/documents/new")
        return self.save(title, text)

    def save(self, title: str, text: str) -> str:
        """Fill and send the form of a document that is open. Returns the document's path, whose page is then open."""
        self.page.get_by_label("Title").fill(title)
        self.page.get_by_label("Text", exact=True).fill(text)
        self.page.get_by_role("button", name="Save").click()
        self.page.wait_for_url(re.compile(r"/documents/\d+$"))
        return urlsplit(self.page.url).path

    def edit(self, path: str, text: str) -> None:
        """Give the document another text, title as it was."""
        self.open(path + "/edit")
        self.save(self.page.get_by_label("Title").input_value(), text)

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label).click()

    # --- what people see --------------------------------------------------------------------------------------

    @property
    def area(self) -> Locator:
        return self.page.locator("section[data-status]")

    @property
    def words(self) -> Locator:
        """Where the words of an unfinished summary come."""
        return self.page.locator(".summary__words, .summary__draft")

    @property
    def text(self) -> Locator:
        """A finished summary."""
        return self.page.locator(".summary__text")

    @property
    def told(self) -> str:
        """The words of a finished summary, without what stands behind its sentences."""
        return str(self.text.evaluate(TOLD))

    @property
    def stream(self) -> Locator:
        """The elements that hold a connection open or ask again."""
        return self.area.locator("[hx-sse\\:connect], [hx-trigger]")

    def sees(self, status: str, *, words: str = "", stale: bool | None = None) -> None:
        """Wait until the area has this status, and these words anywhere in it."""
        data = "" if stale is None else ('[data-stale="true"]' if stale else ":not([data-stale])")
        area = self.page.locator(f'section[data-status="{status}"]{data}')
        self.finds(area.filter(has_text=words) if words else area)

    def finds(self, wanted: Locator) -> None:
        """Wait until something can be seen. Raises AssertionError, with what is there instead."""
        try:
            wanted.wait_for()
        except Error as error:
            shown = self.area.inner_html() if self.area.count() else self.page.locator("body").inner_html()
            raise AssertionError(f"{error.message}\n{self.page.url}:\n{shown}") from None

    def mark(self) -> None:
        """Leave a mark in this page, that a reload would wipe out."""
        self.page.evaluate("window.mark = 'still here'")

    @property
    def is_marked(self) -> bool:
        return bool(self.page.evaluate("window.mark === 'still here'"))

    @property
    def seen(self) -> list[dict[str, Any]]:
        """Each state in which the area was shown on this page: status, stale, words, text."""
        return list(self.page.evaluate("window.seen"))

    @property
    def moved(self) -> list[dict[str, Any]]:
        """What has moved on this page since its first paint, each time: `what`, and `value`, a part of the window."""
        frame = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(window.moved))))"
        return list(self.page.evaluate(frame))

    def asked_for(self, pattern: str) -> list[str]:
        """The addresses of the requests so far whose path matches."""
        return [
            request.url
            for request in self.requests
            if re.search(pattern, request.url.removeprefix(self.address))
        ]
