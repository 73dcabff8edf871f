"""F31 to F33: many look at once, the cache holds junk, and live pages lose their line."""

import pickle
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPException
from urllib.parse import urlsplit

import pytest

from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.live import EventStream
from tests.support.model_server import SUMMARY, Script
from tests.support.precis import Account, until
from tests.support.visitor import Visitor

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]
TABS = 7
MOST_STREAMS = 5

pytestmark = pytest.mark.slow


class Bomb:
    """What must never be unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1 / 0",)


@pytest.mark.fault("F31", "Two hundred people open a document whose summary has left the cache")
def test_two_hundred_views_of_an_emptied_cache(house: House, outcome: Outcome) -> None:
    document_id = house.save()
    house.until_complete(document_id)
    calls = house.model.calls
    house.valkey.flush()
    outcome.struck()
    assert set(house.alice.together(200, document_id)) == {200}
    outcome.recovered("served from SQL; nobody is asked")
    assert LAST_SENTENCE in house.alice.page(document_id)
    assert house.model.calls == calls


@pytest.mark.fault("F31", "Two hundred people open a document that has no summary yet")
def test_two_hundred_first_views_make_one_call(house: House, outcome: Outcome) -> None:
    house.model.script(Script.words(first_word=1.0))
    calls = house.model.calls
    with another_site(house, PRECIS_WARM="on-first-view") as reader:
        document_id = reader.save("Cold", house.text())
        outcome.struck()
        assert set(reader.together(200, document_id)) == {200}
        reader.pages_until(document_id, "complete")
    outcome.recovered("one call for all of them")
    assert house.model.calls - calls == 1


@pytest.mark.fault("F31", "Somebody clicks five times, and saves another title")
def test_clicks_and_a_new_title(house: House, outcome: Outcome) -> None:
    house.model.script(Script.words(first_word=0.5))
    calls, text = house.model.calls, house.text()
    document_id = house.alice.save("Clicks", text)
    house.alice.pages_until(document_id, "complete")
    outcome.struck()
    for _ in range(5):
        house.alice.click(document_id)
    house.until_complete(document_id)
    house.alice.edit(document_id, "Another title", text)
    outcome.recovered("one call for all clicks, none for the title")
    assert house.alice.status(document_id) == "complete"
    until(lambda: not house.unfinished, "nothing is left")
    assert house.model.calls - calls == 2


@pytest.mark.fault("F32", "The cache holds junk, an older shape, and a pickle that runs code")
@pytest.mark.parametrize(
    "planted",
    [b"\x00\xff junk", b'{"v": 1, "html": "Old."}', pickle.dumps(Bomb())],
    ids=["junk", "old", "pickle"],
)
def test_planted_cache(house: House, outcome: Outcome, planted: bytes) -> None:
    document_id = house.save()
    house.until_complete(document_id)
    with house.valkey.client() as client:
        keys = list(client.scan_iter(match=f"precis:*summary/*/{document_id}/*"))
        assert keys
        for key in keys:
            client.set(key, planted)
    outcome.struck()
    page = house.alice.page(document_id)
    outcome.recovered("a miss: the page is served from SQL")
    assert LAST_SENTENCE in page
    with house.valkey.client() as client:
        assert all(planted != client.get(key) for key in keys)


@pytest.mark.fault("F33", "Web processes are killed under seven open tabs, while words come")
def test_tabs_whose_server_dies(house: House, outcome: Outcome) -> None:
    is_over = threading.Event()
    words = Script.words(first_word=0.3)
    house.model.script(words.but(events=(*words.events[:20], is_over.is_set, *words.events[20:])))
    document_id = house.save()
    tabs = [Tab(house, document_id) for _ in range(TABS)]
    with ThreadPoolExecutor(TABS) as pool:
        seen = [pool.submit(tab.watch) for tab in tabs]
        try:
            until(lambda: all(tab.has_words for tab in tabs), "words are shown in all of them")
            outcome.struck()
            house.precis.until_restarted("web", house.precis.kill("web"))
        finally:
            is_over.set()
        assert [each.result(60) for each in seen] == ["complete"] * TABS
    outcome.recovered("each tab connects again and gets to the end")
    assert all(tab.connections > 1 for tab in tabs)


@pytest.mark.fault("F33", "More tabs are open than there are streams")
def test_more_tabs_than_streams(house: House, outcome: Outcome) -> None:
    is_over = threading.Event()
    house.model.script(Script.held(is_over.is_set))
    few = {"PRECIS_MAX_STREAMS": str(MOST_STREAMS), "PRECIS_WEB_WORKERS": "1"}
    with another_site(house, **few) as reader:
        document_id = reader.save("Crowded", house.text())
        outcome.struck()
        tabs = [stream(reader, document_id) for _ in range(MOST_STREAMS + 10)]
        live = [tab.response.headers.get_content_type() == "text/event-stream" for tab in tabs]
        is_over.set()
        reader.pages_until(document_id, "complete")
        for tab in tabs:
            tab.close()
    assert live == [True] * MOST_STREAMS + [False] * 10
    outcome.recovered("the site answers; further tabs ask now and then")


class Tab:
    """A page that is live, as a browser keeps it: it connects again, from what it has seen last."""

    def __init__(self, house: House, document_id: int) -> None:
        self._house, self._document_id = house, document_id
        self.has_words = False
        self.connections = 0

    def watch(self) -> str:
        """The final status, once it is there."""
        last, status = "", ""
        while status not in ("complete", "failed"):
            self.connections += 1
            try:
                with closing(stream(self._house.alice, self._document_id, last)) as events:
                    for event in events:
                        last, status = event.id or last, event.status or status
                        self.has_words = self.has_words or "Ada" in event.text
            except (OSError, HTTPException):
                threading.Event().wait(0.3)
        return status


def stream(visitor: Visitor, document_id: int, last: str = "") -> EventStream:
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.client.cookies.items())
    port = urlsplit(visitor.address).port
    assert port
    return EventStream(port, f"/documents/{document_id}/summary/events", cookie, last)


@contextmanager
def another_site(house: House, **environ: str) -> Iterator[Visitor]:
    """Somebody who reads on a second site of the same library, which is set otherwise."""
    address = house.precis.also_serve(**environ)
    reader = Visitor(address, Account("Alice", "alice@example.org"))
    try:
        yield reader
    finally:
        reader.close()
        house.precis.commands[-1].send(signal.SIGTERM)
        house.precis.commands[-1].wait()
