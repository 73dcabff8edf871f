"""A model server that attacks the reader: what it sends is text, on each way to the page."""

from typing import Any

import pytest
from playwright.sync_api import FilePayload

from tests.browser.conftest import Visit
from tests.browser.payloads import EVIL, PAYLOADS
from tests.conftest import ARTICLE
from tests.support.answers import Answers
from tests.support.chromium import Visitor
from tests.support.model_server import Script
from tests.support.precis import Account, Precis

pytestmark = pytest.mark.browser

HIDDEN = "reversed \u202edrow\u202c tagged \U000e0041\U000e0042 zero\u200bwidth"
ATTACK = (
    "\n".join(f"- marker-{number:02} {payload}" for number, payload in enumerate(PAYLOADS, 1))
    + f"\n- {HIDDEN}"
)
SOURCE = f"{ARTICLE}\n\nThe address {EVIL} is named here, so that a summary may name it.\n\n" + "\n\n".join(
    PAYLOADS
)

# What of the page's summary is more than text: attributes, and elements that text does not need. Links to passages of
# this very document are ours, if they are nothing else.
STRANGE = """
() => [...document.querySelectorAll('.summary__words *, .summary__draft *, .summary__text *')].filter(element => !(
  element.matches('span') && /^passages( passages--none)?$|^passages__flag$/.test(element.className)
    && element.attributes.length === 1
  || element.matches('a.passage-link') && /^\\d+$/.test(element.textContent)
    && /^[/]documents[/]\\d+#p-\\d+$/.test(element.getAttribute('href'))
    && element.getAttributeNames().sort().join() === 'aria-label,class,data-passage,data-quote,href'
)).flatMap(element => [
  ...[...element.attributes].map(a => `${element.tagName} ${a.name}=${a.value}`).filter(a => !a.startsWith('UL class=prose-list')),
  ...(/^(P|BR|UL|OL|LI|STRONG|EM|S|CODE|PRE|BLOCKQUOTE|H3|H4|TABLE|THEAD|TBODY|TR|TH|TD)$/.test(element.tagName) ? [] : [element.tagName]),
])
"""
# What of any page of ours an attack could have made: what runs, loads or moves by itself. Links of a document are its own.
FOREIGN = """
() => [...document.querySelectorAll('main *')].flatMap(element => [
  ...(/^(SCRIPT|IFRAME|OBJECT|EMBED|BASE|META|STYLE|LINK|MATH|TEMPLATE|IMG|VIDEO|AUDIO|MARQUEE|DIALOG|HX-PARTIAL|IMAGE|PORTAL)$/i
    .test(element.tagName) && !element.closest('noscript') ? [element.tagName] : []),
  ...[...element.attributes].filter(a => /^(on|style$|srcdoc$|formaction$|(data-)?hx-on)/.test(a.name)
    || /^(data-)?(hx|sse)-/.test(a.name) && /evil|alert[(]|session|js:/.test(a.value)
    || /^(href|src|action)$/.test(a.name) && /^\\s*(javascript|data|vbscript):/i.test(a.value)
  ).map(a => `${element.tagName} ${a.name}=${a.value}`),
])
"""
UNWISE = (
    "<b onclick=print()>x</b> <div hx-get=/x hx-trigger=load style=color:red>y</div> <script>print()</script>"
)
LIVE = """() => [...document.querySelectorAll('section[data-status], section[data-status] *')]
  .flatMap(e => [...e.attributes]).filter(a => /^(data-)?hx-/.test(a.name)).length"""


def harmless(visitor: Visitor) -> None:
    """Assert that nothing of the attack has become more than text."""
    assert visitor.page.evaluate(STRANGE) == []
    assert visitor.page.evaluate(FOREIGN) == []
    assert visitor.page.locator("body").is_visible()
    assert visitor.page.get_by_role("heading", name="Owned").count() == 0
    assert visitor.problems == []


