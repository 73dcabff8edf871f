"""A person's words win: nothing that is generated takes them off the page, and only people put them aside."""

import threading

import pytest
from flask import Flask
from sqlalchemy import select, update

from tasks.upkeep import sweep_now
from tests.conftest import ARTICLE, MakeApp, add_member, fresh, llm_environ
from tests.support.model_server import ModelServer, Script
from tests.support.worker import work
from webapp.extensions import cache, db, transaction
from webapp.models import Document, Member, Role, Status, Summary
from webapp.models import area as areas
from webapp.models.area import SummaryArea
from webapp.models.asking import recipe_for
from webapp.models.chosen import PERSON
from webapp.models.document import StaleEdit
from webapp.models.markdown import markdown
from webapp.models.summary import cache_key
from webapp.models.words import LONGEST_CHARS, UnusableWords, Words, as_markdown
from webapp.summarizing.engine import USUAL, Ask, Style

BRIEF = Ask(Style.BRIEF)
MINE = "- Ada kept the light.\n- The rock is **bare**."
ANOTHER = ARTICLE.replace("Skerrymore", "Eilean Ban")

pytestmark = pytest.mark.usefixtures("promises")


@pytest.fixture(autouse=True)
def app(staffed_app: Flask) -> Flask:
    return staffed_app


@pytest.fixture
def bob(app: Flask) -> Member:
    return add_member("Bob", Role.EDITOR)


@pytest.fixture
def document(alice: Member) -> Document:
    """Saved, and its usual summary written."""
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    return document


def read(document: Document, ask: Ask = USUAL) -> SummaryArea:
    return areas.read(fresh(document), ask)


def write(document: Document, member: Member, text: str = MINE, ask: Ask = USUAL) -> bool:
    words = Words(fresh(document), ask)
    return words.write(member, text, seen=words.seen)


def choose(document: Document, summary_id: int, ask: Ask = USUAL) -> None:
    words = Words(fresh(document), ask)
    words.choose(summary_id, choices=words.document.choices)


def generate(document: Document, ask: Ask = USUAL) -> None:
    fresh(document).summarize_later(ask, again=True)
    work()


def by_people(document: Document) -> list[Summary]:
    db.session.commit()
    wanted = select(Summary).where(Summary.document_id == document.id, Summary.engine == PERSON)
    return list(db.session.scalars(wanted.order_by(Summary.id)))


def assert_shows_my_words(document: Document, ask: Ask = USUAL) -> SummaryArea:
    area = read(document, ask)
    assert area.html and "Ada kept the light." in area.html
    assert area.engine_label == "Edited by Alice"
    return area


def test_edited_summary_is_shown_with_who_and_when(document: Document, alice: Member) -> None:
    assert write(document, alice)
    area = assert_shows_my_words(document)
    assert (area.status, area.version, area.is_stale) == ("complete", 1, False)
    assert area.html and "<strong>bare</strong>" in area.html
    assert area.written_at
    assert {fact.name for fact in area.provenance} >= {"Engine", "Of version"}
    assert "Model" not in {fact.name for fact in area.provenance}


def test_edited_summary_is_what_the_library_the_file_and_the_history_tell(
    document: Document, alice: Member
) -> None:
    write(document, alice)
    (row,) = alice.documents.page(1).rows
    assert row.excerpt == "Ada kept the light. The rock is bare."
    told = markdown(alice.documents.get_or_404(document.id))
    assert "Edited by Alice" in told and "Ada kept the light." in told and "Written by" not in told
    assert fresh(document).history.page(1).rows[0].excerpt == row.excerpt
    revision = fresh(document).history.get_or_404(1)
    past = areas.of_revision(fresh(document), revision)
    assert past and past.engine_label == "Edited by Alice"


def test_edited_summary_leads_to_the_passages_that_share_its_words(document: Document, alice: Member) -> None:
    write(
        document,
        alice,
        "- In four summers the masons cut 4,300 blocks.\n- Zebras grazed beneath the northern railway bridges.",
    )
    area = read(document)
    assert area.is_linked
    assert area.html and "passage-link" in area.html and "no passage found" in area.html


