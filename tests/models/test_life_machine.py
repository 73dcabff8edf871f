"""Any story of saves, edits, views, clicks, deliveries, crashes and failures ends well: a rule-based state machine.

Workers are played at the level of claims, so that a story can stop one between any two of its steps. Time passes by
moving every time in the database back, which is the same to a clock that is only compared.
"""

import os
import tempfile
from typing import Any

import dramatiq
import hypothesis.strategies as st
from dramatiq.brokers.stub import StubBroker
from fakeredis import FakeRedis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import select, update

from tasks.upkeep import sweep_now
from tests.conftest import PASSWORD
from webapp import create_app, hints
from webapp.config import Settings
from webapp.extensions import cache, db, transaction
from webapp.models import Document, Lane, Member, ModelServer, Presence, Role, Status, Summary
from webapp.models.area import look, read
from webapp.models.chosen import PERSON
from webapp.models.crashing import MAX_CRASHES
from webapp.models.invariants import violations
from webapp.models.summary import LIVE, Claim
from webapp.models.words import Words
from webapp.summarizing.engine import USUAL, EngineFailure, FailureKind, Finished

TEXTS = st.sampled_from([f"Text {n}. " + "It has a few sentences of its own. " * 20 for n in range(3)])
KINDS = st.sampled_from(list(FailureKind))
MAX_ATTEMPTS = 4


def summary_of(text: str) -> str:
    return f"- The gist of {text[:6]}"


