"""The life of a summary against a real HTTP model server, and the known bugs of the usual recipe, each kept out."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, current_app
from redis import Redis, RedisError
from sqlalchemy import select, update

from tasks import lease, summaries, upkeep
from tasks.broker import SentTooEarly
from tasks.summaries import generate_now
from tasks.upkeep import hint_now, sweep_now
from tests.conftest import ARTICLE, add_member, llm_environ
from tests.support.model_server import SUMMARY, ModelServer, Request, Script
from tests.support.valkey import Valkey
from tests.support.worker import work, work_once
from webapp import events, hints
from webapp.extensions import cache, current_settings, db, transaction
from webapp.models import Document, Lane, Member, Role, Status, Summary
from webapp.models import area as areas
from webapp.models.area import SummaryArea
from webapp.models.asking import asking
from webapp.models.crashing import MAX_CRASHES
from webapp.models.model_server import ModelServer as Health
from webapp.models.presence import Presence
from webapp.models.summary import cache_key
from webapp.summarizing.engine import EngineFailure, FailureKind, Finished, Style
from webapp.summarizing.pace import BEGUN_SECONDS

ANOTHER = ARTICLE.replace("Skerrymore", "Eilean Ban")

pytestmark = pytest.mark.usefixtures("promises")


@pytest.fixture(autouse=True)
def app(staffed_app: Flask) -> Flask:
    return staffed_app


def save(alice: Member, text: str = ARTICLE) -> Document:
    return alice.documents.add(title="Skerrymore", text=text)


def look(document: Document, **kwargs: Any) -> SummaryArea:
    """Open the page, as it is in SQL now."""
    return areas.look(fresh(document), **kwargs)


def read(document: Document) -> SummaryArea:
    return areas.read(fresh(document))


def fresh(document: Document) -> Document:
    db.session.commit()
    return db.session.scalars(
        select(Document).where(Document.id == document.id), execution_options={"populate_existing": True}
    ).one()


def current(document: Document) -> Summary:
    return db.session.get_one(Summary, fresh(document).summary_id, populate_existing=True)


# --- saving and reading


def test_saved_document_has_its_summary_when_it_is_opened(alice: Member, model_server: ModelServer) -> None:
    document = save(alice)
    work()
    area = look(document)
    assert (area.status, area.engine_label, model_server.calls) == ("complete", "Written by scripted", 1)
    assert area.html and "Ada Lovelace" in area.html


def test_save_followed_at_once_by_a_view_makes_one_call(alice: Member, model_server: ModelServer) -> None:
    document = save(alice)
    assert look(document).status == Status.PENDING
    work()
    assert model_server.calls == 1


def test_every_hint_of_a_summary_together_makes_one_call(
    app: Flask, alice: Member, model_server: ModelServer
) -> None:
    """B10: two deliveries must not be two bills."""
    model_server.script(Script.words(first_word=0.2))
    summary_id = current(save(alice)).id

    def deliver() -> None:
        with app.app_context():
            generate_now(summary_id)

    together(20, deliver)
    assert model_server.calls == 1
    assert current(db.session.scalars(select(Document)).one()).status == Status.COMPLETE


def test_simultaneous_first_views_ask_once(app: Flask, alice: Member, model_server: ModelServer) -> None:
    """B4: a miss must not run the model in every caller."""
    document_id = save(alice).id
    forget_requests(document_id)
    all_have_read = threading.Barrier(20, timeout=20)

    def view() -> None:
        with app.app_context():
            document = db.session.get_one(Document, document_id)
            all_have_read.wait()
            areas.look(document)

    together(20, view)
    assert len(db.session.scalars(select(Summary)).all()) == 1
    work()
    assert model_server.calls == 1


def test_simultaneous_views_of_an_emptied_cache_call_nobody(
    app: Flask, alice: Member, model_server: ModelServer
) -> None:
    """B4: a lost cache costs reads of SQL, and no call."""
    document_id = save(alice).id
    work()
    cache.clear()
    seen: list[str] = []

    def view() -> None:
        with app.app_context():
            seen.append(look(db.session.get_one(Document, document_id)).state)

    together(20, view)
    assert (seen, work(), model_server.calls) == (["complete"] * 20, 0, 1)


@pytest.mark.parametrize("style", [Style.KEY_POINTS, Style.BRIEF])
def test_view_while_a_summary_is_written_asks_for_no_other(alice: Member, style: Style) -> None:
    """B7: who looks first does not pay again for what is being made."""
    document = save(alice)
    ask = asking(style)
    look(document, ask=ask)
    summary = fresh(document).current_summary(ask)
    assert summary
    claim = Summary.claim(summary.id)
    before = len(db.session.scalars(select(Summary)).all())
    assert claim and look(document, ask=ask).state == "writing"
    assert len(db.session.scalars(select(Summary)).all()) == before
    assert Summary.finish(claim, text=SUMMARY, format="markdown", finished=Finished(model="m"))


def test_cache_is_filled_with_what_the_row_says(alice: Member, model_server: ModelServer) -> None:
    """The row is not read again for it."""
    document = save(alice)
    work()
    filled = Summary.cached(document.id, document.content_hash)
    db.session.expire_all()
    summary = current(document)
    assert filled and filled == json.loads(json.dumps(summary.ready(is_linked=True)))
    assert filled["is_linked"] and (filled["tokens_in"], filled["model"]) == (summary.tokens_in, "scripted")


def test_five_clicks_make_one_call(alice: Member, model_server: ModelServer) -> None:
    document = save(alice)
    work()
    for _ in range(5):
        document.summarize_later(again=True)
    work()
    assert model_server.calls == 2  # the first one, and one for all clicks


def test_edit_of_the_title_makes_no_call(alice: Member, model_server: ModelServer) -> None:
    document = save(alice)
    work()
    document.revise(alice, title="Another title", text=ARTICLE)
    work()
    assert model_server.calls == 1
    assert read(document).status == Status.COMPLETE


def test_undone_edit_makes_no_further_call(alice: Member, model_server: ModelServer) -> None:
    document = save(alice)
    work()
    document.revise(alice, title="t", text=ANOTHER)
    document.revise(alice, title="t", text=ARTICLE)
    assert look(document).status == Status.COMPLETE
    work()
    assert model_server.calls == 1


def test_view_of_a_ready_summary_reads_no_summary_row_and_no_markdown(
    alice: Member, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = save(alice)
    work()
    monkeypatch.setattr("webapp.models.area.db.session.get", fail_test)
    monkeypatch.setattr("webapp.models.under_way.summary_html", fail_test)
    monkeypatch.setattr("webapp.models.summary.summary_html", fail_test)
    assert look(document).state == "complete"


def test_empty_cache_is_refilled_from_sql_without_a_call(alice: Member, model_server: ModelServer) -> None:
    """B12: SQL is the only truth, and the cache a copy."""
    document = save(alice)
    work()
    cache.clear()
    shown = look(document).html
    assert Summary.cached(document.id, document.content_hash)
    assert (shown and "Ada Lovelace" in shown, model_server.calls) == (True, 1)


@pytest.mark.parametrize(
    "junk", [b"", b"junk", b"!\x80\x04junk", b"\x80\x04\x95", b"[]", b"{}", b'{"v": 0, "html": "old"}', b"7"]
)
def test_junk_in_the_cache_is_a_miss(alice: Member, junk: bytes, caplog: pytest.LogCaptureFixture) -> None:
    document = save(alice)
    work()
    key = cache_key(document.id, document.content_hash, current(document).recipe_hash)
    _store()._write_client.set("precis:" + key, junk)
    area = look(document)
    assert area.html and "Ada Lovelace" in area.html
    assert not caplog.records


def test_planted_pickle_is_never_run(alice: Member, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import os
    import pickle

    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path}/run",)

    document = save(alice)
    work()
    key = cache_key(document.id, document.content_hash, current(document).recipe_hash)
    _store()._write_client.set("precis:" + key, b"!" + pickle.dumps(Bomb()))
    assert look(document).state == "complete"
    assert not (tmp_path / "run").exists()


def test_cache_keeps_a_summary_for_seven_days(alice: Member) -> None:
    document = save(alice)
    work()
    key = "precis:" + cache_key(document.id, document.content_hash, current(document).recipe_hash)
    assert 604_000 < _store()._read_client.ttl(key) <= 604_800


# --- keys


def test_no_write_of_a_status_changes_the_key(alice: Member, model_server: ModelServer) -> None:
    """B2 and B7: what is warmed under a key is read under the same one."""
    document = save(alice)
    key = cache_key(document.id, document.content_hash, current(document).recipe_hash)
    work()
    after = current(document)
    assert cache_key(document.id, document.content_hash, after.recipe_hash) == key
    assert cache.get(key)["html"]


def test_two_edits_in_one_second_have_two_keys(alice: Member, model_server: ModelServer) -> None:
    """B3: no clock in the key."""
    model_server.script(
        lambda request: Script.words("- Of Ban." if "Eilean Ban" in request.prompt else "- Of Skerrymore.")
    )
    document = save(alice)
    document.revise(alice, title="t", text=ARTICLE + " One.")
    document.revise(alice, title="t", text=ANOTHER)
    work()
    area = look(document)
    assert area.html and "Of Ban" in area.html and not area.is_stale


def test_texts_of_one_second_never_show_each_others_summary(alice: Member, model_server: ModelServer) -> None:
    """B3: the cache holds both, each under its own key."""
    model_server.script(
        lambda request: Script.words("- Of Ban." if "Eilean Ban" in request.prompt else "- Of Skerrymore.")
    )
    document = save(alice)
    for text in (ARTICLE, ANOTHER, ARTICLE):
        document.revise(alice, title="t", text=text)
        with transaction():
            db.session.execute(update(Document).values(updated_at=1_000.0))
        work()
    area = look(document)
    assert area.html and "Of Skerrymore" in area.html
    assert model_server.calls == 2


def test_status_write_is_no_edit(alice: Member, model_server: ModelServer) -> None:
    """B2: the time of the last edit stays, whatever becomes of the summary."""
    model_server.script([Script.status(500), Script.words()])
    document = save(alice)
    with transaction():
        db.session.execute(update(Document).values(updated_at=1_000.0))
    look(document)
    work()
    document.summarize_later(again=True)
    work()
    assert (current(document).status, fresh(document).updated_at) == ("complete", 1_000.0)


def test_each_part_of_the_recipe_is_in_the_key(make_app, alice: Member, model_server: ModelServer) -> None:  # type: ignore[no-untyped-def]
    """B13: another model, prompt or engine is another summary."""
    recipe = current_settings().recipe
    changed = [replace(recipe, model="other"), replace(recipe, prompt_version="other"), replace(recipe, engine="other"),
               replace(recipe, style=Style.BRIEF), replace(recipe, language="de"), replace(recipe, parameters=(("t", "1"),))]  # fmt: skip
    assert len({recipe.hash, *(each.hash for each in changed)}) == 7


def test_another_model_makes_a_new_summary_and_shows_the_old_one_meanwhile(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    document = save(alice)
    work()
    make_app(**{**llm_environ(model_server), "PRECIS_MODEL": "newer"})
    area = look(document)
    assert (area.status, area.engine_label) == ("pending", "Written by scripted")
    work()
    area = look(document)
    assert (area.status, area.engine_label) == ("complete", "Written by newer")


def test_row_of_another_recipe_is_left_alone_by_the_worker_and_asked_anew_by_the_sweeper(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    """Processes with two settings, as during an upgrade, do not void each other's rows for ever."""
    document = save(alice)
    make_app(**{**llm_environ(model_server), "PRECIS_MODEL": "newer"})
    for _ in range(3):
        generate_now(current(document).id)
    assert (model_server.calls, len(db.session.scalars(select(Summary)).all())) == (0, 1)
    sweep_now()
    sweep_now()
    assert db.session.scalars(select(Summary.status).order_by(Summary.id)).all() == ["superseded", "pending"]
    work()
    assert (current(document).status, current(document).model) == ("complete", "newer")


