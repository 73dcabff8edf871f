"""In a real browser: a sentence of a summary leads to its passage and back, by mouse, keyboard and without scripts."""

import html
import mimetypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.support.accessibility import obstacles
from tests.support.chromium import Visitor, find_chromium, running_chromium
from webapp.reading.outline import Entry, contents
from webapp.reading.places import anchor_of
from webapp.reading.rendering import page as rendered
from webapp.security import CSP

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parents[2] / "static"
SHEETS = ("tokens", "base", "layout", "button", "prose", "summary", "document", "reading", "differences")
SITE = "http://library.test"
FILLER = "Some words that nobody asked for, again and again, until the page is long.\n\n" * 40
TEXT = f"""# One

The door was open. It was *very* late,
  and nobody came.

{FILLER}

## Two

- The door was [open](https://a.example). Rain fell.
- It `rained` still.

| Name | Age |
|------|----:|
| Ann  |  40 |

```
a = 1
```

## Three

The end. {FILLER}
"""
LINKS = {  # by the words that the link's passage begins with in the text: what it quotes
    "It was *very*": "It was very late, and nobody came.",
    "Rain fell": "The door was open. Rain  fell.",
    "It `rained`": "Name Age",  # which are there, but in the next block
    "| Ann": "Ann 40",
}
MARKED = "[...(CSS.highlights.get('passage') ?? [])].map(range => range.toString())"
Come = Callable[..., Visitor]


def listed(entries: tuple[Entry, ...]) -> str:
    items = (
        f'<li><a href="#{entry.anchor}">{html.escape(entry.text)}</a>{listed(entry.entries)}</li>'
        for entry in entries
    )
    return f'<ol role="list">{"".join(items)}</ol>' if entries else ""


def document() -> str:
    """A page as the templates draw one."""
    text = rendered(TEXT, "markdown")
    links = "".join(
        f'<li><a class="passage-link" href="#{anchor_of(text.blocks, TEXT.index(words))}" data-quote="{quote}">{quote}</a></li>'
        for words, quote in LINKS.items()
    )
    sheets = "".join(f'<link rel="stylesheet" href="/css/{name}.css">' for name in SHEETS)
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Text</title>
      <meta name="viewport" content="width=device-width, initial-scale=1">{sheets}</head><body>
      <main class="page" id="main" tabindex="-1"><h1>Text</h1>
      <div class="summary"><div class="prose" id="summary"><ul>{links}
        <li><a class="passage-link" href="/?part=2#p-999999" data-quote="x">Elsewhere</a></li></ul></div></div>
      <section class="spread document__text reading">
        <nav class="contents spread__margin" aria-label="Contents"><details>
          <summary class="label">Contents</summary>{listed(contents(text.outline))}</details></nav>
        <div class="spread__main"><div class="prose prose--document">{text.html}</div></div></section>
      </main><script src="/js/passages.js"></script></body></html>"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    if path is None and os.environ.get("PRECIS_REQUIRE_BROWSER", "0") in ("", "0"):
        pytest.skip("no browser")
    assert path, "PRECIS_REQUIRE_BROWSER is set, and there is no browser"
    with running_chromium(path) as browser:
        yield browser


def serve(route: Route) -> None:
    """The page, under our policy, and the files that it needs. Nothing reaches the network."""
    path = urlsplit(route.request.url).path
    if path == "/":
        headers = {"Content-Security-Policy": CSP}
        route.fulfill(body=document(), content_type="text/html; charset=utf-8", headers=headers)
    elif (STATIC / path[1:]).is_file():
        route.fulfill(path=STATIC / path[1:], content_type=mimetypes.guess_type(path)[0] or "")
    else:
        route.fulfill(status=204)


@pytest.fixture(scope="module")
def come(chromium: Browser) -> Iterator[Come]:
    """Come to a page as one who has just opened it; each kind of visitor is one browser profile."""
    visitors: dict[str, Visitor] = {}

    def visit(path: str = "/", **options: object) -> Visitor:
        kind = repr(options)
        if kind not in visitors:
            visitors[kind] = Visitor(chromium, SITE, **{"reduced_motion": "reduce", **options})
            visitors[kind].context.route("**/*", serve)
        visitors[kind].page.goto("about:blank")  # an address that differs in its anchor alone loads nothing
        visitors[kind].open(path)
        return visitors[kind]

    yield visit
    for visitor in visitors.values():
        visitor.leave()


