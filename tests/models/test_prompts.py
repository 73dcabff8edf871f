"""The team's own prompts: in force everywhere at once, with nothing hidden, nothing done twice and no stampede."""

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from tasks.upkeep import sweep_now
from tests.conftest import ARTICLE, MakeApp, add_member, fresh, llm_environ
from tests.models.test_styles import ANOTHER, BRIEF, look, rows
from tests.support.browser import Browser
from tests.support.long_texts import CONTEXT, NoteTaker, paragraphs
from tests.support.model_server import SUMMARY, ModelServer, Script
from tests.support.worker import work
from webapp.extensions import cache, db, now, transaction
from webapp.models import Document, Lane, Member, Prompt, Role, Status, Summary, TryOut
from webapp.models.asking import asking, usual
from webapp.models.prompt import StalePrompt
from webapp.models.tryout import TooManyTryOuts, TryOuts
from webapp.summarizing.engine import USUAL, Ask, Style

TASK = "Say in five words what the ship’s cook would tell of it."
OTHER_TASK = "Write one limerick that tells what the document says."
FIRST = SUMMARY.splitlines()[0].removeprefix("- ")
COOKS = "The soup on the rock was cold, and the lamp was warm all night."

pytestmark = pytest.mark.usefixtures("promises")


@pytest.fixture(autouse=True)
def app(staffed_app: Flask) -> Flask:
    return staffed_app


@pytest.fixture
def document(alice: Member) -> Document:
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    return document


def save(member: Member, task: str = TASK, style: Style = Style.KEY_POINTS) -> bool:
    newest = Prompt.newest(style)
    return Prompt.save(member, style, task, edition=newest.edition if newest else 0)


def tried(member: Member, document: Document, task: str = TASK, style: Style = Style.KEY_POINTS) -> TryOut:
    return TryOut.begin(member, fresh(document), style, task, edition=0)


# --- in force


def test_the_model_is_told_the_newest_task_of_the_style_and_no_other(
    alice: Member, model_server: ModelServer
) -> None:
    save(alice, OTHER_TASK)
    save(alice)
    save(alice, OTHER_TASK, Style.BRIEF)
    alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    told = model_server.requests[-1].body["messages"][0]["content"]
    assert TASK in told and "limerick" not in told and "5 to 7 bullets" not in told


def test_an_empty_prompt_goes_back_to_the_built_in_one(alice: Member) -> None:
    save(alice)
    assert usual() == Ask(task=TASK)
    save(alice, "")
    assert usual() == USUAL


def test_to_save_the_same_again_changes_nothing(alice: Member) -> None:
    assert not save(alice, "")
    assert save(alice) and not save(alice)
    assert [prompt.task for prompt in Prompt.history(Style.KEY_POINTS)] == [TASK]


def test_a_stale_save_is_refused_and_kept_out(alice: Member) -> None:
    save(alice)
    with pytest.raises(StalePrompt):
        Prompt.save(alice, Style.KEY_POINTS, OTHER_TASK, edition=0)
    assert usual().task == TASK