# --- edits


def test_edit_shows_the_last_summary_labelled_until_the_new_one_is_there(
    alice: Member, model_server: ModelServer
) -> None:
    document = save(alice)
    work()
    document.revise(alice, title="t", text=ANOTHER)
    area = look(document)
    assert (area.status, area.is_stale, area.version, area.current_version) == ("pending", True, 1, 2)
    work()
    area = look(document)
    assert (area.status, area.is_stale, area.version) == ("complete", False, 2)


def test_edit_during_generation_fences_the_old_run_off(
    app: Flask, alice: Member, model_server: ModelServer
) -> None:
    """B10: a slow run on an old text never overwrites the summary of a newer one."""
    document = save(alice)
    claim = Summary.claim(current(document).id)
    assert claim
    document.revise(alice, title="t", text=ANOTHER)
    assert not Summary.finish(
        claim, text="- Of the old text.", format="markdown", finished=Finished(model="m")
    )
    assert not Summary.renew(claim)
    area = look(document)
    assert area.html is None and area.status == Status.PENDING
    work()
    assert [row.status for row in db.session.scalars(select(Summary).order_by(Summary.id))] == [
        "superseded",
        "complete",
    ]


def test_run_on_an_old_text_is_stopped_early(app: Flask, alice: Member, model_server: ModelServer) -> None:
    model_server.script([Script.words("word " * 400, every=0.05), Script.words()])
    document = save(alice)
    first = current(document).id
    runner = threading.Thread(target=lambda: in_context(app, lambda: generate_now(first)))
    runner.start()
    wait_for(lambda: model_server.calls == 1)
    document.revise(alice, title="t", text=ANOTHER)
    runner.join(timeout=15)
    assert not runner.is_alive()
    wait_for(lambda: model_server.requests[0].outcome == "disconnected")


