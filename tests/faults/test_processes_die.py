"""Processes are killed, stopped and emptied while people save and read: every summary comes, whole, and once."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ARTICLE
from tests.support.model_server import SUMMARY, ModelServer, Request, Script
from tests.support.precis import Account, Precis, until, write_lock
from tests.support.visitor import Visitor

LAST_SENTENCE = SUMMARY.rpartition("- ")[2]
SLOW = Script.words(first_word=0.2, every=0.02)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def precis(model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    environ = {"OPENAI_BASE_URL": model.base_url, "PRECIS_MODEL": "scripted", "PRECIS_LLM_CONCURRENCY": "4"}
    with Precis(tmp_path_factory.mktemp("precis"), environ) as running:
        running.add_member("Alice", "admin")
        yield running


@pytest.fixture
def alice(precis: Precis, model: ModelServer) -> Iterator[Visitor]:
    model.script(Script.words())
    model.requests.clear()
    until(lambda: precis.status("/readyz") == 200, "everything is there again")
    visitor = Visitor(precis.address, Account("Alice", "alice@example.org"))
    yield visitor
    visitor.close()


def text(word: str) -> str:
    return f"This one is about {word}. {ARTICLE}"


# --- kill -9 of the worker, at any point


def after_claim(precis: Precis, model: ModelServer, document_id: int) -> None:
    until(lambda: model.running == 1, "the model server has the request")


def mid_stream(precis: Precis, model: ModelServer, document_id: int) -> None:
    until(lambda: model.running == 1, "the model server has the request")
    time.sleep(0.6)


def before_the_commit(precis: Precis, model: ModelServer, document_id: int) -> None:
    """With the database's write lock held, the worker has the whole answer and can't store it."""
    until(lambda: model.running == 1, "the model server has the request")
    with write_lock(precis.folder):
        until(lambda: model.requests[0].outcome == "complete", "the answer is sent")
        time.sleep(0.3)
        precis.kill("warm", "interactive")


def after_the_commit(precis: Precis, model: ModelServer, document_id: int) -> None:
    """With Valkey stopped, the worker has stored the answer and can't tell of it."""
    until(lambda: model.running == 1, "the model server has the request")
    with precis.frozen("valkey"):
        until(lambda: stored_status(precis.folder, document_id) == "complete", "the row is complete")
        precis.kill("warm", "interactive")


@pytest.mark.parametrize(
    ("reach", "most_calls"),
    [(after_claim, 2), (mid_stream, 2), (before_the_commit, 2), (after_the_commit, 1)],
)
def test_worker_killed_at_any_point(
    precis: Precis,
    model: ModelServer,
    alice: Visitor,
    reach: Callable[[Precis, ModelServer, int], None],
    most_calls: int,
) -> None:
    model.script(SLOW)
    document_id = alice.save(reach.__name__, text(reach.__name__))
    reach(precis, model, document_id)
    if precis.pids("warm"):
        precis.kill("warm", "interactive")
    pages = alice.pages_until(document_id, "complete")
    assert all(LAST_SENTENCE in page for page in pages if 'data-status="complete"' in page)
    assert model.calls <= most_calls
    assert texts(precis.folder, document_id) == [SUMMARY]


def test_worker_that_ends_in_peace_gives_its_summary_back(
    precis: Precis, model: ModelServer, alice: Visitor
) -> None:
    model.script([Script.words("word " * 500, every=0.05), Script.words()])
    document_id = alice.save("Peace", text("peace"))
    until(lambda: model.running == 1, "the model server has the request")
    old = precis.kill("warm", "interactive", number=signal.SIGTERM)
    until(lambda: not set(old) & set(precis.pids("warm") + precis.pids("interactive")), "they have ended", 20)
    alice.pages_until(document_id, "complete")
    assert row(precis.folder, document_id, "crashes") == 0


def test_worker_frozen_longer_than_its_lease_changes_nothing(
    precis: Precis, model: ModelServer, alice: Visitor
) -> None:
    """A box that slept: another worker has finished the work, and the one that wakes is fenced off."""
    model.script([Script.words("- A late text.", first_word=2.0), Script.words()])
    document_id = alice.save("Sleep", text("sleep"))
    until(lambda: model.running == 1, "the model server has the request")
    with precis.frozen("interactive", "warm"):
        until(lambda: stored_status(precis.folder, document_id) == "pending", "the lease has ended")
    alice.pages_until(document_id, "complete")
    time.sleep(0.5)
    assert texts(precis.folder, document_id) == [SUMMARY]


# --- the database


def test_pages_open_while_another_process_holds_the_database(
    precis: Precis, model: ModelServer, alice: Visitor
) -> None:
    """Those who save wait for their turn, and nobody waits with them: what a page asks for can be asked later."""
    ready = alice.save("Ready", text("ready"))
    alice.pages_until(ready, "complete")
    precis.kill("warm")
    waiting = alice.save("Waiting", text("waiting"))
    with ThreadPoolExecutor(4) as pool, write_lock(precis.folder):
        saves = [pool.submit(alice.save, "Meanwhile", text(f"meanwhile {number}")) for number in range(4)]
        time.sleep(0.5)  # until each of them waits
        pages = [alice.page(each) for each in (ready, ready, waiting, waiting)]
        assert not any(save.done() for save in saves)
    assert all(LAST_SENTENCE in page for page in pages[:2])
    assert all('data-status="pending"' in page for page in pages[2:])
    for document_id in [waiting, *(save.result() for save in saves)]:
        alice.pages_until(document_id, "complete")