def follow(page: Page, quote: str) -> None:
    page.get_by_role("link", name=quote).first.click()


def marked(page: Page) -> list[str]:
    return [" ".join(words.split()) for words in page.evaluate(MARKED)]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent.replace(/\\s+/g, ' ').trim()"))


@pytest.mark.parametrize("words", ["It was *very*", "| Ann"])
def test_a_sentence_leads_to_the_very_words(come: Come, words: str) -> None:
    page = come().page
    follow(page, LINKS[words])
    assert [marks.replace(" ", "") for marks in marked(page)] == [LINKS[words].replace(" ", "")]
    assert LINKS[words].split()[0] in focused(page)
    assert page.evaluate("document.activeElement.getBoundingClientRect().top < innerHeight")


def test_words_are_found_across_a_link_and_in_their_own_block(come: Come) -> None:
    page = come().page
    follow(page, "Rain fell")
    assert marked(page) == ["The door was open. Rain fell."]
    assert (
        page.evaluate(
            "CSS.highlights.get('passage').values().next().value.startContainer.parentElement.tagName"
        )
        == "LI"
    )


def test_a_passage_whose_words_are_not_found_is_marked_whole(come: Come) -> None:
    page = come().page
    follow(page, LINKS["It `rained`"])
    assert marked(page) == []
    assert page.locator("[data-passage-in=block]").text_content() == "It rained still."


def test_escape_leads_back_and_leaves_nothing(come: Come) -> None:
    page = come().page
    before = page.locator(".prose--document").inner_html()
    follow(page, "It was very late")
    page.keyboard.press("Escape")
    assert focused(page) == LINKS["It was *very*"]
    assert page.locator(".prose--document").inner_html() == before
    assert marked(page) == []


def test_the_keyboard_alone_is_enough(come: Come) -> None:
    page = come().page
    page.get_by_role("link", name="It was very late").focus()
    page.keyboard.press("Enter")
    assert focused(page).startswith("The door was open.")
    page.keyboard.press("Tab")
    assert focused(page) == "Back to the summary"
    page.keyboard.press("Enter")
    assert focused(page) == LINKS["It was *very*"]
    assert page.get_by_text("Back to the summary").count() == 0


def test_another_sentence_ends_the_first(come: Come) -> None:
    page = come().page
    follow(page, "It was very late")
    follow(page, "Rain fell")
    assert marked(page) == ["The door was open. Rain fell."]
    assert page.locator("[data-passage-in]").count() == page.get_by_text("Back to the summary").count() == 1


def test_the_way_back_outlives_a_summary_that_is_drawn_again(come: Come) -> None:
    page = come().page
    follow(page, "Rain fell")
    page.evaluate("const area = document.getElementById('summary'); area.innerHTML = area.innerHTML")
    page.keyboard.press("Escape")
    assert focused(page) == "The door was open. Rain fell."
    follow(page, "It was very late")
    assert len(marked(page)) == 1


def test_a_passage_in_another_part_is_a_link_to_that_part(come: Come) -> None:
    page = come().page
    follow(page, "Elsewhere")
    page.wait_for_url(f"{SITE}/?part=2#p-999999")


def test_a_click_that_opens_a_tab_is_left_alone(come: Come) -> None:
    page = come().page
    page.get_by_role("link", name="It was very late").click(modifiers=["Control"])
    assert marked(page) == [] and page.locator("[data-passage-in]").count() == 0


def test_without_highlights_the_whole_block_is_marked(come: Come) -> None:
    page = come().page
    page.evaluate("delete CSS.highlights; Object.defineProperty(CSS, 'highlights', {value: undefined})")
    follow(page, "It was very late")
    assert page.locator("[data-passage-in=block]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("[data-passage-in]").count() == 0


def test_without_scripts_the_block_is_marked(come: Come) -> None:
    page = come(java_script_enabled=False).page
    follow(page, "It was very late")
    assert (page.locator(":target").text_content() or "").startswith("The door was open.")
    background = "e => getComputedStyle(e).backgroundColor"
    other = page.locator(".prose--document > p:not(:target)").first
    assert page.locator(":target").evaluate(background) != other.evaluate(background)


def test_nothing_on_the_page_stands_in_somebodys_way(come: Come) -> None:
    visitor = come()
    follow(visitor.page, "It was very late")
    assert obstacles(visitor) == []