def test_regenerate_makes_a_new_text_and_keeps_the_old_one_meanwhile(
    alice: Member, model_server: ModelServer
) -> None:
    model_server.script([Script.words("- The first text."), Script.words("- The second text.")])
    document = save(alice)
    work()
    document.summarize_later(again=True)
    area = look(document)
    assert area.is_replacing and area.html and "The first text" in area.html
    work()
    area = look(document)
    assert area.html and "The second text" in area.html and model_server.calls == 2


def test_failed_regenerate_leaves_the_old_summary(alice: Member, model_server: ModelServer) -> None:
    model_server.script([Script.words(), Script.error(400, "content_filter")])
    document = save(alice)
    work()
    document.summarize_later(again=True)
    work()
    area = look(document)
    assert area.status == Status.FAILED and area.reason and area.html and not area.is_stale


# --- failures


def test_transient_failures_are_tried_again_until_it_works(alice: Member, model_server: ModelServer) -> None:
    """B1: an error is not swallowed, so that the next try comes."""
    model_server.script([Script.status(500), Script.status(500), Script.words()])
    document = save(alice)
    work()
    assert (current(document).status, current(document).attempts, model_server.calls) == ("complete", 3, 3)


def test_between_tries_the_page_says_why_and_when(alice: Member, model_server: ModelServer) -> None:
    """B17: the reason and the time of the next try are kept."""
    model_server.script([Script.status(500, retry_after="60"), Script.words()])
    document = save(alice)
    work_once()
    area = look(document)
    assert (area.status, area.state, area.attempts, area.max_attempts) == ("pending", "retrying", 1, 4)
    assert area.reason and "error of its own" in area.reason
    assert area.next_attempt_at and 50 < area.next_attempt_at.timestamp() - time.time() < 70
    assert work_once() == 0
    document.summarize_later(again=True)
    work()
    assert current(document).status == Status.COMPLETE


