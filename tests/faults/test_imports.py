"""Real processes: a thousand files at once, and workers that die over them."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ARTICLE
from tests.support.precis import Precis, until
from tests.support.visitor import Visitor

pytestmark = pytest.mark.slow


@pytest.fixture
def precis(tmp_path: Path) -> Iterator[Precis]:
    with Precis(tmp_path) as precis:
        yield precis


@pytest.fixture
def alice(precis: Precis) -> Iterator[Visitor]:
    alice = Visitor(precis.address, precis.add_member("Alice"))
    yield alice
    alice.close()


def upload(visitor: Visitor, number: int) -> int:
    """Bring in so many small files with one form. Returns the status code."""
    files = [("file", (f"{each}.txt", f"File {each}.\n\n{ARTICLE}".encode())) for each in range(number)]
    form = {"csrf_token": visitor.token, "title": "", "text": "", "url": ""}
    return visitor.client.post("/documents", data=form, files=files).status_code


def told(visitor: Visitor) -> str:
    """How it goes, in the words of the page."""
    found = re.search(r'id="imports-status"[^>]*>(.*?)</p>', visitor.client.get("/imports").text, re.DOTALL)
    assert found
    return " ".join(found[1].split())


def test_a_thousand_files_leave_the_site_answering(precis: Precis, alice: Visitor) -> None:
    document_id, seen, done = alice.save("Read meanwhile", ARTICLE), [], threading.Event()
    bob = Visitor(precis.address, precis.add_member("Bob"))

    def look() -> None:
        while not done.wait(0.02):
            seen.append(bob.client.get(f"/documents/{document_id}").status_code)

    looking = threading.Thread(target=look)
    looking.start()
    until(lambda: seen, "somebody reads")
    before = len(seen)
    assert upload(alice, 1000) == 303
    during = len(seen) - before
    until(lambda: re.search(r"\d{2,} done", told(alice)), "some are done")
    after = len(seen) - before - during
    done.set()
    looking.join()
    bob.close()
    assert set(seen) == {200}
    assert during > 0, "nobody was answered while the files came"
    assert after > 0, "nobody was answered while they were read"


def test_workers_that_are_killed_over_files_lose_and_double_none(precis: Precis, alice: Visitor) -> None:
    number = 24
    assert upload(alice, number) == 303
    for _ in range(2):
        until(lambda: "being read" in told(alice), "one is being read")
        precis.until_restarted("warm", precis.kill("warm"))
    until(lambda: told(alice) == f"{number} done.", "all are done", 120)
    with closing(sqlite3.connect(precis.folder / "precis.sqlite3")) as connection:
        titles = [row[0] for row in connection.execute("SELECT title FROM documents")]
        assert connection.execute("SELECT count(*) FROM imports WHERE crashes > 0").fetchone()[0] > 0
    assert sorted(titles) == sorted(map(str, range(number)))
