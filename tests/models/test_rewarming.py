"""The library made anew: what is chosen, in which order, what becomes of it, and what it will cost."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from tasks.summaries import generate_now
from tasks.upkeep import hint_now, sweep_now
from tests.conftest import ARTICLE, MakeApp, llm_environ
from tests.support.model_server import ModelServer, Script
from tests.support.worker import work, work_once
from webapp.doctor import _rewarming
from webapp.extensions import db, transaction
from webapp.models import Document, Lane, Member, Presence, Reads, Rewarming, RewarmingItem, Status, Summary
from webapp.models.area import look, read
from webapp.models.asking import recipe_for, usual
from webapp.models.estimate import Estimate
from webapp.models.invariants import violations
from webapp.models.making import Choice, UnknownMaking, makings
from webapp.models.rewarming import Busy, NothingToDo, State, at_once
from webapp.models.words import Words

OLD, NEW = {"PRECIS_MODEL": "old"}, {"PRECIS_MODEL": "new"}


@pytest.fixture
def old_app(make_app: MakeApp, model_server: ModelServer) -> Flask:
    return make_app(**{**llm_environ(model_server), **OLD})


@pytest.fixture
def alice(old_app: Flask) -> Member:
    from tests.conftest import add_member

    return add_member("Alice", "admin")


@pytest.fixture
def change(make_app: MakeApp, model_server: ModelServer, alice: Member) -> Callable[..., Flask]:
    """Start Precis again with other settings."""

    def to(**environ: str) -> Flask:
        return make_app(**{**llm_environ(model_server), **NEW, **environ})

    return to


@pytest.fixture(autouse=True)
def promises_hold_at_the_end(old_app: Flask) -> Iterator[None]:
    yield
    assert violations() == []


def library(alice: Member, number: int) -> list[int]:
    """So many documents with their summaries, the oldest first."""
    ids = [alice.documents.add(title=f"T{each}", text=f"{ARTICLE} {each}.").id for each in range(number)]
    work()
    return ids


def fresh(document_id: int) -> Document:
    db.session.commit()
    return db.session.get_one(Document, document_id, populate_existing=True)


def start(*names: str) -> Rewarming:
    return Rewarming.start(Choice.of(names), "Alice")


def run(most: int = 100) -> None:
    """Sweep and work until nothing moves any more."""
    for _ in range(most):
        sweep_now()
        if not work_once():
            return


def the() -> Rewarming:
    db.session.commit()
    return db.session.scalars(
        select(Rewarming).order_by(Rewarming.id.desc()).execution_options(populate_existing=True)
    ).first()  # type: ignore[return-value]


def counts() -> tuple[str, int, int, int, int]:
    found = the()
    return (found.state, found.chosen, found.done, found.failed, found.left)


def models_shown() -> list[str]:
    db.session.commit()
    shown = select(Summary.model).join(Document, Document.shown_summary_id == Summary.id)
    return list(db.session.scalars(shown.order_by(Document.id)))


def asked_titles(server: ModelServer, since: int) -> list[str]:
    return [
        next(f"T{n}" for n in range(99, -1, -1) if f'"T{n}"' in r.prompt or f"T{n}\n" in r.prompt)
        for r in server.requests[since:]
    ]


# --- the whole way


def test_every_summary_is_made_anew_once_and_the_old_one_shows_until_then(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    ids = library(alice, 5)
    change()
    start()
    assert models_shown() == ["old"] * 5
    run()
    assert models_shown() == ["new"] * 5
    assert counts() == (State.FINISHED, 5, 5, 0, 0)
    assert model_server.calls == 10
    assert look(fresh(ids[0])).state == "complete"
    run()
    assert model_server.calls == 10


def test_what_shows_meanwhile_says_what_it_was_made_with(alice: Member, change: Callable[..., Flask]) -> None:
    (document_id,) = library(alice, 1)
    change()
    start()
    sweep_now()
    area = read(fresh(document_id))
    assert (area.status, area.html is not None, area.origin) == (Status.PENDING, True, "with old")
    run()
    assert read(fresh(document_id)).origin is None


def test_earlier_prompt_is_told_from_another_model(
    alice: Member, change: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    (document_id,) = library(alice, 1)
    monkeypatch.setattr("webapp.config.PROMPT_VERSION", "2099-1")
    change(**OLD)
    assert look(fresh(document_id)).origin == "by an earlier prompt"


# --- what is chosen


def test_nothing_is_chosen_that_is_of_todays_recipe(alice: Member, change: Callable[..., Flask]) -> None:
    one, _ = library(alice, 2)
    change()
    look(fresh(one))
    work()
    assert start().chosen == 1
    with pytest.raises(Busy):
        start()


def test_nothing_to_do_begins_nothing(alice: Member) -> None:
    library(alice, 1)
    with pytest.raises(NothingToDo):
        start()
    assert Rewarming.past() == []
    assert Rewarming.current() is None


def test_what_a_person_wrote_is_never_made_anew(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    ids = library(alice, 3)
    edit(ids[0], alice)
    change()
    assert Estimate.of(Choice.of([])).documents == 2
    assert start().chosen == 2
    edit(ids[1], alice)
    run()
    assert models_shown() == ["old", "old", "new"]
    assert counts() == (State.FINISHED, 2, 1, 0, 0)
    assert [(making.label, making.documents) for making in makings()] == [("new", 1), ("A person", 2)]


def edit(document_id: int, member: Member) -> None:
    words = Words(fresh(document_id), usual())
    assert words.write(member, "- In my own words.", seen=words.seen)


def test_choice_by_what_they_were_made_with(alice: Member, change: Callable[..., Flask]) -> None:
    library(alice, 2)
    change(PRECIS_MODEL="llama3.2:3b")
    alice.documents.add(title="T9", text=f"{ARTICLE} 9.")
    work()
    change()
    version = recipe_for().prompt_version
    assert [(making.name, making.documents) for making in makings()] == [
        (f"openai:old:{version}", 2),
        (f"openai:llama3.2:3b:{version}", 1),
    ]
    for name, chosen in (("openai", 3), ("openai:old", 2), (f"openai:llama3.2:3b:{version}", 1)):
        assert Estimate.of(Choice.of([name])).documents == chosen
    assert Estimate.of(Choice.of(["openai:old", "openai:llama3.2:3b"])).documents == 3
    with pytest.raises(UnknownMaking, match=r"openai:old:.* \(2\), openai:llama3.2:3b:.* \(1\)"):
        Choice.of(["openai:lama"])
    assert Estimate.of(Choice.as_far_as_known(["openai:lama"])).documents == 0
    start("openai:old")
    run()
    assert models_shown() == ["new", "new", "llama3.2:3b"]
    assert the().makings == [f"openai:old:{version}"]


def test_the_newest_and_the_most_read_take_turns(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    ids = library(alice, 6)
    Reads.add({ids[0]: 5, ids[1]: 9})
    change(PRECIS_LLM_CONCURRENCY="1")
    start()
    before = model_server.calls
    run()
    assert asked_titles(model_server, before) == ["T1", "T5", "T0", "T4", "T3", "T2"]


# --- beside everything else


def test_portions_are_small_and_leave_a_thread_of_the_warm_lane_free(
    alice: Member, change: Callable[..., Flask]
) -> None:
    library(alice, 8)
    change(PRECIS_LLM_CONCURRENCY="8")
    assert at_once() == 3
    start()
    for _ in range(3):
        sweep_now()
        assert len(pending()) == 3
    generate_now(pending()[0])
    assert len(pending()) == 2
    hint_now()
    assert len(pending()) == 3
    run()
    assert counts() == (State.FINISHED, 8, 8, 0, 0)


def pending() -> list[int]:
    db.session.commit()
    return list(db.session.scalars(select(Summary.id).where(Summary.status == Status.PENDING)))


def test_each_living_worker_adds_its_threads(alice: Member, change: Callable[..., Flask]) -> None:
    change(PRECIS_LLM_CONCURRENCY="8")
    with transaction():
        for token in "ab":
            db.session.add(Presence(token=token, lane=Lane.WARM, pid=1, seen_at=4e9))
        db.session.add(Presence(token="c", lane=Lane.WARM, pid=1, seen_at=1.0))
    assert at_once() == 7


def test_who_opens_a_document_waits_behind_none_of_them(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    ids = library(alice, 6)
    change()
    start()
    sweep_now()
    look(fresh(ids[0]))
    summary_id, lane = Summary.due_ids(1)[0]
    assert (lane, summary_id) == (Lane.INTERACTIVE, fresh(ids[0]).summary_id)
    run()
    assert counts() == (State.FINISHED, 6, 6, 0, 0)
    assert model_server.calls == 12


def test_hourly_cap_holds_for_what_nobody_asked_for_alone(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    library(alice, 4)
    change(PRECIS_WARM_PER_HOUR="1")
    with transaction():
        db.session.execute(update(Summary).values(claimed_at=None))
    start()
    run()
    assert counts() == (State.FINISHED, 4, 4, 0, 0)
    saved = [alice.documents.add(title="T8", text=f"{ARTICLE} {each}.").id for each in "ab"]
    work_once()
    assert [fresh(each).summary_status for each in saved] == [Status.COMPLETE, Status.PENDING]


def test_failed_ones_are_counted_and_stop_nothing(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    library(alice, 4)
    change(PRECIS_LLM_CONCURRENCY="1")
    model_server.script([Script.error(400, "content_filter"), Script.words()])
    start()
    run()
    assert counts() == (State.FINISHED, 4, 3, 1, 0)
    assert sorted(models_shown()) == ["new", "new", "new", "old"]
    assert start().chosen == 1


def test_what_waits_for_a_later_try_holds_up_nobody(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    library(alice, 3)
    change(PRECIS_LLM_CONCURRENCY="1", PRECIS_RETRY_SECONDS="3600")
    model_server.script([Script.status(500), Script.words()])
    start()
    run()
    assert counts() == (State.RUNNING, 3, 2, 0, 1)


def test_document_that_is_deleted_edited_or_opened_meanwhile_is_counted_right(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    deleted, edited, opened, asked, short, plain = library(alice, 6)
    change(PRECIS_LLM_CONCURRENCY="1")
    start()
    sweep_now()
    (summary_id,) = pending()
    assert fresh(plain).summary_id == summary_id
    fresh(plain).revise(alice, title="T5", text=f"{ARTICLE} Other.")
    fresh(deleted).remove()
    fresh(edited).revise(alice, title="T1", text=f"{ARTICLE} New.")
    look(fresh(opened))
    fresh(short).revise(alice, title="T4", text="Short now.")
    work()
    run()
    assert counts() == (State.FINISHED, 6, 4, 0, 0)
    assert models_shown()[:3] == ["new", "new", "new"]
    assert fresh(asked).summary_status == Status.COMPLETE
    assert model_server.calls == 6 + 4


# --- pausing, stopping, going on


def test_paused_one_asks_for_no_more_and_counts_what_is_finished(
    alice: Member, change: Callable[..., Flask]
) -> None:
    library(alice, 3)
    change(PRECIS_LLM_CONCURRENCY="1")
    start()
    sweep_now()
    assert the().pause()
    assert not the().pause()
    run()
    assert counts() == (State.PAUSED, 3, 1, 0, 2)
    assert the().resume()
    run()
    assert counts() == (State.FINISHED, 3, 3, 0, 0)
    assert not the().resume()


def test_stopped_one_leaves_the_rest_as_it_is(alice: Member, change: Callable[..., Flask]) -> None:
    library(alice, 3)
    change(PRECIS_LLM_CONCURRENCY="1")
    start()
    sweep_now()
    work()
    sweep_now()
    assert the().stop()
    assert not the().stop()
    run()
    assert counts() == (State.STOPPED, 3, 1, 0, 0)
    assert models_shown().count("old") == 1
    assert start().chosen == 1


def test_paused_one_can_be_stopped(alice: Member, change: Callable[..., Flask]) -> None:
    library(alice, 1)
    change()
    rewarming = start()
    assert rewarming.pause()
    assert rewarming.stop()
    assert db.session.scalar(select(func.count()).select_from(RewarmingItem)) == 0


def test_another_recipe_in_the_middle_waits_for_somebody_to_say_that_it_is_meant(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    library(alice, 3)
    change(PRECIS_LLM_CONCURRENCY="1")
    start()
    sweep_now()
    work()
    change(PRECIS_LLM_CONCURRENCY="1", PRECIS_MODEL="dear")
    run()
    assert counts() == (State.OVERTAKEN, 3, 1, 0, 2)
    assert the().resume()
    run()
    assert counts() == (State.FINISHED, 3, 3, 0, 0)
    assert sorted(models_shown()) == ["dear", "dear", "new"]


def test_pause_of_the_model_server_holds_it_up_and_burns_nothing(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    library(alice, 3)
    change(PRECIS_LLM_CONCURRENCY="1", PRECIS_PROBE_SECONDS="3600")
    model_server.refuse()
    start()
    run()
    assert counts() == (State.RUNNING, 3, 0, 0, 3)
    model_server.open()
    with transaction():
        db.session.execute(update(db.metadata.tables["model_servers"]).values(paused_until=0.0))
    run()
    assert counts() == (State.FINISHED, 3, 3, 0, 0)


def test_lost_row_of_a_summary_is_asked_for_again(alice: Member, change: Callable[..., Flask]) -> None:
    library(alice, 1)
    change()
    start()
    sweep_now()
    with transaction():
        db.session.execute(delete(Summary).where(Summary.id.in_(pending())))
        db.session.execute(update(Document).values(summary_id=None, summary_status=None))
    run()
    assert counts() == (State.FINISHED, 1, 1, 0, 0)


def test_doctor_tells_of_one_that_no_sweeper_looks_at(alice: Member, change: Callable[..., Flask]) -> None:
    library(alice, 2)
    change(PRECIS_LLM_CONCURRENCY="1")
    start()
    assert _rewarming().is_well
    with transaction():
        db.session.execute(update(Rewarming).values(moved_at=Rewarming.moved_at - 3600))
    assert "Start the sweeper" in _rewarming().advice
    sweep_now()
    assert str(_rewarming()) == "ok  rewarming     Running: 0 of 2 done."


# --- how often documents are read


def test_page_view_writes_nothing_and_is_counted_later(alice: Member, old_app: Flask) -> None:
    from tests.conftest import PASSWORD
    from tests.support.browser import Browser

    ids = library(alice, 2)
    browser = Browser(old_app)
    browser.sign_in(alice.email, PASSWORD)
    for document_id in (ids[0], ids[0], ids[1]):
        browser.open(f"/documents/{document_id}")
    assert reads() == {}
    alice.documents.get_or_404(ids[1]).remove()
    old_app.extensions["reads"].keep()
    assert reads() == {ids[0]: 2}
    browser.open(f"/documents/{ids[0]}")
    old_app.extensions["reads"].keep()
    assert reads() == {ids[0]: 3}


def reads() -> dict[int, int]:
    db.session.commit()
    return {row[0]: row[1] for row in db.session.execute(select(Reads.document_id, Reads.number))}


# --- what it will cost


def test_estimate_before_anything_is_known_tells_no_time_and_no_price(
    alice: Member, change: Callable[..., Flask]
) -> None:
    library(alice, 3)
    change()
    estimate = Estimate.of(Choice())
    assert (estimate.documents, estimate.calls) == (3, 3)
    assert 3 * 600 < estimate.tokens_in < 3 * 1500
    assert estimate.money == "not known: no prices are set"
    assert estimate.time.startswith("not known")


def test_estimate_goes_by_what_the_last_summaries_of_the_model_took(
    alice: Member, change: Callable[..., Flask], model_server: ModelServer
) -> None:
    library(alice, 4)
    change(
        PRECIS_PRICE_IN="1000", PRECIS_PRICE_OUT="10000", PRECIS_CURRENCY="EUR", PRECIS_LLM_CONCURRENCY="1"
    )
    model_server.script(Script.words(usage={"prompt_tokens": 1000, "completion_tokens": 70}))
    look(fresh(library_ids()[0]))
    work()
    with transaction():
        db.session.execute(update(Summary).values(claimed_at=Summary.finished_at - 100.0))
    estimate = Estimate.of(Choice())
    assert estimate.documents == 3
    assert estimate.tokens_in == pytest.approx(3000, rel=0.01)
    assert estimate.tokens_out == 210
    assert estimate.money == f"about {estimate.tokens_in / 1000 + 2.1:.2f} EUR"
    assert estimate.time == "about 5 minutes"


def library_ids() -> list[int]:
    return list(db.session.scalars(select(Document.id).order_by(Document.id)))


def test_embedded_engine_costs_nothing_and_takes_seconds(
    alice: Member, make_app: MakeApp, model_server: ModelServer
) -> None:
    library(alice, 3)
    calls = model_server.calls
    make_app()
    estimate = Estimate.of(Choice())
    assert (estimate.documents, estimate.calls, estimate.tokens_in, estimate.tokens_out) == (3, 0, 0, 0)
    assert estimate.time == "less than a minute"
    start()
    run()
    assert counts() == (State.FINISHED, 3, 3, 0, 0)
    assert model_server.calls == calls
