"""What stands in somebody's way on a page: as axe-core finds it, by day and by night, and on a phone."""

from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe

from tests.support.chromium import DESKTOP, PHONE, Visitor

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
WIDEST = """
() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => `${e.tagName}.${e.className}`).slice(0, 5)
"""


def obstacles(visitor: Visitor) -> list[str]:
    """What axe-core finds in the page as it is, light and dark, and what is wider than a phone."""
    visitor.page.wait_for_load_state("load")
    visitor.page.emulate_media(reduced_motion="reduce")
    return [*_of_axe(visitor, "light"), *_of_axe(visitor, "dark"), *_of_phone(visitor)]


def _of_axe(visitor: Visitor, scheme: str) -> Iterator[str]:
    visitor.page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    found = Axe().run(visitor.page, options=OPTIONS).response
    for violation in found["violations"]:
        for node in violation["nodes"]:
            yield f"{scheme}: {violation['id']}: {node['html'][:200]} {node['failureSummary']}"


def _of_phone(visitor: Visitor) -> Iterator[str]:
    visitor.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    width = visitor.page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        yield f"phone: {width} pixels wide: {visitor.page.evaluate(WIDEST)}"
    visitor.page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})