def test_of_two_saves_in_one_moment_one_is_refused(alice: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have seen the same newest one: the database holds them apart."""
    monkeypatch.setattr(Prompt, "newest", lambda _: None)
    Prompt.save(alice, Style.KEY_POINTS, TASK, edition=0)
    with pytest.raises(StalePrompt):
        Prompt.save(alice, Style.KEY_POINTS, OTHER_TASK, edition=0)
    assert usual().task == TASK


def test_another_process_asks_by_the_new_prompt_from_its_next_question_on(
    alice: Member, model_server: ModelServer, make_app: MakeApp, app: Flask
) -> None:
    assert usual() == USUAL
    other = make_app(**llm_environ(model_server))  # from now on this one is the current one
    assert usual() == USUAL
    with app.app_context():
        save(alice)
    db.session.commit()
    assert usual().task == TASK
    assert other.extensions["tasks"] is not app.extensions["tasks"]


def test_the_prompts_of_another_library_are_not_ours(
    alice: Member, model_server: ModelServer, make_app: MakeApp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    save(alice)
    assert usual().task == TASK
    make_app(**llm_environ(model_server), DATABASE_URL=f"sqlite:///{tmp_path_factory.mktemp('o')}/o.db")
    assert usual() == USUAL


def test_the_embedded_engine_heeds_no_prompt(alice: Member, make_app: MakeApp) -> None:
    save(alice)
    make_app()
    assert usual() == USUAL
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    assert (look(document).state, rows(document, USUAL)[0].task) == ("complete", "")


def test_a_prompt_outlives_the_account_of_who_wrote_it(alice: Member) -> None:
    bob = add_member("Bob", Role.ADMIN)
    save(bob)
    with transaction():
        db.session.delete(db.session.get_one(Member, bob.id))
    db.session.expire_all()
    assert usual().task == TASK
    assert Prompt.history(Style.KEY_POINTS)[0].author_name == "a former member"


# --- documents after a change


def test_a_save_writes_nothing_anew_by_itself(alice: Member, model_server: ModelServer) -> None:
    for number in range(5):
        alice.documents.add(title=str(number), text=f"{ARTICLE} {number}")
    work()
    calls = model_server.calls
    save(alice)
    for _ in range(2):
        sweep_now()
        work()
    assert model_server.calls == calls


def test_an_opened_document_shows_the_old_summary_labelled_until_the_new_one_is_there(
    alice: Member, document: Document, model_server: ModelServer
) -> None:
    look(document)
    save(alice)
    area = look(document)
    assert (area.status, area.is_other_prompt, area.is_replacing) == (Status.PENDING, True, True)
    assert FIRST in str(area.html)
    model_server.script(Script.words(COOKS))
    work()
    area = look(document)
    assert (area.state, area.is_other_prompt, COOKS in str(area.html)) == ("complete", False, True)


def test_a_style_that_is_not_the_usual_one_keeps_its_old_summary_too(
    alice: Member, document: Document, model_server: ModelServer
) -> None:
    look(document, BRIEF)
    work()
    save(alice, style=Style.BRIEF)
    ask = asking(Style.BRIEF)
    area = look(document, ask)
    assert (area.status, area.is_other_prompt, FIRST in str(area.html)) == (Status.PENDING, True, True)
    save(alice, OTHER_TASK, Style.BRIEF)
    assert FIRST in str(look(document, asking(Style.BRIEF)).html)
    assert [row.status for row in rows(document, ask)] == ["complete", "superseded", "pending"]


def test_what_waits_for_the_old_prompt_is_asked_by_the_new_one(
    alice: Member, model_server: ModelServer
) -> None:
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    save(alice)
    sweep_now()
    work()
    assert (model_server.calls, look(document).state) == (1, "complete")
    assert TASK in model_server.requests[0].body["messages"][0]["content"]


def test_a_prompt_that_comes_back_brings_its_summaries_back_without_a_call(
    alice: Member, document: Document, model_server: ModelServer
) -> None:
    before = fresh(document).shown_summary_id
    save(alice)
    look(document)
    work()
    calls = model_server.calls
    save(alice, "")
    assert fresh(document).shown_summary_id == before
    assert (look(document).state, look(document).is_other_prompt) == ("complete", False)
    sweep_now()
    work()
    assert model_server.calls == calls


def test_notes_on_the_parts_of_a_long_text_serve_every_prompt(
    alice: Member, model_server: ModelServer, make_app: MakeApp
) -> None:
    make_app(**llm_environ(model_server), **CONTEXT)
    model = NoteTaker()
    model_server.script(model)
    document = alice.documents.add(title="Long", text="\n\n".join(paragraphs(60)))
    work(30)
    read_before = len(model.parts)
    save(alice)
    look(document)
    work(30)
    assert (look(document).state, len(model.summaries)) == ("complete", 2)
    assert read_before > 10 and len(model.parts) == read_before
    assert TASK in model.summaries[1]


# --- trying


def test_a_try_out_touches_nothing_else(alice: Member, document: Document, model_server: ModelServer) -> None:
    look_before, before = look(document), fresh(document)
    pointers = (before.summary_id, before.shown_summary_id, before.summary_status)
    model_server.script(Script.words(COOKS))
    trial = tried(alice, document)
    work()
    assert COOKS in (fresh_of(trial).summary.text or "")
    after = fresh(document)
    assert (after.summary_id, after.shown_summary_id, after.summary_status) == pointers
    cache.clear()
    assert (str(look(document).html), usual()) == (str(look_before.html), USUAL)
    newest = Summary.newest(document.id, document.content_hash)
    last = Summary.last_finished(document.id, USUAL)
    assert newest and last and newest.id == last.id == pointers[0]


def fresh_of(trial: TryOut) -> TryOut:
    db.session.commit()
    return db.session.get_one(TryOut, trial.id, populate_existing=True)


def test_a_try_out_goes_ahead_of_what_nobody_waits_for(alice: Member, document: Document) -> None:
    assert tried(alice, document).summary.lane == Lane.INTERACTIVE


def test_to_try_the_same_twice_costs_one_call(
    alice: Member, document: Document, model_server: ModelServer
) -> None:
    calls = model_server.calls
    first, second = tried(alice, document), tried(alice, document)
    work()
    third = tried(alice, document)
    assert first.summary_id == second.summary_id == third.summary_id
    assert model_server.calls == calls + 1


def test_a_saved_prompt_finds_what_was_tried(
    alice: Member, document: Document, model_server: ModelServer
) -> None:
    trial = tried(alice, document)
    work()
    calls = model_server.calls
    save(alice)
    assert fresh(document).shown_summary_id == trial.summary_id
    assert look(document).state == "complete"
    sweep_now()
    work()
    assert model_server.calls == calls


def test_a_prompt_that_is_saved_while_it_is_tried_waits_for_that_one_call(
    alice: Member, document: Document, model_server: ModelServer
) -> None:
    calls = model_server.calls
    trial = tried(alice, document)
    save(alice)
    assert look(document).is_replacing
    work()
    assert (look(document).state, model_server.calls) == ("complete", calls + 1)
    assert fresh(document).shown_summary_id == trial.summary_id


def test_a_new_text_ends_the_try_out_of_the_old_one(alice: Member, document: Document) -> None:
    trial = tried(alice, document)
    fresh(document).revise(alice, title="t", text=ANOTHER)
    assert fresh_of(trial).is_void


def test_one_member_has_three_running_at_most(alice: Member, document: Document) -> None:
    for number in range(3):
        tried(alice, document, f"{TASK} {number}")
    with pytest.raises(TooManyTryOuts):
        tried(alice, document)
    tried(add_member("Bob", Role.EDITOR), document)
    work()
    tried(alice, document, OTHER_TASK)


def test_a_try_out_is_found_by_who_began_it_alone(alice: Member, document: Document) -> None:
    from werkzeug.exceptions import NotFound

    trial = tried(alice, document)
    assert TryOuts(alice).get_or_404(trial.id, Style.KEY_POINTS).id == trial.id
    for member, style in ((add_member("Bob", Role.ADMIN), Style.KEY_POINTS), (alice, Style.BRIEF)):
        with pytest.raises(NotFound):
            TryOuts(member).get_or_404(trial.id, style)


def test_the_try_outs_of_yesterday_are_forgotten_but_for_what_was_saved(
    alice: Member, document: Document
) -> None:
    kept, lost = tried(alice, document), tried(alice, document, OTHER_TASK)
    work()
    save(alice)
    with transaction():
        db.session.execute(update(TryOut).values(created_at=now() - 90_000))
    young = tried(alice, document, f"{TASK} Young.")
    sweep_now()
    db.session.commit()
    assert list(db.session.scalars(select(TryOut.id))) == [young.id]
    left = set(db.session.scalars(select(Summary.id)))
    assert {kept.summary_id, young.summary_id} <= left and lost.summary_id not in left
    assert Summary.cached(document.id, document.content_hash, Ask(task=OTHER_TASK)) is None
    work()


# --- what it costs


def test_the_warm_page_makes_no_query_for_it(alice: Member, document: Document, app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in(alice.email, "correct horse battery")
    page = f"/documents/{document.id}"
    for task in ("", TASK):
        save(alice, task)
        browser.open(page)
        work()
        browser.open(page)
        other = Browser(app)  # for whom no page is kept
        other.sign_in(alice.email, "correct horse battery")
        with counted() as statements:
            other.open(page)
        assert other.one("section.summary").get("data-status") == "complete"
        about_prompts = [statement for statement in statements if "prompts" in statement]
        assert ["sign_ins" in statement for statement in about_prompts] == [True]
        assert len(statements) == 3, "who is signed in, the document, and where it came from"


class counted:  # noqa: N801 - reads as a function
    """All SQL that is run meanwhile."""

    def __enter__(self) -> list[str]:
        self.statements: list[str] = []
        event.listen(db.engine, "before_cursor_execute", self._count)
        return self.statements

    def __exit__(self, *_: object) -> None:
        event.remove(db.engine, "before_cursor_execute", self._count)

    def _count(self, _c: object, _u: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            self.statements.append(statement)
