"""Each story with its first operation failing, then its second, until a run meets no failure any more; what the
database has a part in also on PostgreSQL, whose connections end with each failure.

Whatever fails, what was answered well is there, nothing is half, and once nothing fails any more all ends well.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tasks import imports, lease
from tests.conftest import MakeApp, llm_environ
from tests.faults.room import AWAY, DONE, Room
from tests.support import nth
from tests.support.model_server import ModelServer, Script
from tests.support.nth import failing
from webapp import originals
from webapp.extensions import db
from webapp.importing.extracted import Extracted
from webapp.models import Document, Summary

pytestmark = pytest.mark.slow

MOST = 300  # operations of one story
Story = Callable[[Room], Iterator[None]]

# A story up to its first `yield` is without a fault; what it asserts after its second one must hold in the end.


def saving(room: Room) -> Iterator[None]:
    text = room.text()
    yield
    answer = room.post("/documents", title="Lamps", text=text)
    room.work()
    if answer.status_code == 303:
        room.watch(int(answer.location.rpartition("/")[2]))
    yield
    assert room.saved(text) in ({1} if answer.status_code == 303 else {0, 1})


def editing(room: Room) -> Iterator[None]:
    document_id, text = room.written(), room.text()
    yield
    answer = room.post(f"/documents/{document_id}", title="Edited", text=text, version="1")
    room.watch(document_id)
    room.work()
    room.watch(document_id)
    yield
    document = db.session.get_one(Document, document_id, populate_existing=True)
    is_edited = document.version == 2
    assert (document.title == "Edited", document.text == text) == (is_edited, is_edited)
    assert is_edited or answer.status_code in AWAY
    assert [row.revision.version for row in document.history.page(1).rows] == list(
        range(document.version, 0, -1)
    )


def asking_again(room: Room) -> Iterator[None]:
    document_id = room.written()
    yield
    answer = room.post(f"/documents/{document_id}/summary", is_htmx=True)
    room.work()
    room.watch(document_id)
    yield
    editions = len(Summary.all_of(document_id))
    assert editions == 2 or (editions == 1 and answer.status_code in AWAY)


def deleting(room: Room) -> Iterator[None]:
    document_id = room.written()
    yield
    answer = room.post(f"/documents/{document_id}/delete")
    room.work()
    yield
    is_there = db.session.get(Document, document_id, populate_existing=True) is not None
    assert not is_there or answer.status_code in AWAY
    assert room.get(f"/documents/{document_id}").status_code == (200 if is_there else 404)


def bringing_in(room: Room) -> Iterator[None]:
    text = room.text()
    yield
    answer = room.upload(text)
    room.work()
    room.get("/imports")
    room.work()
    yield
    assert room.saved(text) in ({1} if answer.status_code == 303 else {0, 1})


def taking_over(room: Room) -> Iterator[None]:
    """A worker has died over a row, and the sweeper and another worker see to it."""
    document_id = room.written()
    room.post(f"/documents/{document_id}/summary")
    room.abandon()
    yield
    room.work()
    room.watch(document_id)
    yield
    assert len(Summary.all_of(document_id)) == 2


STORIES = (saving, editing, asking_again, deleting, bringing_in, taking_over)
REDIS = (nth.command, nth.answer)


ONCE = (nth.statement, nth.commit, nth.lost_commit, nth.command, nth.answer)
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
CASES = [(SQLITE, story, fault, False) for story in STORIES for fault in ONCE]
CASES += [
    (SQLITE, story, fault, True) for story in (saving, bringing_in) for fault in (nth.statement, nth.command)
]
CASES += [(SQLITE, bringing_in, nth.file_write, is_lasting) for is_lasting in (False, True)]
CASES += [
    (POSTGRESQL, story, fault, False)
    for story in (saving, editing, deleting, taking_over)
    for fault in (nth.statement, nth.commit, nth.lost_commit)
]


def read_as_it_is(path: Path, **_: object) -> Extracted:
    """What a process of its own does otherwise, which takes its time."""
    return Extracted(text=path.read_text(), format="plain", kind="text")


@pytest.fixture
def room(
    request: pytest.FixtureRequest,
    make_app: MakeApp,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Room:
    on = {}
    if request.param == POSTGRESQL:
        on["DATABASE_URL"] = request.getfixturevalue("postgresql").new_database()
    monkeypatch.setattr(originals, "ORPHAN_SECONDS", -1e10)
    monkeypatch.setattr(originals, "STALE_SECONDS", -1e10)
    monkeypatch.setattr(imports, "extract", read_as_it_is)
    monkeypatch.setattr(lease, "STORE_SECONDS", 0.05)  # of a fault that lasts, each story meets hundreds
    monkeypatch.setattr(lease, "AGAIN_SECONDS", 0.001)
    model_server.script(Script.words("- The engine was to read its orders from punched cards."))
    room = Room(make_app(**llm_environ(model_server), **on), model_server)
    room.upload(room.text())
    room.settle()
    return room


@pytest.mark.parametrize(
    ("room", "story", "fault", "is_lasting"),
    CASES,
    indirect=["room"],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_no_failure_of_an_operation_loses_anything(
    room: Room, story: Story, fault: nth.Fault, is_lasting: bool
) -> None:
    for number in count(1):
        assert number < MOST
        told = story(room)
        next(told)
        room.begin()
        with failing(fault, number, is_lasting=is_lasting) as struck:
            next(told)
        seen = set(room.answers)
        assert seen <= (DONE if fault in REDIS else DONE | AWAY), (number, seen)
        room.settle()
        next(told, None)
        assert room.broken() == [], number
        assert room.kept() == room.needed(), number
        assert room.calls <= room.tries, number
        if not struck.has_struck:
            return