def test_lasting_failure_ends_after_exactly_the_allowed_tries(
    alice: Member, model_server: ModelServer
) -> None:
    """B18: our tries are not multiplied by the client library's own."""
    model_server.script(Script.status(500))
    document = save(alice)
    work()
    assert (current(document).status, model_server.calls) == ("failed", 4)
    area = look(document)
    assert (area.status, area.action) == ("failed", "retry")
    work()
    assert model_server.calls == 4


def test_retry_button_starts_anew(alice: Member, model_server: ModelServer) -> None:
    model_server.script([Script.status(500)] * 4 + [Script.words()])
    document = save(alice)
    work()
    document.summarize_later(again=True)
    work()
    assert current(document).status == Status.COMPLETE


@pytest.mark.parametrize(
    ("script", "code", "calls"),
    [
        (Script.error(400, "content_filter"), "refused", 1),
        (Script.status(422), "bad_request", 1),
        (Script.words("  "), "empty", 2),
        (Script.thoughts("Hm, let me think.", ""), "only_thought", 2),
        (Script.words(finish_reason="length"), "length", 2),
        (Script.words(finish_reason=None), "cut", 4),
        (Script.cut(400), "cut", 4),
        (Script.page(), "malformed", 4),
    ],
)
def test_each_outcome_has_its_class(
    alice: Member, model_server: ModelServer, script: Script, code: str, calls: int
) -> None:
    model_server.script(script)
    document = save(alice)
    work()
    row = current(document)
    assert (row.status, row.error_code, model_server.calls, row.text) == ("failed", code, calls, None)


def test_attempt_is_counted_before_the_work(alice: Member) -> None:
    document = save(alice)
    assert Summary.claim(current(document).id)
    assert (current(document).attempts, current(document).crashes) == (1, 0)


