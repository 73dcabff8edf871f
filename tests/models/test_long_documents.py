"""A text that is too long for one call is read in parts: each is paid for once, and nothing is cut silently."""

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tasks import lease, summaries
from tasks.calls import Calls
from tasks.summaries import generate_now
from tasks.upkeep import sweep_now
from tests.conftest import ARTICLE, MakeApp, add_member, fresh, llm_environ, staff
from tests.support.long_texts import CONTEXT, NoteTaker, paragraphs
from tests.support.model_server import SUMMARY, ModelServer, Request, Script
from tests.support.worker import work
from webapp.extensions import current_settings, db, now, transaction
from webapp.models import Document, Member, ModelLimits, Node, NodeUse, Role, Status, Summary
from webapp.models.area import SummaryArea, read
from webapp.models.model_server import ModelServer as Health
from webapp.models.node import DAY_SECONDS, DocumentGone, Shelf
from webapp.summarizing.prompt import FRAME
from webapp.summarizing.tree import Coverage

LONG = paragraphs(60)
EVERY_DAY = 40 * DAY_SECONDS

pytestmark = pytest.mark.usefixtures("promises")


@pytest.fixture
def model(model_server: ModelServer) -> NoteTaker:
    taker = NoteTaker()
    model_server.script(taker)
    return taker


@pytest.fixture(autouse=True)
def app(make_app: MakeApp, model_server: ModelServer) -> Flask:
    app = make_app(**llm_environ(model_server), **CONTEXT, PRECIS_LLM_CONCURRENCY="4")
    staff()
    return app


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.ADMIN)


def save(alice: Member, text: list[str], title: str = "A book") -> Document:
    return alice.documents.add(title=title, text="\n\n".join(text))


def current(document: Document) -> Summary:
    return db.session.get_one(Summary, fresh(document).summary_id, populate_existing=True)


def area(document: Document) -> SummaryArea:
    return read(fresh(document))


def nodes() -> int:
    db.session.commit()
    return db.session.scalar(select(func.count()).select_from(Node)) or 0


# --- reading


def test_long_text_is_read_in_parts_and_its_notes_are_summarised(alice: Member, model: NoteTaker) -> None:
    document = save(alice, LONG)
    work()
    summary = current(document)
    assert (summary.status, summary.text, summary.error_code) == ("complete", SUMMARY, None)
    assert len(model.leaves) > 12
    assert len(model.parts) == len(set(model.parts)) == nodes()
    assert [len(model.summaries), summary.attempts] == [1, 1]
    assert LONG[30] not in model.summaries[0]
    assert "- " + " ".join(LONG[0].split()[:4]) in model.summaries[0]


def test_page_says_from_how_many_sections_it_is(alice: Member, model: NoteTaker) -> None:
    document = save(alice, LONG)
    work()
    coverage = area(document).coverage
    assert coverage is not None
    assert coverage.parts == coverage.parts_read == len(model.leaves)
    assert coverage.characters_read == coverage.characters == document.characters