def test_nothing_that_a_model_says_is_more_than_text(
    reader: Visitor, visit: Visit, scripted: Precis, bob: Account, answers: Answers
) -> None:
    title = "Attack <img src=x onerror=alert(0)> <script>alert(0)</script>"
    gate = answers.gate()
    attack = Script.deltas([ATTACK[at : at + 9] for at in range(0, len(ATTACK), 9)], every=0.003)
    held: Any = attack.but(events=(*attack.events, gate.is_set))
    answers.give(title, held)
    path = reader.write(title, SOURCE)
    reader.sees("processing", words=f"marker-{len(PAYLOADS)}")
    harmless(reader)
    live = reader.page.evaluate(LIVE)
    second = visit(scripted.address, bob)
    second.open(path)
    second.sees("processing", words=f"marker-{len(PAYLOADS)}")
    harmless(second)
    assert second.page.evaluate(LIVE) == live
    gate.set()
    for visitor in (reader, second):
        visitor.sees("complete", words=f"marker-{len(PAYLOADS)}")
        harmless(visitor)
        assert visitor.page.evaluate(LIVE) <= live
        shown = visitor.text.inner_text()
        assert [n for n in range(1, len(PAYLOADS) + 1) if f"marker-{n:02}" not in shown] == []
        assert not set(shown) & set("\u202e\u202c\u200b\U000e0041\U000e0042")
    reader.open(path)
    harmless(reader)
    second.open("/")
    second.page.get_by_role("link", name="Attack").wait_for()
    assert second.page.locator(".row__gist *").count() == 0


def test_nothing_of_it_is_more_than_text_on_any_other_page(
    reader: Visitor, visit: Visit, scripted: Precis, bob: Account, answers: Answers
) -> None:
    title = "Elsewhere <svg onload=alert(0)>"
    answers.give(title, Script.words(ATTACK))
    reader.open("/documents/new")
    reader.page.get_by_label("Markdown", exact=False).check()
    path = reader.save(title, SOURCE)
    reader.sees("complete", words="marker-60")
    reader.edit(path, SOURCE.replace("marker", "changed") + "\n\n" + "\n\n".join(reversed(PAYLOADS)))
    reader.sees("complete", words="marker-60")
    second = visit(scripted.address, bob)
    for page in ("", "?typed", "?whole", "/revisions", "/revisions/1", "/revisions/2/changes", "/summary"):
        for visitor in (reader, second):
            visitor.open(path + page)
            assert visitor.page.evaluate(FOREIGN) == [], page
            assert visitor.problems == [], page
    for page in ("/edit", "/summary/words/new"):
        reader.open(path + page)
        assert reader.page.evaluate(FOREIGN) == [], page
    reader.open(path)
    reader.page.emulate_media(media="print")
    assert reader.page.evaluate(FOREIGN) == []
    reader.page.emulate_media(media="screen")
    copy = reader.page.request.get(path + "/markdown")
    assert copy.headers["content-type"].startswith("text/markdown")
    assert copy.headers["content-disposition"].startswith("attachment")
    assert copy.headers["x-content-type-options"] == "nosniff"
    reader.page.get_by_role("link", name="Edit", exact=True).first.click()
    reader.page.get_by_label("Title").wait_for()


def test_nothing_of_it_is_more_than_text_on_the_pages_beside_the_documents(
    reader: Visitor, answers: Answers
) -> None:
    """What readers note and wish for, what a server calls its model, and what a file is called."""
    title = "Beside <svg onload=alert(0)>"
    answers.give(title, Script.words("- Words.", model=f"{PAYLOADS[3]}\u202e"))
    path = reader.write(title, SOURCE)
    reader.sees("complete", words="Words.")
    reader.press("Yes")
    reader.page.get_by_label("Why? A note, if you like").fill("".join(PAYLOADS)[:900] + "\u202e")
    reader.press("Save the note")
    reader.page.get_by_text("and said why").wait_for()
    reader.page.get_by_text("Ask for something else").click()
    reader.page.get_by_label("How should it be written?").fill(UNWISE)
    reader.page.get_by_role("button", name="Write it", exact=True).click()
    reader.page.locator(".wish__note").wait_for()
    wish = reader.page.url
    reader.open("/documents/new")
    names = [f"{payload[:60]}\u202e.txt" for payload in PAYLOADS[3:6]]
    files = [
        FilePayload(name=name, mimeType="text/plain", buffer=SOURCE.encode() + name.encode())
        for name in names
    ]
    reader.page.get_by_label("Files", exact=True).set_input_files(files)
    reader.press("Save")
    reader.page.wait_for_url("**/imports")
    for page in (path, wish, "/feedback", "/imports", "/"):
        reader.open(page)
        assert reader.page.evaluate(FOREIGN) == [], page
        assert "\u202e" not in reader.page.locator("body").inner_text(), page
        assert reader.problems == [], page