@pytest.mark.parametrize("by_reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("after", [0, 1, 350, 900, 5000])
def test_partial_text_is_never_stored_or_shown_as_complete(
    alice: Member, model_server: ModelServer, after: int, by_reset: bool
) -> None:
    model_server.script([Script.cut(after, by_reset=by_reset), Script.words()])
    document = save(alice)
    work_once()
    assert current(document).text is None and read(document).html is None
    work()
    assert current(document).text == SUMMARY


def test_server_that_is_away_pauses_the_lane_and_burns_nothing(
    alice: Member, model_server: ModelServer
) -> None:
    model_server.refuse()
    documents = [save(alice), save(alice, ANOTHER)]
    for _ in range(5):
        work_once()
        time.sleep(0.15)
    rows = [current(document) for document in documents]
    assert [(row.status, row.attempts) for row in rows] == [("pending", 0)] * 2
    area = look(documents[0])
    assert (area.state, area.action) == ("paused", "now") and area.reason and "does not answer" in area.reason
    model_server.open()
    work()
    assert [current(document).status for document in documents] == ["complete"] * 2


@pytest.mark.parametrize(
    ("script", "word"),
    [
        (Script.status(401), "OPENAI_API_KEY"),
        (Script.no_such_model(), "PRECIS_MODEL"),
        (Script.out_of_quota(), "credit"),
    ],
)
def test_wrong_setting_costs_one_call_and_says_what_to_mend(
    app: Flask, alice: Member, model_server: ModelServer, script: Script, word: str
) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], probe_seconds=60.0)
    model_server.script(script)
    documents = [save(alice), save(alice, ANOTHER)]
    for _ in range(4):
        work_once()
    assert model_server.calls == 1
    for document in documents:
        area = look(document)
        assert (area.state, current(document).attempts) == ("paused", 0)
        assert area.reason and word in area.reason