def test_counts_of_tokens_include_the_parts(alice: Member, model: NoteTaker) -> None:
    document = save(alice, LONG)
    work()
    prompts = [*model.parts, *model.summaries]
    summary = current(document)
    assert summary.tokens_in == sum(len(prompt) // 4 for prompt in prompts)
    assert summary.tokens_out == 20 * len(prompts)


def test_short_text_is_sent_whole_and_leaves_no_notes(alice: Member, model: NoteTaker) -> None:
    document = alice.documents.add(title="Skerrymore", text=ARTICLE[:1_200])
    work()
    assert (current(document).status, model.parts, len(model.summaries), nodes()) == ("complete", [], 1, 0)
    coverage = area(document).coverage
    assert coverage and coverage.parts == 1


def test_embedded_engine_needs_no_parts(make_app: MakeApp) -> None:
    make_app()
    document = save(add_member("Alice", Role.ADMIN), LONG)
    work()
    assert (current(document).status, current(document).coverage, nodes()) == ("complete", None, 0)


def test_detailed_summary_of_notes_is_as_long_as_the_document_deserves(alice: Member) -> None:
    from webapp.summarizing.engine import Ask, Style
    from webapp.summarizing.prompt import messages

    ask = Ask(style=Style.DETAILED)
    asked = messages("- Notes.", title="", fence="[[f]]", ask=ask, document_words=4_000)
    assert "about 400 words" in asked[1]["content"]


# --- what is paid for


def test_edit_pays_for_its_part_and_what_is_above_it(alice: Member, model: NoteTaker) -> None:
    document = save(alice, LONG)
    work()
    first = len(model.parts)
    model.forget()
    document.revise(alice, title="A book", text="\n\n".join([*LONG[:30], paragraphs(1, 7)[0], *LONG[31:]]))
    work()
    assert current(document).status == Status.COMPLETE
    assert 1 <= len(model.leaves) <= 3
    assert len(model.parts) < first / 2
    assert len(model.summaries) == 1


def test_text_that_was_there_before_is_read_for_nothing(alice: Member, model: NoteTaker) -> None:
    save(alice, LONG)
    work()
    model.forget()
    again = save(alice, LONG, "The same book")
    work()
    assert (model.parts, len(model.summaries), current(again).text) == ([], 1, SUMMARY)


def test_chapter_that_two_documents_share_is_read_once(alice: Member, model: NoteTaker) -> None:
    chapter = paragraphs(60, seed=9)
    save(alice, [*paragraphs(12, seed=1), *chapter])
    work()
    first = len(model.leaves)
    model.forget()
    save(alice, [*paragraphs(12, seed=2), *chapter])
    work()
    assert len(model.leaves) < first / 2


def test_title_alone_asks_for_nothing(alice: Member, model: NoteTaker) -> None:
    document = save(alice, LONG)
    work()
    model.forget()
    document.revise(alice, title="Another title", text="\n\n".join(LONG))
    work()
    assert (model.parts, model.summaries) == ([], [])


# --- what goes wrong on the way


PAUSES = [
    Script.status(429, retry_after="0.01"),
    Script.status(503, retry_after="0.01"),
    Script.words(finish_reason=None),
]


@pytest.mark.parametrize("failure", PAUSES)
def test_after_a_failure_only_what_is_missing_is_paid_for(
    alice: Member, model: NoteTaker, failure: Script
) -> None:
    model.instead = {6: failure}
    document = save(alice, LONG)
    work()
    assert current(document).status == Status.COMPLETE
    asked = len(model.parts)
    assert nodes() < asked <= nodes() + 4  # those that were under way may be lost with the one that failed


def test_server_that_goes_away_in_the_middle_costs_no_try(
    alice: Member, model: NoteTaker, model_server: ModelServer
) -> None:
    document = save(alice, LONG)
    gone = threading.Event()

    def answer(request: Request) -> Script:
        if len(model.parts) == 8 and not gone.is_set():
            gone.set()
            threading.Thread(target=model_server.refuse).start()
            return Script.silent()
        return model(request)

    model_server.script(answer)
    generate_now(current(document).id)
    row = current(document)
    for _ in range(5):
        if row.status == Status.PENDING and Health.pause():
            break
        generate_now(row.id)
        row = current(document)
    assert (row.status, row.attempts <= 1) == ("pending", True)
    kept = nodes()
    assert kept >= 4
    model_server.open()
    model.forget()
    work()
    assert current(document).status == Status.COMPLETE
    assert len(model.parts) == nodes() - kept


def test_tries_are_counted_anew_when_a_part_was_read(alice: Member, model: NoteTaker) -> None:
    """Else a book of 500 parts would fail, though the server fails one call in a hundred only."""
    model.instead = {number: Script.status(500) for number in range(8, 80, 8)}
    document = save(alice, LONG)
    work(30)
    assert len(model.instead) > 4
    assert (current(document).status, current(document).text) == ("complete", SUMMARY)


def test_part_that_always_fails_fails_the_summary(alice: Member, model_server: ModelServer) -> None:
    taker = NoteTaker()
    document = save(alice, LONG)
    model_server.script(lambda request: Script.status(500) if LONG[30] in request.prompt else taker(request))
    work(30)
    assert (current(document).status, current(document).error_code) == ("failed", "server_error")


def test_edit_while_it_is_read_keeps_what_was_paid_for(
    app: Flask, alice: Member, model: NoteTaker, model_server: ModelServer
) -> None:
    document = save(alice, LONG)
    edited = "\n\n".join([*LONG, "Then it rained."])

    def answer(request: Request) -> Script:
        if len(model.parts) == 8:
            with app.app_context():
                fresh_document = db.session.get_one(Document, document.id)
                member = db.session.get_one(Member, alice.id)
                fresh_document.revise(member, title="A book", text=edited)
        return model(request)

    model_server.script(answer)
    work(30)
    assert current(document).status == Status.COMPLETE
    assert len(model.leaves) <= len(set(model.leaves)) + 4


def test_worker_that_stops_gives_the_row_back_and_keeps_the_parts(
    app: Flask, alice: Member, model: NoteTaker
) -> None:
    model.delay = 0.05
    document = save(alice, LONG)
    runner = threading.Thread(target=lambda: in_context(app, lambda: generate_now(current(document).id)))
    runner.start()
    wait_for(lambda: len(model.parts) > 8)
    summaries.stop_all()
    try:
        runner.join(timeout=10)
        assert not runner.is_alive()
    finally:
        lease.stopping.clear()
    assert (current(document).status, current(document).attempts) == ("pending", 0)
    kept = nodes()
    model.forget()
    work()
    assert current(document).status == Status.COMPLETE
    assert len(model.parts) == nodes() - kept


def test_lease_is_renewed_while_parts_come(app: Flask, alice: Member, model: NoteTaker) -> None:
    model.delay = 0.1
    document = save(alice, LONG)
    runner = threading.Thread(target=lambda: in_context(app, lambda: generate_now(current(document).id)))
    runner.start()
    wait_for(lambda: len(model.parts) > 2)
    began = current(document).lease_until or 0.0
    wait_for(lambda: (current(document).lease_until or 0.0) > began)
    assert not model.summaries
    runner.join()
    assert current(document).status == Status.COMPLETE


# --- how much the server takes


def test_server_that_calls_it_too_long_gets_smaller_parts(
    make_app: MakeApp, model_server: ModelServer
) -> None:
    """Nothing is set: what the server says of its context is believed, and remembered."""
    make_app(**llm_environ(model_server))
    taker = NoteTaker()
    longest = 2_048 * 4

    def answer(request: Request) -> Script:
        if len(request.prompt) > longest:
            message = "This model's maximum context length is 2,048 tokens, and yours was longer."
            return Script.error(400, "context_length_exceeded", message)
        return taker(request)

    model_server.script(answer)
    alice = add_member("Alice", Role.ADMIN)
    document = save(alice, LONG)
    work()
    assert (current(document).status, len(taker.leaves) > 12) == ("complete", True)
    assert db.session.scalars(select(ModelLimits.context_tokens)).all() == [2_048]
    before = model_server.calls
    save(alice, paragraphs(60, seed=5))
    work()
    refused = [request for request in model_server.requests[before:] if request.outcome == "status 400"]
    assert refused == []


def test_server_that_reads_a_part_in_silence_is_noticed_and_gets_less(
    make_app: MakeApp, model_server: ModelServer
) -> None:
    """As Ollama does, whose window is 4,096 tokens unless it is told otherwise."""
    make_app(**llm_environ(model_server))
    taker = NoteTaker()

    def answer(request: Request) -> Script:
        return taker(request).but(usage={"prompt_tokens": min(len(request.prompt) // 4, 2_048)})

    model_server.script(answer)
    document = save(add_member("Alice", Role.ADMIN), LONG)
    work()
    assert (current(document).status, current(document).text) == ("complete", SUMMARY)
    assert len(taker.leaves) > 12


def test_notes_that_are_too_long_for_the_last_call_are_made_shorter(
    make_app: MakeApp, model_server: ModelServer
) -> None:
    make_app(**llm_environ(model_server), PRECIS_CONTEXT_TOKENS="8192")
    taker = NoteTaker()

    def answer(request: Request) -> Script:
        is_summary = request.prompt.startswith(FRAME)
        return Script.too_long() if is_summary and len(request.prompt) > 4_000 else taker(request)

    model_server.script(answer)
    document = save(add_member("Alice", Role.ADMIN), paragraphs(120))
    work(30)
    assert current(document).status == Status.COMPLETE


def test_what_no_part_is_short_enough_for_fails_and_says_so(alice: Member, model_server: ModelServer) -> None:
    model_server.script(Script.too_long())
    document = save(alice, LONG)
    work()
    assert (current(document).status, current(document).error_code) == ("failed", "too_long")
    assert "Even a short part" in (area(document).reason or "")


def test_server_never_sees_more_calls_at_once_than_are_set(
    app: Flask, alice: Member, model: NoteTaker, model_server: ModelServer
) -> None:
    most = 0

    def answer(request: Request) -> Script:
        nonlocal most
        most = max(most, model_server.running)
        return model(request)

    model_server.script(answer)
    model.delay = 0.01
    documents = [save(alice, paragraphs(40, seed), f"Book {seed}") for seed in range(4)]
    summaries.engine(current_settings())  # one for the process, as a worker makes it before it begins
    together([partial(in_context, app, partial(generate_now, current(book).id)) for book in documents])
    assert [(current(book).status, current(book).error_code) for book in documents] == [
        ("complete", None)
    ] * 4
    assert most in (3, 4)


def test_short_text_does_not_wait_for_a_long_one(
    app: Flask, alice: Member, model: NoteTaker, model_server: ModelServer
) -> None:
    gate = threading.Event()

    def answer(request: Request) -> Script:
        script = model(request)
        return script if request.prompt.startswith(FRAME) else Script.held(gate.is_set, "- Notes.")

    model_server.script(answer)
    book = current(save(alice, LONG)).id
    runner = threading.Thread(target=lambda: in_context(app, lambda: generate_now(book)))
    runner.start()
    wait_for(lambda: model_server.running == 3)
    short = alice.documents.add(title="Short", text=ARTICLE[:1_200])
    writer = threading.Thread(target=partial(in_context, app, partial(generate_now, current(short).id)))
    writer.start()
    try:
        wait_for(lambda: current(short).status == Status.COMPLETE)
    finally:
        gate.set()
        writer.join()
        runner.join()


def test_parts_go_behind_a_summary_that_waits_for_its_call() -> None:
    calls = Calls(1)
    assert calls.acquire(timeout=0)
    entered = threading.Event()

    def write() -> None:
        with calls.summary(lambda: None):
            entered.set()

    writer = threading.Thread(target=write)
    writer.start()
    wait_for(lambda: calls._waiting == 1)
    calls.release()
    assert entered.wait(5)
    writer.join()
    assert calls.acquire(timeout=5)


# --- what is shown


def test_page_shows_which_section_is_read(app: Flask, alice: Member, model: NoteTaker) -> None:
    model.delay = 0.1
    document = save(alice, LONG)
    runner = threading.Thread(target=lambda: in_context(app, lambda: generate_now(current(document).id)))
    runner.start()
    wait_for(lambda: area(document).state == "reading")
    shown = area(document)
    assert (shown.status, shown.parts_done < shown.parts_total) == ("processing", True)
    wait_for(lambda: area(document).parts_done > shown.parts_done)
    assert area(document).seen != shown.seen
    runner.join()
    assert (area(document).state, area(document).parts_total) == ("complete", 0)


def test_coverage_tells_what_was_left_out() -> None:
    coverage = Coverage(parts=10, parts_read=9, characters=1_000, characters_read=899)
    assert Coverage.from_json(coverage.to_json()) == coverage
    assert (coverage.is_whole, coverage.percent) == (False, 89)
    assert [Coverage.from_json(junk) for junk in (None, "", "[]", '{"parts": 1}')] == [None] * 4


# --- what is kept


def test_deleted_document_leaves_no_notes(alice: Member, model: NoteTaker) -> None:
    document = save(alice, LONG)
    work()
    document.revise(alice, title="A book", text="\n\n".join(paragraphs(40, seed=3)))
    work()
    assert nodes() > 20
    fresh(document).remove()
    assert nodes() == 0
    assert db.session.scalar(select(func.count()).select_from(NodeUse)) == 0


def test_deleted_document_leaves_what_another_one_uses(alice: Member, model: NoteTaker) -> None:
    one, other = save(alice, LONG), save(alice, LONG, "The same book")
    work()
    kept = nodes()
    fresh(one).remove()
    assert nodes() == kept > 0
    fresh(other).remove()
    assert nodes() == 0


def test_document_deleted_while_it_is_read_leaves_no_notes(
    app: Flask, alice: Member, model: NoteTaker, model_server: ModelServer
) -> None:
    document = save(alice, LONG)

    def answer(request: Request) -> Script:
        if len(model.parts) == 8:
            in_context(app, lambda: db.session.get_one(Document, document.id).remove())
        return model(request)

    model_server.script(answer)
    work()
    assert len(model.summaries) == 0
    assert nodes() == 0


def test_no_notes_are_kept_for_a_deleted_document(alice: Member) -> None:
    document = save(alice, LONG)
    claim = Summary.claim(current(document).id)
    assert claim
    document.remove()
    with pytest.raises(DocumentGone):
        Shelf(claim).put("0" * 64, "- Notes.", 1, 1)
    assert nodes() == 0


def test_sweeper_forgets_what_later_readings_did_without(alice: Member, model: NoteTaker) -> None:
    document = save(alice, LONG)
    work()
    before = nodes()
    let_days_pass()
    sweep_now()
    assert nodes() == before  # it was not read since, and an edit of it is to stay cheap
    model.forget()
    document.revise(alice, title="A book", text="\n\n".join([*LONG[:30], paragraphs(1, 7)[0], *LONG[31:]]))
    work()
    assert len(model.leaves) <= 3
    sweep_now()
    assert nodes() < before + len(model.parts)
    model.forget()
    document.revise(alice, title="A book", text="\n\n".join([*LONG[:30], *LONG[31:]]))
    work()
    assert len(model.leaves) <= 3


def let_days_pass() -> None:
    with transaction():
        db.session.execute(update(NodeUse).values(used_at=now() - EVERY_DAY))


def in_context(app: Flask, do: Callable[[], object]) -> None:
    with app.app_context():
        do()


def together(work: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=do) for do in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