@pytest.mark.parametrize("restart", ["button", "sweep", "save of the title"])
def test_nothing_that_is_generated_takes_a_persons_words_off_the_page(
    document: Document, alice: Member, model_server: ModelServer, restart: str
) -> None:
    write(document, alice)
    calls = model_server.calls
    if restart == "button":
        generate(document)
        assert model_server.calls == calls + 1
    elif restart == "sweep":
        with transaction():
            db.session.execute(update(Document).values(summary_id=None, summary_status=None))
        sweep_now()
        work()
        assert model_server.calls == calls + 1
    else:
        fresh(document).revise(alice, title="Another title", text=ARTICLE)
        work()
    area = assert_shows_my_words(document)
    assert area.hand and area.hand.beside
    assert area.hand.beside.is_newer == (restart != "save of the title")
    assert [row.excerpt for row in alice.documents.page(1).rows] == ["Ada kept the light. The rock is bare."]


def test_words_stay_while_another_one_is_written_and_when_it_fails(
    document: Document, alice: Member, model_server: ModelServer
) -> None:
    write(document, alice)
    fresh(document).summarize_later(again=True)
    area = assert_shows_my_words(document)
    assert (area.status, area.is_stale) == ("pending", False)
    model_server.script(Script.error(400, "content_filter"))
    work()
    assert assert_shows_my_words(document).state == "failed"


def test_another_model_makes_a_new_summary_beside_the_words(
    document: Document, alice: Member, make_app: MakeApp, model_server: ModelServer
) -> None:
    write(document, alice)
    db.session.remove()
    make_app(**{**llm_environ(model_server), "PRECIS_MODEL": "newer"})
    areas.look(fresh(document))
    work()
    area = assert_shows_my_words(document)
    assert area.hand and area.hand.beside and area.hand.beside.label == "Written by newer"


def test_a_new_text_leaves_the_words_and_says_of_which_version_they_are(
    document: Document, alice: Member
) -> None:
    write(document, alice)
    fresh(document).revise(alice, title="Skerrymore", text=ANOTHER)
    area = assert_shows_my_words(document)
    assert (area.status, area.is_stale, area.version, area.is_linked) == ("pending", True, 1, False)
    work()
    area = assert_shows_my_words(document)
    assert (area.status, area.is_stale) == ("complete", True)
    assert (
        area.hand
        and area.hand.beside
        and (area.hand.beside.version, area.hand.beside.is_newer)
        == (
            2,
            True,
        )
    )


def test_using_another_one_puts_the_words_aside_and_they_can_be_used_again(
    document: Document, alice: Member
) -> None:
    write(document, alice)
    generate(document)
    area = read(document)
    assert area.hand and area.hand.beside
    choose(document, area.hand.beside.id)
    area = read(document)
    assert area.engine_label == "Written by scripted"
    assert area.hand and not area.hand.is_shown
    (aside,) = area.hand.earlier
    assert (aside.author, aside.version) == ("Alice", 1)
    generate(document)
    assert read(document).engine_label == "Written by scripted"
    choose(document, aside.id)
    assert_shows_my_words(document)


def test_an_undone_edit_brings_the_words_of_that_text_back(document: Document, alice: Member) -> None:
    write(document, alice)
    fresh(document).revise(alice, title="Skerrymore", text=ANOTHER)
    work()
    area = read(document)
    assert area.hand and area.hand.beside
    choose(document, area.hand.beside.id)
    assert read(document).engine_label == "Written by scripted"
    fresh(document).revise(alice, title="Skerrymore", text=ARTICLE)
    area = assert_shows_my_words(document)
    assert (area.status, area.is_stale) == ("complete", False)
    fresh(document).revise(alice, title="Skerrymore", text=ANOTHER)
    assert read(document).engine_label == "Written by scripted"


def test_editing_again_keeps_the_words_before(document: Document, alice: Member, bob: Member) -> None:
    write(document, alice)
    write(document, bob, "- Bob knows better.")
    area = read(document)
    assert area.engine_label == "Edited by Bob"
    assert area.hand and [(each.author) for each in area.hand.earlier] == ["Alice"]
    assert [row.edition for row in by_people(document)] == [1, 2]
    choose(document, by_people(document)[0].id)
    assert_shows_my_words(document)


def test_saving_what_is_there_makes_nothing(document: Document, alice: Member) -> None:
    shown = Words(fresh(document), USUAL).shown()
    assert shown and not write(document, alice, as_markdown(shown).replace("\n", "\r\n") + "\n")
    assert by_people(document) == []


@pytest.mark.parametrize("text", ["", " \r\n\0", "x" * (LONGEST_CHARS + 1)])
def test_words_that_are_none_are_refused(document: Document, alice: Member, text: str) -> None:
    with pytest.raises(UnusableWords):
        write(document, alice, text)
    assert by_people(document) == []