def test_mended_setting_goes_on_at_once(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    model_server.script(lambda r: Script.words() if r.key == "sk-right" else Script.status(401))
    document = save(alice)
    work_once()
    assert look(document).state == "paused"
    make_app(**{**llm_environ(model_server), "OPENAI_API_KEY": "sk-right"})
    document = db.session.get_one(Document, document.id)
    work()
    assert current(document).status == Status.COMPLETE


@pytest.mark.parametrize("retry_after", ["1", None])
def test_asked_to_wait_we_wait(alice: Member, model_server: ModelServer, retry_after: str | None) -> None:
    model_server.script([Script.status(429, retry_after=retry_after), Script.words()])
    document = save(alice)
    work_once()
    row = current(document)
    assert (row.status, row.attempts) == ("pending", 0)
    work()
    waited = model_server.requests[1].at - model_server.requests[0].at
    assert waited >= (1 if retry_after else 0)
    assert current(document).status == Status.COMPLETE


def test_five_failures_in_a_row_pause_the_lane(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    make_app(**{**llm_environ(model_server), "PRECIS_PROBE_SECONDS": "60"})
    model_server.script(Script.status(500))
    for number in range(8):
        save(alice, f"{number} {ARTICLE}")
    work_once()
    assert model_server.calls == 5
    assert Health.pause()


def test_slow_server_gets_its_time_and_a_silent_one_does_not(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    make_app(**{**llm_environ(model_server), "PRECIS_FIRST_WORD_SECONDS": "0.5", "PRECIS_SILENCE_SECONDS": "0.5",
                "PRECIS_MAX_ATTEMPTS": "1"})  # fmt: skip
    model_server.script(
        Script.words("- One two three four five six seven eight.", first_word=0.2, every=0.15)
    )
    slow = save(alice)
    work()
    assert current(slow).status == Status.COMPLETE
    for script, code in ((Script.silent(), "silent_start"), (Script.stall(2), "silent")):
        model_server.script(script)
        document = save(alice, f"{code} {ARTICLE}")
        work()
        assert (current(document).status, current(document).error_code) == ("failed", code)


def test_lease_is_renewed_while_words_arrive(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    app = make_app(**{**llm_environ(model_server), "PRECIS_LEASE_SECONDS": "1"})
    model_server.script(Script.words("- " + "word " * 25, every=0.1))
    document = save(alice)
    runner = threading.Thread(target=lambda: in_context(app, work_once))
    runner.start()
    while runner.is_alive():
        in_context(app, sweep_now)
        time.sleep(0.1)
    assert (current(document).status, current(document).crashes, model_server.calls) == ("complete", 0, 1)


def test_thoughts_never_show(alice: Member, model_server: ModelServer) -> None:
    model_server.script(Script.words("<think>Secret thoughts.</think>\n- The answer itself."))
    document = save(alice)
    work()
    assert current(document).text == "- The answer itself."


# --- crashes


def test_crashed_worker_is_found_and_its_summary_made(alice: Member, model_server: ModelServer) -> None:
    """B9: killed between claim and end, a row does not say "writing" for ever."""
    document = save(alice)
    assert Summary.claim(current(document).id)
    let_leases_end()
    sweep_now()
    assert (current(document).status, current(document).crashes) == ("pending", 1)
    work()
    assert (current(document).status, model_server.calls) == ("complete", 1)


def test_poisonous_document_fails_after_three_crashes(alice: Member) -> None:
    document = save(alice)
    for _ in range(MAX_CRASHES):
        assert Summary.claim(current(document).id)
        let_leases_end()
        sweep_now()
    row = current(document)
    assert (row.status, row.error_code, row.crashes) == ("failed", "crashed_worker", 3)
    assert Summary.claim(row.id) is None


def test_worker_that_wakes_after_its_lease_changes_nothing(alice: Member, model_server: ModelServer) -> None:
    document = save(alice)
    slept = Summary.claim(current(document).id)
    assert slept
    let_leases_end()
    sweep_now()
    work()
    assert not Summary.finish(slept, text="- Late.", format="markdown", finished=Finished(model="m"))
    assert not Summary.fail(slept, EngineFailure(FailureKind.PERMANENT, "late"))
    assert (current(document).status, current(document).text) == ("complete", SUMMARY)


def test_worker_that_wakes_while_another_writes_changes_nothing(alice: Member) -> None:
    """B10: the fence, and not the status alone, says whose the row is."""
    document = save(alice)
    slept = Summary.claim(current(document).id)
    let_leases_end()
    sweep_now()
    awake = Summary.claim(current(document).id)
    assert slept and awake and awake.fence > slept.fence
    assert not Summary.renew(slept)
    assert not Summary.finish(slept, text="- Late.", format="markdown", finished=Finished(model="m"))
    assert not Summary.fail(slept, EngineFailure(FailureKind.PERMANENT, "late"))
    assert not Summary.hand_back(slept)
    assert current(document).status == Status.PROCESSING
    assert Summary.finish(awake, text=SUMMARY, format="markdown", finished=Finished(model="m"))


def test_bug_of_ours_is_a_failed_try_and_not_a_stuck_row(
    alice: Member, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = save(alice)
    monkeypatch.setattr(summaries, "_write", fail_test)
    with pytest.raises(AssertionError):
        generate_now(current(document).id)
    assert (current(document).status, current(document).error_code) == ("pending", "internal_error")
    assert Health.pause() is None and not db.session.scalar(select(Health.failures))


def test_stopping_worker_gives_its_row_back(app: Flask, alice: Member, model_server: ModelServer) -> None:
    model_server.script([Script.words("word " * 200, every=0.05), Script.words()])
    document = save(alice)
    runner = threading.Thread(target=lambda: in_context(app, work_once))
    runner.start()
    wait_for(lambda: model_server.calls == 1)
    summaries.stop_all()
    try:
        runner.join(timeout=10)
        assert not runner.is_alive()
        assert (current(document).status, current(document).attempts) == ("pending", 0)
        generate_now(current(document).id)
        assert model_server.calls == 1
    finally:
        lease.stopping.clear()
    work()
    assert current(document).status == Status.COMPLETE


# --- telling


class Ear:
    """Redis, that notes what SQL says, to others, at the moment when a change is told."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self.heard: list[str | None] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def pipeline(self, **options: Any) -> "Ear":
        ear = Ear(self._client.pipeline(**options))
        ear.heard = self.heard
        return ear

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def publish(self, channel: str, data: str) -> None:
        if json.loads(data)["kind"] == "state":
            with db.engine.connect() as other:
                self.heard.extend(other.execute(select(Document.summary_status)).scalars())
        self._client.publish(channel, data)


def test_each_change_of_status_is_told_once_it_can_be_read(
    alice: Member, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B5: the failed try, the next one and the lost worker are told as the success is; not what is over at once."""
    ear = Ear(events.redis())
    monkeypatch.setattr(events, "redis", lambda: ear)
    late = (5 * BEGUN_SECONDS,)
    answers = [
        Script.status(500).but(events=late),
        Script.words(),
        Script.error(400, "content_filter").but(events=late),
    ]
    model_server.script(answers)
    document = save(alice)
    work()
    document.summarize_later(again=True)
    work()
    document.summarize_later(again=True)
    assert ear.heard == ["pending", "processing", "pending", "processing", "complete",
                         "pending", "processing", "failed", "pending"]  # fmt: skip
    assert Summary.claim(current(document).id)
    let_leases_end()
    sweep_now()
    assert ear.heard[9:] == ["pending"]


# --- hints, and Redis


def test_hint_is_sent_after_the_commit(app: Flask, alice: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """B11: a worker that reads the hint at once finds the row."""
    seen = []

    def look_from_elsewhere(summary_id: int, lane: str) -> None:
        with db.engine.connect() as other:
            seen.append(other.execute(select(Summary.id).where(Summary.id == summary_id)).scalar())

    monkeypatch.setattr(hints, "send", look_from_elsewhere)
    document = save(alice)
    document.revise(alice, title="t", text=ANOTHER)
    assert len(seen) == 2 and all(seen)


def test_hint_inside_a_transaction_is_refused(app: Flask) -> None:
    with transaction(), pytest.raises(SentTooEarly):
        hints.send(1, Lane.WARM)


def test_rolled_back_save_sends_no_hint(app: Flask, alice: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Document, "_warm", fail_test)
    with pytest.raises(AssertionError):
        save(alice)
    assert hints.waiting(Lane.WARM) == 0
    assert not db.session.scalars(select(Document)).all()


def test_document_deleted_before_its_hint_comes_is_no_error(alice: Member, model_server: ModelServer) -> None:
    """B16: gone is gone, and not retried."""
    document = save(alice)
    summary_id = current(document).id
    document.remove()
    generate_now(summary_id)
    assert model_server.calls == 0


def test_document_deleted_during_generation_leaves_nothing(
    app: Flask, alice: Member, model_server: ModelServer
) -> None:
    document = save(alice)
    claim = Summary.claim(current(document).id)
    assert claim
    document.remove()
    assert not Summary.finish(claim, text="- Late.", format="markdown", finished=Finished(model="m"))
    assert not db.session.scalars(select(Summary)).all()


@pytest.mark.parametrize("script", [Script.words(), Script.status(500), Script.error(400, "content_filter")])
def test_document_deleted_while_it_is_read_is_no_error(
    app: Flask, alice: Member, model_server: ModelServer, valkey: Valkey, script: Script
) -> None:
    """B16 and B14: the end of a run on what is gone is quiet, and keeps nothing of it."""
    document = save(alice)

    def delete_first(_: Request) -> Script:
        in_context(app, lambda: db.session.get_one(Document, document.id).remove())
        return script

    model_server.script(delete_first)
    generate_now(current(document).id)
    assert model_server.calls == 1
    assert not db.session.scalars(select(Summary)).all()
    with valkey.client() as client:
        assert client.keys("*summary*") == []


def test_document_deleted_right_after_the_finish_is_no_error(
    alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B16: between the commit and the filling of the cache too."""
    document = save(alice)
    claim = Summary.claim(current(document).id)
    assert claim

    @contextmanager
    def then_delete() -> Iterator[None]:
        with transaction():
            yield
        document.remove()

    monkeypatch.setattr("webapp.models.summary.transaction", then_delete)
    Summary.finish(claim, text=SUMMARY, format="markdown", finished=Finished(model="m"))


def test_document_deleted_while_the_cache_is_filled_leaves_nothing_in_it(
    alice: Member, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B14: for the seven days that the cache keeps."""
    document = save(alice)

    def delete_meanwhile(text: str, format: str) -> str:
        document.remove()
        return text

    monkeypatch.setattr("webapp.models.summary.summary_html", delete_meanwhile)
    work()
    with valkey.client() as client:
        assert client.keys("*summary*") == []


def test_failure_to_publish_or_to_cache_leaves_the_summary_complete(
    alice: Member, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B8: what comes after the commit can't change the status."""

    def broken(*_: object, **__: object) -> None:
        raise RedisError("scripted")

    document = save(alice)
    monkeypatch.setattr("webapp.events.redis", broken)
    monkeypatch.setattr(cache, "set", broken)
    work()
    assert (current(document).status, model_server.calls) == ("complete", 1)
    monkeypatch.setattr(cache, "get", broken)
    assert look(document).state == "complete"


def test_saving_and_reading_work_without_redis(make_app: Callable[..., Flask], alice: Member) -> None:
    make_app(REDIS_URL="redis://127.0.0.1:1/0", PRECIS_ENGINE="extract")
    document = save(alice)
    assert look(document).status in ("pending", "processing")
    work()
    assert look(document).status == Status.COMPLETE


def test_sweeper_sends_what_was_lost_and_does_not_pile_up(alice: Member, model_server: ModelServer) -> None:
    for number in range(3):
        save(alice, f"{number} {ARTICLE}")
    _broker().flush(Lane.WARM)
    assert hints.waiting(Lane.WARM) == 0
    sweep_now()
    sweep_now()
    assert hints.waiting(Lane.WARM) == 3


def test_sweeper_feeds_each_lane_that_is_empty(
    alice: Member, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    for number in range(4):
        document = save(alice, f"{number} {ARTICLE}")
        if number:
            look(document)
    _broker().flush(Lane.WARM)
    assert not hint_now()
    assert (hints.waiting(Lane.INTERACTIVE), hints.waiting(Lane.WARM)) == (3, 1)
    _broker().flush(Lane.INTERACTIVE)
    assert hint_now(), "there may be more than was sent"
    assert hints.waiting(Lane.INTERACTIVE) == 2


def test_sweeper_asks_for_what_nobody_asked_for(alice: Member, model_server: ModelServer) -> None:
    document = save(alice)
    forget_requests(document.id)
    sweep_now()
    work()
    assert current(document).status == Status.COMPLETE


# --- lanes and thrift


def test_view_promotes_what_waits_in_the_warm_lane(alice: Member, model_server: ModelServer) -> None:
    document = save(alice)
    assert (current(document).lane, hints.waiting(Lane.INTERACTIVE)) == (Lane.WARM, 0)
    look(document)
    assert (current(document).lane, hints.waiting(Lane.INTERACTIVE)) == (Lane.INTERACTIVE, 1)
    look(document)
    assert hints.waiting(Lane.INTERACTIVE) == 1


def test_edits_settle_and_a_view_cuts_the_wait_short(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    make_app(**{**llm_environ(model_server), "PRECIS_SETTLE_SECONDS": "60"})
    document = save(alice)
    work()
    for number in range(3):
        document.revise(alice, title="t", text=f"{number} {ANOTHER}")
    assert work_once() == 0
    assert look(document, is_own_save=True).state == "settling"
    assert work_once() == 0
    look(document)
    work()
    assert (current(document).status, model_server.calls) == ("complete", 2)


def test_short_text_says_so_and_costs_nothing(alice: Member, model_server: ModelServer) -> None:
    document = save(alice, "Only a line.")
    area = look(document)
    work()
    assert (area.state, area.status, model_server.calls) == ("short", "complete", 0)
    document.summarize_later(again=True)
    work()
    assert model_server.calls == 1


def test_warming_has_a_cap_an_hour_which_readers_do_not_feel(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    make_app(**{**llm_environ(model_server), "PRECIS_WARM_PER_HOUR": "2"})
    documents = [save(alice, f"{number} {ARTICLE}") for number in range(4)]
    for _ in range(3):
        work_once()
    assert model_server.calls == 2
    look(documents[3])
    work_once()
    assert (model_server.calls, current(documents[3]).status) == (3, Status.COMPLETE)


def test_on_first_view_nothing_is_made_before(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    make_app(**{**llm_environ(model_server), "PRECIS_WARM": "on-first-view"})
    document = save(alice)
    sweep_now()
    assert work() == 0
    assert look(document).status == Status.PENDING
    work()
    assert (current(document).status, model_server.calls) == ("complete", 1)


def test_master_switch_turns_everything_generated_off(
    make_app: Callable[..., Flask], alice: Member, model_server: ModelServer
) -> None:
    make_app(**{**llm_environ(model_server), "PRECIS_SUMMARIES": "off"})
    document = save(alice)
    assert look(document).state == "off"
    sweep_now()
    assert (work(), model_server.calls) == (0, 0)


def test_no_worker_is_said_instead_of_writing(alice: Member) -> None:
    document = save(alice)
    with transaction():
        db.session.execute(update(Presence).values(seen_at=0))
    area = look(document)
    assert area.state == "no-worker" and area.reason and "No worker" in area.reason


def test_prompt_holds_one_document_and_no_secret(alice: Member, model_server: ModelServer) -> None:
    save(alice, "A secret of another document. " * 30)
    work()
    save(alice)
    work()
    assert "secret of another" not in model_server.requests[1].prompt
    assert "sk-test-canary" not in model_server.requests[1].prompt
    assert alice.email not in model_server.requests[1].prompt


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.ADMIN)


def _broker() -> Any:
    return current_app.extensions["broker"]


def _store() -> Any:
    """The store behind the cache."""
    return cache.cache


def fail_test(*_: object, **__: object) -> None:
    raise AssertionError("this must not be called")


def in_context(app: Flask, do: Callable[[], object]) -> None:
    with app.app_context():
        do()


def together(number: int, do: Callable[[], None]) -> None:
    """Do it in so many threads at once."""
    threads = [threading.Thread(target=do) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def forget_requests(document_id: int) -> None:
    """As if the requests had never been written."""
    with transaction():
        db.session.execute(db.delete(Summary))
        db.session.execute(update(Document).values(summary_id=None, summary_status=None))


def let_leases_end() -> None:
    with transaction():
        db.session.execute(
            update(Summary)
            .where(Summary.status == Status.PROCESSING)
            .values(lease_until=Summary.lease_until - 10_000)
        )
