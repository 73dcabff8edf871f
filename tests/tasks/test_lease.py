"""What a model server was paid for is stored, though the database fails just then."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import OperationalError

from tasks import lease
from tasks.summaries import generate_now
from tasks.upkeep import sweep_now
from tests.conftest import ARTICLE, MakeApp, add_member, fresh, llm_environ
from tests.support import nth
from tests.support.long_texts import CONTEXT, NoteTaker, paragraphs
from tests.support.model_server import ModelServer
from tests.support.nth import failing
from webapp.extensions import db, transaction
from webapp.models import Document, Member, ModelLimits, Role, Summary
from webapp.models.summary import Claim
from webapp.summarizing.engine import Finished

FAULTS = (nth.statement, nth.commit, nth.lost_commit)
LONG_AGO = 1.0

pytestmark = pytest.mark.usefixtures("promises")


@pytest.fixture(autouse=True)
def alice(make_app: MakeApp, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Member:
    monkeypatch.setattr(lease, "AGAIN_SECONDS", 0.001)
    make_app(**llm_environ(model_server))
    return add_member("Alice", Role.ADMIN)


@pytest.fixture
def app(alice: Member) -> None:
    """For the promises."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_an_answer_is_paid_for_once_whatever_of_the_database_fails(
    alice: Member, model_server: ModelServer, fault: nth.Fault
) -> None:
    for number in _until_none_fails(
        fault, lambda name: alice.documents.add(title=name, text=f"{ARTICLE} {name}")
    ):
        assert model_server.calls == number


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_part_is_paid_for_once_whatever_of_the_database_fails(
    alice: Member, make_app: MakeApp, model_server: ModelServer, fault: nth.Fault
) -> None:
    make_app(**llm_environ(model_server), **CONTEXT, PRECIS_LLM_CONCURRENCY="2")
    taker = NoteTaker()
    model_server.script(taker)

    def save(name: str) -> Document:
        taker.forget()
        return alice.documents.add(title=name, text="\n\n".join(paragraphs(6, seed=int(name))))

    for _ in _until_none_fails(fault, save):
        assert len(taker.parts) >= 2
        assert (taker.paid_twice, len(taker.summaries)) == (0, 1)


def test_who_has_lost_the_row_hears_that_nothing_was_stored(alice: Member) -> None:
    document = alice.documents.add(title="Lamps", text=ARTICLE)
    claim = Summary.claim(document.summary_id or 0)
    assert claim
    fresh(document).revise(alice, title="Lamps", text=ARTICLE + " Edited.")
    finished = Finished("scripted", "stop", 1, 1)
    with pytest.raises(lease.LostLease):
        lease.Lease(claim).store(
            partial(Summary.finish, claim, text="- A.", format="markdown", finished=finished)
        )
    assert [row.status for row in Summary.all_of(document.id)] == ["superseded", "pending"]


def _until_none_fails(fault: nth.Fault, save: Callable[[str], Document]) -> Iterator[int]:
    """Save a document and have its summary written: once with the first operation failing, once with the second, and
    so on. Yields how many were written, after each.
    """
    for number in count(1):
        document = save(str(number))
        with transaction():
            db.session.execute(delete(ModelLimits))
        with failing(fault, number, is_lasting=False) as struck, suppress(OperationalError):
            generate_now(fresh(document).summary_id or 0)
        _finish(document)
        yield number
        if not struck.has_struck:
            return


def _finish(document: Document) -> None:
    """See to what the worker left, once its lease or the wait before the next try has ended."""
    for moment in (Summary.lease_until, Summary.next_attempt_at):
        with transaction():
            db.session.execute(update(Summary).where(moment.is_not(None)).values({moment: LONG_AGO}))
        sweep_now()
    generate_now(fresh(document).summary_id or 0)
    assert fresh(document).summary_status == "complete"


def test_who_is_due_extends_the_leases_beside_it_in_one_transaction(
    alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [lease.Lease(_claimed(alice, name)) for name in ("Lamps", "Oil", "Wicks")]
    renewals: list[int] = []
    renew_all = Summary.renew_all

    def counted(claims: Sequence[Claim]) -> set[Claim]:
        renewals.append(len(claims))
        return renew_all(claims)

    monkeypatch.setattr(Summary, "renew_all", counted)
    kept[0].renew_at = LONG_AGO
    for each in kept:
        each.keep()
    assert renewals == [3]


def test_who_is_not_heard_of_is_not_extended_by_others(alice: Member) -> None:
    hung, alive = (lease.Lease(_claimed(alice, name)) for name in ("Lamps", "Oil"))
    before = _lease_ends(hung.claim)
    hung.heard_at = alive.renew_at = LONG_AGO
    alive.keep()
    assert _lease_ends(hung.claim) == before


def test_lease_that_another_thread_found_lost_ends_its_own_work_alone(alice: Member) -> None:
    edited, other = (lease.Lease(_claimed(alice, name)) for name in ("Lamps", "Oil"))
    document = db.session.get_one(Document, edited.claim.document_id)
    fresh(document).revise(alice, title="Lamps", text=ARTICLE + " Edited.")
    other.renew_at = LONG_AGO
    other.keep()
    with pytest.raises(lease.LostLease):
        edited.keep()


def _claimed(author: Member, name: str) -> Claim:
    claim = Summary.claim(author.documents.add(title=name, text=f"{ARTICLE} {name}").summary_id or 0)
    assert claim
    return claim


def _lease_ends(claim: Claim) -> float | None:
    return db.session.get_one(Summary, claim.summary_id, populate_existing=True).lease_until