def test_what_changed_meanwhile_is_a_conflict(document: Document, alice: Member, bob: Member) -> None:
    seen = Words(fresh(document), USUAL).seen
    generate(document)
    with pytest.raises(StaleEdit):
        Words(fresh(document), USUAL).write(alice, MINE, seen=seen)
    seen = Words(fresh(document), USUAL).seen
    write(document, bob, "- Bob was here.")
    with pytest.raises(StaleEdit):
        Words(fresh(document), USUAL).write(alice, MINE, seen=seen)
    with pytest.raises(StaleEdit):
        Words(fresh(document), USUAL).choose(by_people(document)[0].id, choices=0)
    seen = Words(fresh(document), USUAL).seen
    fresh(document).revise(bob, title="Skerrymore", text=ANOTHER)
    with pytest.raises(StaleEdit):
        Words(fresh(document), USUAL).write(alice, MINE, seen=seen)
    assert read(document).engine_label == "Edited by Bob"


def test_of_two_editors_at_once_one_wins(app: Flask, document: Document, alice: Member, bob: Member) -> None:
    seen, barrier, outcomes = Words(fresh(document), USUAL).seen, threading.Barrier(2), []

    def edit(member_id: int) -> None:
        with app.app_context():
            words = Words(db.session.get_one(Document, document.id), USUAL)
            member = db.session.get_one(Member, member_id)
            barrier.wait()
            try:
                outcomes.append(words.write(member, f"- By {member.name}.", seen=seen))
            except StaleEdit:
                outcomes.append(False)

    threads = [threading.Thread(target=edit, args=(member.id,)) for member in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True]
    assert len(by_people(document)) == 1


def test_each_style_has_words_of_its_own(document: Document, alice: Member) -> None:
    areas.look(fresh(document), BRIEF)
    work()
    write(document, alice, "Briefly: Ada kept the light.", BRIEF)
    assert_shows_my_words(document, BRIEF)
    assert read(document).engine_label == "Written by scripted"
    generate(document, BRIEF)
    area = assert_shows_my_words(document, BRIEF)
    assert area.hand and area.hand.beside and area.hand.beside.is_newer


def test_empty_cache_changes_nothing_and_a_full_one_reads_no_summary(
    document: Document, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(document, alice)
    generate(document)
    warm = [read(document), read(document)]
    cache.clear()
    cold = read(document)
    assert cold == warm[0] == warm[1]
    monkeypatch.setattr(Summary, "ready", None)  # what is cached is not made again
    monkeypatch.setattr(Words, "_in_use", None)
    assert read(document) == cold


@pytest.mark.parametrize("ask", [USUAL, BRIEF], ids=lambda ask: str(ask.style))
def test_cache_that_is_an_edition_behind_is_not_believed(
    document: Document, alice: Member, model_server: ModelServer, ask: Ask
) -> None:
    """A page may be read between the commit of a summary and the filling of the cache: its stream ends with that."""
    areas.look(fresh(document), ask)
    work()
    key = cache_key(document.id, document.content_hash, recipe_for(ask).hash)
    behind = cache.get(key)
    model_server.script(Script.words("- Newer.\n- By far."))
    generate(document, ask)
    cache.set(key, behind)
    assert "Newer." in str(read(document, ask).html)


def test_words_of_a_member_who_has_left_stay(document: Document, alice: Member, bob: Member) -> None:
    write(document, bob, MINE)
    read(document)
    with transaction():
        db.session.execute(db.delete(Member).where(Member.id == bob.id))
    assert read(document).engine_label == "Edited by a former member"


def test_deleting_a_document_leaves_none_of_its_words(document: Document, alice: Member) -> None:
    write(document, alice)
    known = Words(fresh(document), USUAL)
    assert known.known()["words"] and known._cached()
    fresh(document).remove()
    assert not known._cached()
    assert db.session.scalars(select(Summary.id)).all() == []


def test_words_are_no_workers_business(document: Document, alice: Member) -> None:
    write(document, alice)
    (row,) = by_people(document)
    assert Summary.claim(row.id) is None
    assert (row.status, row.attempts, row.lease_until) == (Status.COMPLETE, 0, None)


def test_the_embedded_engines_sentences_become_points_to_edit(make_app: MakeApp) -> None:
    make_app(PRECIS_ENGINE="extract")
    member = add_member("Carol", Role.EDITOR)
    document = member.documents.add(title="t", text=ARTICLE)
    work()
    shown = Words(fresh(document), USUAL).shown()
    assert shown and shown.format == "sentences"
    lines = as_markdown(shown).split("\n")
    assert lines and all(line.startswith("- ") for line in lines)
    assert write(document, member, as_markdown(shown) + "\n- And mine.")
    assert read(document).engine_label == "Edited by Carol"
