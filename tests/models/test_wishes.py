"""Summaries in a reader's own words: asked for by a form alone, each with a life of its own, and only so many."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import ARTICLE, fresh
from tests.support.model_server import ModelServer
from tests.support.worker import work
from webapp.extensions import db
from webapp.models import Document, Member, Status, Summary
from webapp.models import area as areas
from webapp.models.asking import ask_in, query_of, ways
from webapp.models.summary_area import SummaryArea
from webapp.models.wishes import MOST_KEPT, MOST_LIVE, UnusableWish, Wishes, wished
from webapp.models.words import Words
from webapp.summarizing.engine import USUAL, Ask

LAWYER = Ask(instruction="for a lawyer")

pytestmark = pytest.mark.usefixtures("promises")


@pytest.fixture(autouse=True)
def app(staffed_app: Flask) -> Flask:
    return staffed_app


@pytest.fixture
def document(alice: Member) -> Document:
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    return document


def ask(document: Document, words: str = "for a lawyer") -> Ask:
    wanted = wished(USUAL, words)
    Wishes(fresh(document)).ask(wanted)
    return wanted


def look(document: Document, wanted: Ask = LAWYER) -> SummaryArea:
    return areas.look(fresh(document), wanted)


def count(document: Document) -> int:
    db.session.commit()
    return db.session.scalar(select(func.count(Summary.id)).where(Summary.instruction != "")) or 0


def test_a_wish_reaches_the_model_and_leaves_the_usual_summary(
    document: Document, model_server: ModelServer
) -> None:
    before = look(document, USUAL)
    ask(document)
    work()
    assert look(document).state == "complete"
    assert "for a lawyer" in model_server.requests[-1].prompt
    assert look(document, USUAL) == before
    assert fresh(document).summary_id == before.shown_id


def test_to_open_an_address_never_asks(document: Document, model_server: ModelServer) -> None:
    for _ in range(2):
        assert look(document).state == "unasked"
    ask(document)
    work()
    calls = model_server.calls
    fresh(document).revise(db.session.scalars(select(Member)).one(), title="t", text=ARTICLE + " More.")
    area = look(document)
    assert (area.state, area.is_stale) == ("unasked", True)
    assert count(document) == 1
    assert model_server.calls == calls


def test_the_same_wish_again_is_the_same_summary(document: Document, model_server: ModelServer) -> None:
    ask(document)
    ask(document, "  for   a lawyer ")
    work()
    ask(document)
    work()
    assert count(document) == 1
    Wishes(fresh(document)).ask(LAWYER, again=True)
    work()
    assert count(document) == 2


def test_only_so_many_are_written_at_once(document: Document) -> None:
    for number in range(MOST_LIVE):
        ask(document, f"in {number + 3} words")
    with pytest.raises(UnusableWish, match="Wait a little"):
        ask(document, "one more")
    ask(document, "in 3 words")
    assert count(document) == MOST_LIVE
    work()
    ask(document, "one more")


def test_the_oldest_are_forgotten_but_what_people_decided_for(document: Document, alice: Member) -> None:
    first = ask(document, "number 0")
    work()
    words = Words(fresh(document), first)
    words.write(alice, "- By hand.", seen=words.seen)
    for number in range(1, MOST_KEPT + 3):
        ask(document, f"number {number}")
        work()
    assert look(document, first).engine_label == "Edited by Alice"
    assert count(document) <= MOST_KEPT + 1
    assert look(document, Ask(instruction="number 1")).state == "unasked"
    assert look(document, Ask(instruction=f"number {MOST_KEPT}")).state == "complete"


def test_those_of_this_text_are_listed(document: Document, alice: Member) -> None:
    ask(document, "shorter")
    ask(document, "for a lawyer")
    assert [wish.words for wish in Wishes(fresh(document)).asked()] == ["for a lawyer", "shorter"]
    assert Wishes(fresh(document)).asked()[0].query == {"instruction": "for a lawyer"}
    fresh(document).revise(alice, title="t", text=ARTICLE + " More.")
    assert Wishes(fresh(document)).asked() == []
    statuses = db.session.scalars(select(Summary.status).where(Summary.instruction != ""))
    assert set(statuses) == {Status.SUPERSEDED}


@pytest.mark.parametrize("words", ["", "   ", "x" * 301])
def test_no_wish_is_refused(words: str) -> None:
    with pytest.raises(UnusableWish):
        wished(USUAL, words)


def test_an_address_tells_the_wish_and_the_styles_lead_out_of_it(app: Flask) -> None:
    wanted = ask_in({"instruction": "for  a <b>lawyer</b>", "style": "brief"})
    assert wanted and wanted.instruction == "for a <b>lawyer</b>"
    assert ask_in(query_of(wanted)) == wanted
    assert ask_in({"instruction": "x" * 301}) is None
    assert [(way.query.get("instruction"), way.is_shown) for way in ways(wanted)] == [(None, False)] * 3