# --- Valkey


def test_valkey_killed_and_empty_with_fifty_waiting(
    precis: Precis, model: ModelServer, alice: Visitor
) -> None:
    model.script(Script.words(first_word=0.4))
    ids = [alice.save(f"Document {number}", text(f"number {number}")) for number in range(25)]
    old = precis.kill("valkey")
    for path in (precis.folder / "valkey").rglob("*.aof*"):
        path.unlink(missing_ok=True)
    ids += [alice.save(f"Document {number}", text(f"number {number}")) for number in range(25, 50)]
    precis.until_restarted("valkey", old)
    until(lambda: {stored_status(precis.folder, i) for i in ids} == {"complete"}, "all 50 are complete")
    assert model.calls <= 50 + 8  # those that ran when it died may have run twice, and no others


def test_saving_and_reading_go_on_without_valkey(precis: Precis, model: ModelServer, alice: Visitor) -> None:
    ready = alice.save("Before", text("before"))
    alice.pages_until(ready, "complete")
    with precis.frozen("valkey"):
        document_id = alice.save("Meanwhile", text("meanwhile"))
        assert alice.status(document_id) == "pending"
        assert LAST_SENTENCE in alice.page(ready)
    alice.pages_until(document_id, "complete")


# --- many at once, and lanes


def test_two_hundred_first_views_make_one_call(precis: Precis, model: ModelServer, alice: Visitor) -> None:
    model.script(Script.words(first_word=1.0))
    address = precis.also_serve(PRECIS_WARM="on-first-view", OPENAI_BASE_URL=model.base_url)
    reader = Visitor(address, Account("Alice", "alice@example.org"))
    document_id = reader.save("Cold", text("cold"))
    assert set(reader.together(200, document_id)) == {200}
    reader.pages_until(document_id, "complete")
    assert model.calls == 1
    reader.close()


def test_five_clicks_and_a_save_with_a_view_make_one_call_each(
    precis: Precis, model: ModelServer, alice: Visitor
) -> None:
    model.script(Script.words(first_word=1.0))
    document_id = alice.save("Clicks", text("clicks"))
    alice.page(document_id)
    alice.pages_until(document_id, "complete")
    assert model.calls == 1
    for _ in range(5):
        alice.click(document_id)
    until(lambda: stored_status(precis.folder, document_id) == "complete", "it is written again")
    assert model.calls == 2
    alice.edit(document_id, "Another title", text("clicks"))
    time.sleep(1.0)
    assert (alice.status(document_id), model.calls) == ("complete", 2)


def test_who_waits_never_waits_behind_warming(precis: Precis, model: ModelServer, alice: Visitor) -> None:
    def answer(request: Request) -> Script:
        return Script.words() if "somebody waits" in request.prompt else Script.silent()

    model.script(answer)
    stuck = [alice.save(f"Warm {number}", text(f"warming {number}")) for number in range(6)]
    until(lambda: model.running == 2, "every thread of the warm lane is busy")
    wanted = alice.save("Wanted", text("somebody waits"))
    alice.pages_until(wanted, "complete")
    assert {stored_status(precis.folder, i) for i in stuck} == {"pending", "processing"}
    model.script(Script.words())
    precis.kill("warm")
    until(lambda: {stored_status(precis.folder, i) for i in stuck} == {"complete"}, "the rest is written")


# --- edits


def test_edits_within_a_second_and_during_generation(
    precis: Precis, model: ModelServer, alice: Visitor
) -> None:
    """What is shown as current is always of the current text."""
    words = ["amber", "basalt", "cobalt", "dolomite"]
    model.script(
        lambda request: Script.words(f"- Of {named(request.prompt, words)}.", first_word=0.3, every=0.1)
    )
    document_id = alice.save("Stones", text(words[0]))
    pages: list[tuple[str, str]] = []
    for word in words[1:]:
        alice.edit(document_id, "Stones", text(word))
        pages += [(word, alice.page(document_id)) for _ in range(3)]
    pages += [(words[-1], page) for page in alice.pages_until(document_id, "complete")]
    for word, page in pages:
        shown = named(
            page.partition('id="document-')[2].partition("</section>")[0], [f"Of {each}" for each in words]
        )
        is_current = 'data-status="complete"' in page and "data-stale" not in page
        assert not is_current or shown == f"Of {word}"
    assert model.calls <= len(words)


def named(where: str, words: list[str]) -> str:
    return next((word for word in words if word in where), "")


def row(folder: Path, document_id: int, column: str) -> object:
    """A column of the document's newest summary."""
    query = f"SELECT {column} FROM summaries WHERE document_id = ? ORDER BY id DESC LIMIT 1"  # noqa: S608 - our own
    with closing(sqlite3.connect(folder / "precis.sqlite3", timeout=10)) as connection:
        found = connection.execute(query, (document_id,)).fetchone()
    return found[0] if found else None


def stored_status(folder: Path, document_id: int) -> object:
    return row(folder, document_id, "status")


def texts(folder: Path, document_id: int) -> list[str]:
    """All texts that are stored for the document."""
    query = "SELECT text FROM summaries WHERE document_id = ? AND text IS NOT NULL"
    with closing(sqlite3.connect(folder / "precis.sqlite3", timeout=10)) as connection:
        return [str(found[0]) for found in connection.execute(query, (document_id,))]
