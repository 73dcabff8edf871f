"""Real processes: a library is made anew while everything is killed, and while somebody reads."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ARTICLE
from tests.support.model_server import ModelServer, Script
from tests.support.precis import Account, Precis, until
from tests.support.visitor import Visitor

pytestmark = pytest.mark.slow
DOCUMENTS = 12
CONCURRENCY = 8  # 4 threads of the warm lane, one of which stays free


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def library(server: ModelServer, tmp_path: Path) -> Path:
    """The folder of a library whose summaries the model `old` has made."""
    with installation(server, tmp_path, "old") as precis:
        visitor = Visitor(precis.address, precis.add_member("Alice", "admin"))
        for number in range(DOCUMENTS):
            visitor.save(f"Document {number}", f"{ARTICLE}\n\nMark {number}.")
        until(lambda: column(tmp_path, SHOWN) == ["old"] * DOCUMENTS, "all have their summary")
        visitor.close()
    return tmp_path


def installation(server: ModelServer, folder: Path, model: str) -> Precis:
    environ = {"OPENAI_BASE_URL": server.base_url, "PRECIS_MODEL": model, "PRECIS_LLM_CONCURRENCY": str(CONCURRENCY),
               "PRECIS_WARM_PER_HOUR": "20"}  # fmt: skip
    return Precis(folder, environ)


SHOWN = "SELECT model FROM summaries JOIN documents ON shown_summary_id = summaries.id"
STATE = "SELECT state FROM rewarmings"
DONE = "SELECT done FROM rewarmings"


COMPLETE = "SELECT id FROM summaries WHERE status = 'complete' AND document_id = ?"


def column(folder: Path, query: str, *values: object) -> list[object]:
    with closing(sqlite3.connect(folder / "precis.sqlite3", timeout=10)) as connection:
        return [row[0] for row in connection.execute(query, values)]


def calls_of(server: ModelServer) -> Counter[str]:
    """How often the new model was asked for each document."""
    asked = [request for request in server.requests if request.body.get("model") == "new"]
    return Counter(found[1] for request in asked if (found := re.search(r"Mark (\d+)\.", request.prompt)))


def begin(precis: Precis) -> None:
    command = precis.run("rewarm", "--yes")
    assert command.wait() == 0, command.output
    assert f"Begun: {DOCUMENTS} documents." in command.output
    assert "No worker" not in command.output


def test_everything_killed_in_the_middle_goes_on_by_itself_and_pays_once(
    library: Path, server: ModelServer
) -> None:
    server.script(Script.words(first_word=0.3))
    precis = installation(server, library, "new")
    try:
        precis.start()
        begin(precis)
        until(lambda: column(library, SHOWN).count("new") >= 3, "some are made anew")
        precis.destroy()
        assert "new" in column(library, SHOWN) and "old" in column(library, SHOWN)
        precis.start()
        until(lambda: column(library, STATE) == ["finished"], "it has gone on to its end")
        assert column(library, SHOWN) == ["new"] * DOCUMENTS
        assert column(library, DONE) == [DOCUMENTS]
        calls = calls_of(server)
        assert len(calls) == DOCUMENTS
        assert sum(calls.values()) - DOCUMENTS <= 3, "only what was under way is paid again"
        precis.stop()
    finally:
        precis.destroy()


def test_who_reads_or_saves_meanwhile_waits_behind_none_of_it(library: Path, server: ModelServer) -> None:
    is_open = False
    busy = Script.words()

    def answer(request: object) -> Script:
        prompt = request.prompt  # type: ignore[attr-defined]
        is_awaited = "Mark 0." in prompt or "Mark fresh." in prompt
        return busy if is_awaited else busy.but(events=(lambda: is_open, *busy.events))

    server.script(answer)
    with installation(server, library, "new") as precis:
        visitor = Visitor(precis.address, Account("Alice", "alice@example.org"))
        begin(precis)
        until(lambda: sum(calls_of(server).values()) >= 3, "its calls are under way, and none of them ends")
        first = min(column(library, "SELECT id FROM documents"))  # type: ignore[type-var]
        assert "made with old" in visitor.page(int(str(first)))
        visitor.pages_until(int(str(first)), "complete")
        fresh = visitor.save("Fresh", f"{ARTICLE}\n\nMark fresh.")
        until(lambda: column(library, COMPLETE, fresh), "it is written, though nobody opened it")
        assert column(library, STATE) == ["running"]
        is_open = True
        until(lambda: column(library, STATE) == ["finished"], "the rest follows")
        visitor.close()
