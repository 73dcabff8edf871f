"""Feedback: one vote of a member for each summary, told by what made it."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import ARTICLE, add_member, fresh
from tests.support.worker import work
from webapp.extensions import db
from webapp.models import Document, Feedback, Member, Role
from webapp.models.feedback import NOTE_CHARS, PAGE_SIZE, TooLong
from webapp.models.words import Words
from webapp.summarizing.engine import USUAL


@pytest.fixture
def document(llm_app: Flask) -> Document:
    document = add_member("Alice", Role.EDITOR).documents.add(title="Skerrymore", text=ARTICLE)
    work()
    return db.session.get_one(Document, document.id, populate_existing=True)


@pytest.fixture
def bob(llm_app: Flask) -> Member:
    return add_member("Bob", Role.READER)


def test_a_vote_is_one_changed_and_withdrawn(document: Document, bob: Member) -> None:
    summary_id = document.summary_id or 0
    Feedback.say(bob, summary_id, is_useful=True, note=" Well\n said. ")
    Feedback.say(bob, summary_id, is_useful=False, note="On second thoughts, no.")
    vote = Feedback.of(bob, fresh(document), summary_id)
    assert vote and (vote.is_useful, vote.note) == (False, "On second thoughts, no.")
    assert db.session.scalar(select(func.count()).select_from(Feedback)) == 1
    Feedback.withdraw(bob, summary_id)
    assert Feedback.of(bob, fresh(document), summary_id) is None


def test_a_note_has_an_end(document: Document, bob: Member) -> None:
    Feedback.say(bob, document.summary_id or 0, is_useful=True, note="x" * NOTE_CHARS)
    with pytest.raises(TooLong):
        Feedback.say(bob, document.summary_id or 0, is_useful=True, note="x" * (NOTE_CHARS + 1))


def test_a_vote_on_what_is_gone_is_none(document: Document, bob: Member) -> None:
    Feedback.say(bob, 999, is_useful=True)
    summary_id = document.summary_id or 0
    Feedback.say(bob, summary_id, is_useful=True)
    document.remove()
    assert db.session.scalars(select(Feedback)).all() == []


def test_votes_are_told_by_what_made_the_summary(document: Document, bob: Member) -> None:
    alice = db.session.scalars(select(Member).order_by(Member.id)).first()
    assert alice
    generated = document.summary_id or 0
    Feedback.say(alice, generated, is_useful=True)
    Feedback.say(bob, generated, is_useful=False)
    words = Words(document, USUAL)
    words.write(alice, "- Mine.", seen=words.seen)
    shown = Words(db.session.get_one(Document, document.id, populate_existing=True), USUAL).shown()
    assert shown
    Feedback.say(bob, shown.id, is_useful=True)
    told = [(tally.label, tally.style, tally.useful, tally.useless) for tally in Feedback.by_recipe()]
    assert told == [("Written by scripted", "key points", 1, 1), ("People", "key points", 1, 0)]
    said = Feedback.page(1)
    assert [(voice.member_name, voice.label) for voice in said.voices[:1]] == [("Bob", "Edited by Alice")]
    assert (said.total, said.pages, Feedback.page(9).page) == (3, 1, 1)


def test_pages_of_votes_are_full(document: Document) -> None:
    for number in range(PAGE_SIZE + 1):
        member = Member(email=f"{number}@example.org", name=f"M{number}", password_hash="x", role=Role.READER)
        db.session.add(member)
        db.session.commit()
        Feedback.say(member, document.summary_id or 0, is_useful=True)
    assert [len(Feedback.page(number).voices) for number in (1, 2)] == [PAGE_SIZE, 1]
    assert Feedback.page(1).has_next and Feedback.page(2).has_previous
