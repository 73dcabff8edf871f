"""Styles and languages of a summary: each has a life of its own, and none costs another anything."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tasks.upkeep import sweep_now
from tests.conftest import ARTICLE, MakeApp, fresh, llm_environ
from tests.support.model_server import ModelServer, Script
from tests.support.worker import work
from webapp.extensions import cache, db
from webapp.models import Document, Lane, Member, Status, Summary
from webapp.models import area as areas
from webapp.models.area import SummaryArea
from webapp.models.asking import ask_in, query_of
from webapp.summarizing.engine import USUAL, Ask, Style

BRIEF, DETAILED, GERMAN = Ask(Style.BRIEF), Ask(Style.DETAILED), Ask(language="German")
ANOTHER = ARTICLE.replace("Skerrymore", "Eilean Ban")
IN_GERMAN = """\
- Der Leuchtturm von Skerrymore steht auf einem Felsen im Meer und ist seit vielen Jahren in Betrieb.
- Die Wärterin Ada Lovelace hat das Licht elf Jahre lang gehalten, auch in der Nacht und bei Sturm.
- Der Turm ist mit dem Boot nicht leicht zu erreichen, und die Wege sind für den Winter gesichert."""
OUTCOME = "Ada Lovelace kept the lighthouse at Skerrymore for eleven years."

pytestmark = pytest.mark.usefixtures("promises")


@pytest.fixture(autouse=True)
def app(staffed_app: Flask) -> Flask:
    return staffed_app


@pytest.fixture
def document(alice: Member) -> Document:
    """Saved, and its usual summary written."""
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    return document


def look(document: Document, ask: Ask | None = None) -> SummaryArea:
    return areas.look(fresh(document), ask)


def read(document: Document, ask: Ask | None = None) -> SummaryArea:
    return areas.read(fresh(document), ask)


def rows(document: Document, ask: Ask) -> list[Summary]:
    db.session.commit()
    wanted = select(Summary).where(Summary.document_id == document.id, Summary.is_asking(ask))
    return list(
        db.session.scalars(wanted.order_by(Summary.id), execution_options={"populate_existing": True})
    )


# --- asking for one


def test_no_style_but_the_usual_is_written_until_somebody_picks_it(
    document: Document, model_server: ModelServer
) -> None:
    sweep_now()
    work()
    assert model_server.calls == 1
    assert read(document, BRIEF).state == "unasked"


@pytest.mark.parametrize("ask", [BRIEF, DETAILED, GERMAN], ids=lambda ask: str(ask.language or ask.style))
def test_who_picks_another_one_waits_on_the_interactive_lane_and_gets_it(
    document: Document, model_server: ModelServer, ask: Ask
) -> None:
    if ask == GERMAN:
        model_server.script(Script.words(IN_GERMAN))
    area = look(document, ask)
    assert (area.status, area.html) == (Status.PENDING, None)
    assert [row.lane for row in rows(document, ask)] == [Lane.INTERACTIVE]
    assert read(document).state == "complete", "the usual one is still there"
    work()
    assert (read(document, ask).state, model_server.calls) == ("complete", 2)


def test_the_model_is_asked_for_the_style_and_the_language(
    document: Document, model_server: ModelServer
) -> None:
    look(document, Ask(Style.BRIEF, "German"))
    work()
    prompt = model_server.requests[1].prompt
    assert "one or two sentences" in prompt and "in German" in prompt


def test_five_clicks_on_a_style_make_one_call(
    document: Document, model_server: ModelServer, app: Flask
) -> None:
    model_server.script(Script.words(OUTCOME, first_word=0.1))
    document_id, before = document.id, model_server.calls

    def click() -> None:
        with app.app_context():
            areas.look(db.session.get_one(Document, document_id), BRIEF)

    together(5, click)
    together(3, work_in(app))
    assert model_server.calls == before + 1
    assert [row.status for row in rows(document, BRIEF)] == [Status.COMPLETE]


def test_each_style_is_cached_under_its_own_key(document: Document, model_server: ModelServer) -> None:
    model_server.script(Script.words(OUTCOME))
    look(document, BRIEF)
    work()
    calls = model_server.calls
    assert OUTCOME in str(look(document, BRIEF).html)
    assert OUTCOME not in str(look(document).html)
    assert model_server.calls == calls


def test_another_style_says_nothing_in_the_library(document: Document, model_server: ModelServer) -> None:
    before = fresh(document).summary_id
    model_server.script(Script.too_long())
    look(document, BRIEF)
    work()
    assert read(document, BRIEF).state == "failed"
    assert (fresh(document).summary_id, fresh(document).summary_status) == (before, Status.COMPLETE)


def test_a_short_text_gets_no_style_unless_asked(alice: Member, model_server: ModelServer) -> None:
    document = alice.documents.add(title="Short", text="It is short.")
    assert look(document, BRIEF).state == "short"
    document.summarize_later(BRIEF, again=True)
    work()
    assert (look(document, BRIEF).state, look(document).state) == ("complete", "short")
    assert model_server.calls == 1


# --- each goes its own way


def test_to_ask_for_a_style_voids_no_other(alice: Member, model_server: ModelServer) -> None:
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    look(document, BRIEF)
    look(document, DETAILED)
    assert [read(document, ask).status for ask in (USUAL, BRIEF, DETAILED)] == ["pending"] * 3
    work()
    assert [read(document, ask).status for ask in (USUAL, BRIEF, DETAILED)] == ["complete"] * 3
    assert model_server.calls == 3


def test_to_regenerate_one_leaves_the_others(document: Document, model_server: ModelServer) -> None:
    look(document, BRIEF)
    work()
    document.summarize_later(again=True)
    document.summarize_later(BRIEF, again=True)
    assert read(document, BRIEF).is_replacing and read(document).is_replacing
    work()
    assert [row.edition for row in rows(document, BRIEF)] == [1, 2]
    assert model_server.calls == 4


def test_an_edit_voids_all_that_wait_and_labels_each_style(alice: Member, document: Document) -> None:
    look(document, BRIEF)
    work()
    look(document, DETAILED)
    fresh(document).revise(alice, title="Skerrymore", text=ANOTHER)
    assert [row.status for row in rows(document, DETAILED)] == [Status.SUPERSEDED]
    area = look(document, BRIEF)
    assert (area.is_stale, area.version, area.status) == (True, 1, Status.PENDING)
    assert look(document).is_stale
    work()
    assert not read(document, BRIEF).is_stale and not read(document).is_stale


def test_an_undone_edit_brings_every_style_back_without_a_call(
    alice: Member, document: Document, model_server: ModelServer
) -> None:
    look(document, BRIEF)
    work()
    calls = model_server.calls
    fresh(document).revise(alice, title="Skerrymore", text=ANOTHER)
    fresh(document).revise(alice, title="Skerrymore", text=ARTICLE)
    assert (look(document, BRIEF).state, look(document).state) == ("complete", "complete")
    work()
    assert model_server.calls == calls


def test_deleted_document_leaves_no_style_in_the_cache(document: Document) -> None:
    look(document, BRIEF)
    work()
    content_hash = document.content_hash
    assert Summary.cached(document.id, content_hash, BRIEF)
    fresh(document).remove()
    assert Summary.cached(document.id, content_hash, BRIEF) is None


# --- other settings


def test_after_a_change_of_the_model_waiting_styles_are_asked_anew(
    document: Document, model_server: ModelServer, make_app: MakeApp
) -> None:
    look(document, BRIEF)
    make_app(**{**llm_environ(model_server), "PRECIS_MODEL": "another"})
    work()
    assert model_server.calls == 1, "a worker takes no row of another recipe"
    sweep_now()
    work()
    assert [row.status for row in rows(document, BRIEF)] == [Status.SUPERSEDED, Status.COMPLETE]
    assert [request.body["model"] for request in model_server.requests[1:]] == ["another"]


def test_a_style_that_was_asked_anew_already_is_asked_for_once(
    document: Document, model_server: ModelServer, make_app: MakeApp
) -> None:
    look(document, BRIEF)
    make_app(**{**llm_environ(model_server), "PRECIS_MODEL": "another"})
    look(document, BRIEF)
    sweep_now()
    work()
    assert [row.status for row in rows(document, BRIEF)] == [Status.SUPERSEDED, Status.COMPLETE]
    assert model_server.calls == 2


def test_rows_of_other_styles_are_not_outdated(document: Document) -> None:
    look(document, BRIEF)
    before = [row.id for row in rows(document, BRIEF)]
    sweep_now()
    assert [row.id for row in rows(document, BRIEF)] == before


def test_the_style_of_the_team_is_the_one_that_is_warmed(
    model_server: ModelServer, make_app: MakeApp, alice: Member
) -> None:
    make_app(**{**llm_environ(model_server), "PRECIS_STYLE": "brief"})
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    assert "one or two sentences" in model_server.requests[0].prompt
    assert (look(document).state, model_server.calls) == ("complete", 1)
    assert fresh(document).summary_id == rows(document, BRIEF)[0].id


def test_a_new_style_of_the_team_takes_up_what_is_there(
    document: Document, model_server: ModelServer, make_app: MakeApp
) -> None:
    look(document, BRIEF)
    work()
    calls = model_server.calls
    make_app(**{**llm_environ(model_server), "PRECIS_STYLE": "brief"})
    cache.clear()
    assert look(document).state == "complete"
    assert fresh(document).summary_id == rows(document, BRIEF)[0].id
    work()
    assert model_server.calls == calls


def test_a_new_style_of_the_team_is_written_once_the_document_is_opened(
    document: Document, model_server: ModelServer, make_app: MakeApp
) -> None:
    make_app(**{**llm_environ(model_server), "PRECIS_STYLE": "brief"})
    sweep_now()
    work()
    assert model_server.calls == 1
    area = look(document)
    assert (area.state, area.is_replacing) == ("waiting", True)
    work()
    assert (look(document).state, model_server.calls) == ("complete", 2)


# --- the embedded engine


def test_the_embedded_engine_has_styles_and_no_languages(make_app: MakeApp, alice: Member) -> None:
    make_app()
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    assert ask_in({"style": "detailed", "language": "de"}) == DETAILED
    look(document, DETAILED)
    look(document, BRIEF)
    work()
    area = look(document, DETAILED)
    assert (area.state, area.languages) == ("complete", ())
    assert rows(document, DETAILED)[0].format == "markdown"
    assert rows(document, BRIEF)[0].format == "sentences"
    assert str(area.html) != str(look(document, BRIEF).html)


# --- addresses


@pytest.mark.parametrize("ask", [USUAL, BRIEF, GERMAN, Ask(Style.DETAILED, "Chinese")], ids=str)
def test_an_address_says_what_is_asked(ask: Ask) -> None:
    assert ask_in(query_of(ask)) == ask


@pytest.mark.parametrize("query", [{"style": "long"}, {"language": "xx"}, {"language": "German"}], ids=str)
def test_an_address_asks_for_nothing_that_there_is_not(query: dict[str, str]) -> None:
    assert ask_in(query) is None


def work_in(app: Flask) -> Callable[[], None]:
    def run() -> None:
        with app.app_context():
            work()

    return run


def together(number: int, do: Callable[[], object]) -> None:
    """Do it in so many threads at once."""
    threads = [threading.Thread(target=do) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
