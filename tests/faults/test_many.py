"""F36 and F37: a thousand documents at once, and a library that is brought back from a copy."""

import hashlib
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete

from tests.conftest import ARTICLE
from tests.faults.house import House
from tests.faults.outcome import Outcome
from tests.support.model_server import Request, Script
from tests.support.postgresql import Postgresql
from tests.support.precis import until
from tests.support.visitor import Visitor
from webapp.extensions import db
from webapp.models import Document, Member
from webapp.models.holding import holding

THOUSAND = 1_000

pytestmark = pytest.mark.slow


@pytest.mark.fault("F36", "Somebody saves a thousand documents, and somebody else one")
def test_who_waits_never_waits_behind_a_thousand(house: House, outcome: Outcome) -> None:
    house.model.script(Script.words(first_word=0.1))
    bob = Visitor(house.precis.address, house.precis.add_member("Bob"))
    many = save_many(house)
    until(lambda: house.model.running, "they are being written")
    outcome.struck()
    document_id = bob.save("Wanted", house.text())
    bob.pages_until(document_id, "complete")
    outcome.recovered("who opens a document has a lane of their own")
    assert house.unfinished > THOUSAND / 2
    bob.close()
    outcome.completed_elsewhere(delete_all(house, many))


def save_many(house: House) -> list[int]:
    with house.in_app():
        alice = Member.with_email("alice@example.org")
        assert alice
        texts = [f"{ARTICLE}\n\nNumber {number} of a thousand." for number in range(THOUSAND)]
        return [alice.documents.add(title="One of many", text=text).id for text in texts]


def delete_all(house: House, ids: list[int]) -> int:
    """Delete these documents. Returns how many of them had their summary."""
    written = house.completed
    with house.in_app(), holding(*ids):
        db.session.execute(delete(Document).where(Document.id.in_(ids)))
    until(lambda: house.model.running == 0, "nobody writes any more")
    return written - house.completed


@pytest.mark.fault("F36", "Warming takes every thread there is for it, and never ends")
def test_who_waits_never_waits_behind_warming(house: House, outcome: Outcome) -> None:
    is_over = threading.Event()
    held = Script.held(is_over.is_set)

    def answer(request: Request) -> Script:
        return Script.words() if "somebody waits" in request.prompt else held

    house.model.script(answer)
    stuck = [house.save() for _ in range(6)]
    until(lambda: house.model.running == 2, "every thread of the warm lane is busy")
    outcome.struck()
    wanted = house.alice.save("Wanted", f"{house.text()} Here somebody waits.")
    house.alice.pages_until(wanted, "complete")
    outcome.recovered("who opens a document has a lane of their own")
    assert {house.status(each) for each in stuck} == {"pending", "processing"}
    is_over.set()
    house.until_complete(*stuck)


@pytest.mark.fault("F37", "A copy of the database, made under load, is all that is left; Redis is empty")
def test_library_lives_on_from_a_copy(
    house: House, outcome: Outcome, tmp_path: Path, postgresql: Postgresql
) -> None:
    is_over = threading.Event()
    ready = [house.save() for _ in range(5)]
    house.until_complete(*ready)
    house.model.script(Script.held(is_over.is_set))
    waiting = [house.save() for _ in range(5)]
    until(lambda: house.model.running, "some are being written")
    url = copied(house, tmp_path / "copy", postgresql)
    before = {each: digest(house, each) for each in ready}
    is_over.set()
    house.until_complete(*waiting)
    outcome.struck()
    with House(tmp_path / "copy", house.model, url=url, is_new=False) as copy:
        copy.until_complete(*ready, *waiting)
        outcome.recovered("every summary is there, and what was on its way is finished")
        assert {each: digest(copy, each) for each in ready} == before
        assert copy.violations() == []
        outcome.completed_elsewhere(len(waiting))


def copied(house: House, folder: Path, postgresql: Postgresql) -> str:
    """Copy its database while it runs, and no more than that. Returns the address of a PostgreSQL, if it is that."""
    folder.mkdir()
    if house.database == "SQLite":
        with (
            closing(sqlite3.connect(house.precis.folder / "precis.sqlite3")) as source,
            closing(sqlite3.connect(folder / "precis.sqlite3")) as target,
        ):
            source.backup(target)
        return ""
    return postgresql.copy(house.precis.settings["DATABASE_URL"])


def digest(house: House, document_id: int) -> str:
    texts = [row.text or "" for row in house.summaries(document_id)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