class Life(RuleBasedStateMachine):
    documents = Bundle("documents")
    claims = Bundle("claims")

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.app = create_app(Settings.load({
            "PRECIS_DATA": self.folder.name, "SECRET_KEY": "machine", "REDIS_URL": "redis://127.0.0.1:1/0",
            "OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "PRECIS_MAX_ATTEMPTS": str(MAX_ATTEMPTS),
            "PRECIS_WARM_PER_HOUR": "3"}))  # fmt: skip
        self.app.extensions["live_redis"] = FakeRedis()
        self.app.extensions["cache"][cache] = _FakeCache()
        broker = self.app.extensions["broker"] = _Broker()
        for lane in Lane:
            broker.declare_queue(lane)
        dramatiq.actor(actor_name=hints.ACTOR, queue_name=Lane.WARM, broker=broker)(lambda _: None)
        self.context = self.app.app_context()
        self.context.push()
        db.create_all()
        self.member = Member.add(email="a@example.org", name="A", password=PASSWORD, role=Role.EDITOR)
        with transaction():
            for lane in Lane:
                db.session.add(Presence(token=lane, lane=lane, pid=os.getpid(), seen_at=4e9))
        self.calls: dict[int, int] = {}
        self.refunds: dict[int, int] = {}
        self.decided: dict[tuple[int, str], str] = {}  # whose words people chose, by document and text
        self.last: dict[int, str] = {}

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self._everything_ends_well()
            db.session.remove()
            db.engine.dispose()
            self.context.pop()
            self.folder.cleanup()

    # --- people

    @rule(target=documents, text=TEXTS)
    def save(self, text: str) -> int:
        return Document.create(self.member, title="A title", text=text).id

    @rule(document_id=documents, text=TEXTS)
    def edit(self, document_id: int, text: str) -> None:
        if document := self._document(document_id):
            document.revise(self.member, title=document.title, text=text)

    @rule(document_id=documents)
    def edit_only_the_title(self, document_id: int) -> None:
        if document := self._document(document_id):
            before = (document.summary_id, document.summary_status, document.content_hash)
            document.revise(self.member, title=document.title + "!", text=document.text)
            after = self._document(document_id)
            assert after and before == (after.summary_id, after.summary_status, after.content_hash)

    @rule(document_id=documents)
    def view(self, document_id: int) -> None:
        if document := self._document(document_id):
            area = look(document)
            assert area.status != Status.PENDING or self._row(document).lane == Lane.INTERACTIVE

    @rule(document_id=documents)
    def click(self, document_id: int) -> None:
        if document := self._document(document_id):
            document.summarize_later(again=True)

    @rule(document_id=documents, number=st.integers(1, 3))
    def edit_by_hand(self, document_id: int, number: int) -> None:
        if (document := self._document(document_id)) and Words(document, USUAL).shown():
            words = Words(document, USUAL)
            words.write(self.member, f"{summary_of(document.text)}, by hand, {number}", seen=words.seen)
            self.decided[document_id, document.content_hash] = f"by hand, {number}"
            self.last[document_id] = f"by hand, {number}"

    @rule(document_id=documents, data=st.data())
    def choose(self, document_id: int, data: st.DataObject) -> None:
        """Use another finished summary instead, or earlier words again."""
        document = self._document(document_id)
        wanted = select(Summary).where(Summary.document_id == document_id, Summary.status == Status.COMPLETE)
        rows = db.session.scalars(wanted.order_by(Summary.id)).all()
        if document and rows:
            row = data.draw(st.sampled_from(rows))
            Words(document, USUAL).choose(row.id, choices=document.choices)
            told = (row.text or "").partition(", ")[2] if row.engine == PERSON else ""
            self.decided[document_id, row.content_hash] = self.last[document_id] = told

    @rule(document_id=consumes(documents))
    def delete(self, document_id: int) -> None:
        if document := self._document(document_id):
            document.remove()

    # --- workers

    @rule(target=claims, data=st.data())
    def deliver(self, data: st.DataObject) -> Any:
        """Some hint arrives, due or not, once more or for the first time."""
        ids = list(db.session.scalars(select(Summary.id)))
        claim = Summary.claim(data.draw(st.sampled_from(ids))) if ids else None
        if claim is None:
            return multiple()
        self.calls[claim.summary_id] = self.calls.get(claim.summary_id, 0) + 1
        return claim

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        assert Summary.renew(claim) == self._holds(claim)

    @rule(claim=claims)
    def finish(self, claim: Claim) -> None:
        held = self._holds(claim)
        done = Summary.finish(
            claim, text=summary_of(claim.text), format="markdown", finished=Finished(model="m")
        )
        assert done == held

    @rule(claim=claims, kind=KINDS)
    def fail(self, claim: Claim, kind: FailureKind) -> None:
        held = self._holds(claim)
        assert Summary.fail(claim, EngineFailure(kind, f"{kind}_code")) == held
        if held and kind in (FailureKind.UNAVAILABLE, FailureKind.LIMITED, FailureKind.MISCONFIGURED):
            self.refunds[claim.summary_id] = self.refunds.get(claim.summary_id, 0) + 1

    @rule(claim=claims)
    def hand_back(self, claim: Claim) -> None:
        held = self._holds(claim)
        assert Summary.hand_back(claim) == held
        if held:
            self.refunds[claim.summary_id] = self.refunds.get(claim.summary_id, 0) + 1

    # --- time, the sweeper, and what gets lost

    @rule(seconds=st.sampled_from([1, 20, 100, 4000]))
    def time_passes(self, seconds: float) -> None:
        moved = ("next_attempt_at", "lease_until", "created_at", "claimed_at", "finished_at")
        with transaction():
            db.session.execute(
                update(Summary).values({name: getattr(Summary, name) - seconds for name in moved})
            )
            db.session.execute(update(ModelServer).values(paused_until=ModelServer.paused_until - seconds))

    @rule()
    def sweep(self) -> None:
        sweep_now()

    @rule()
    def redis_is_emptied(self) -> None:
        self.app.extensions["live_redis"].flushall()
        cache.clear()
        self.app.extensions["broker"].flush_all()

    # --- what must hold, always

    @precondition(lambda self: hasattr(self, "context"))
    @invariant()
    def promises_hold(self) -> None:
        assert [broken for broken in violations() if not broken.startswith("Leases")] == []

    @precondition(lambda self: hasattr(self, "context"))
    @invariant()
    def what_is_shown_is_of_the_current_text_or_says_that_it_is_not(self) -> None:
        db.session.commit()
        for document in db.session.scalars(select(Document)):
            area = read(document)
            if area.html is not None:
                is_current = summary_of(document.text)[2:] in area.html
                assert area.is_stale != is_current
                is_by_hand = area.hand is not None and area.hand.is_shown
                assert area.status != Status.COMPLETE or not area.is_stale or is_by_hand

    @precondition(lambda self: hasattr(self, "context"))
    @invariant()
    def a_persons_words_are_shown_until_a_person_decides_otherwise(self) -> None:
        db.session.commit()
        for document in db.session.scalars(select(Document)):
            last = self.last.get(document.id, "")
            told = self.decided.get((document.id, document.content_hash), last)
            html = str(read(document).html)
            assert (", by hand, " in html) == bool(told)
            assert told in html
            (row,) = self.member.documents.those([document.id])
            assert told in (row.excerpt or "")

    @precondition(lambda self: hasattr(self, "context"))
    @invariant()
    def calls_stay_within_the_tries(self) -> None:
        for row in db.session.scalars(select(Summary)):
            made = self.calls.get(row.id, 0)
            assert made == row.attempts + self.refunds.get(row.id, 0)
            assert row.attempts <= MAX_ATTEMPTS and row.crashes <= MAX_CRASHES

    def _everything_ends_well(self) -> None:
        """With a server that works, all comes to an end by sweeps and deliveries alone."""
        for _ in range(60):
            self.time_passes(4000)
            sweep_now()
            for summary_id, _lane in Summary.due_ids(100):
                claim = Summary.claim(summary_id)
                if claim:
                    Summary.finish(
                        claim, text=summary_of(claim.text), format="markdown", finished=Finished(model="m")
                    )
            if not db.session.scalars(select(Summary.id).where(Summary.status.in_(LIVE))).first():
                break
        assert not db.session.scalars(select(Summary.id).where(Summary.status.in_(LIVE))).all()
        assert violations() == []

    def _document(self, document_id: int) -> Document | None:
        db.session.commit()
        return db.session.get(Document, document_id, populate_existing=True)

    def _row(self, document: Document) -> Summary:
        db.session.refresh(document)
        return db.session.get_one(Summary, document.summary_id, populate_existing=True)

    def _holds(self, claim: Claim) -> bool:
        db.session.commit()
        row = db.session.get(Summary, claim.summary_id, populate_existing=True)
        return row is not None and row.status == Status.PROCESSING and row.fence == claim.fence


class _Broker(StubBroker):
    """Takes hints, and delivers none: the story does."""

    def waiting(self, queue_name: str) -> int:
        return 0


class _FakeCache:
    """The cache's face over a dict: what is in it outlives nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self.kept.get(key)

    def get_many(self, *keys: str) -> list[Any]:
        return [self.kept.get(key) for key in keys]

    def set(self, key: str, value: Any, timeout: float | None = None) -> None:
        self.kept[key] = value

    def set_many(self, values: dict[str, Any], timeout: float | None = None) -> None:
        self.kept.update(values)

    def delete_many(self, *keys: str) -> None:
        for key in keys:
            self.kept.pop(key, None)

    def clear(self) -> None:
        self.kept.clear()


Life.TestCase.settings = settings(
    max_examples=int(os.environ.get("PRECIS_STORIES", "40")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
TestLife = Life.TestCase
