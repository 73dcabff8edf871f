"""Workers that die over several summaries at once: only the one that kills them fails."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import update

from tests.conftest import ARTICLE, add_member
from webapp.extensions import db, transaction
from webapp.models import Document, Role, Status, Summary
from webapp.models.crashing import LAST_CHANCE, MAX_CRASHES
from webapp.models.invariants import violations


@pytest.fixture(autouse=True)
def app(llm_app: Flask) -> Iterator[Flask]:
    yield llm_app
    assert violations() == []


@pytest.fixture
def two() -> list[int]:
    """The summaries of two documents."""
    alice = add_member("Alice", Role.ADMIN)
    saved = [alice.documents.add(title=f"Number {n}", text=f"{ARTICLE}\n\nNumber {n}.") for n in range(2)]
    return [document.summary_id for document in saved if document.summary_id]


def die() -> None:
    """All workers die, are missed, and what they were at is due again."""
    with transaction():
        db.session.execute(update(Summary).where(Summary.status == Status.PROCESSING).values(lease_until=0.0))
    Summary.expire_leases()
    with transaction():
        db.session.execute(
            update(Summary).where(Summary.status == Status.PENDING).values(next_attempt_at=0.0)
        )


def test_who_died_beside_a_poisonous_one_is_written_apart_from_it(two: list[int]) -> None:
    for _ in range(LAST_CHANCE):
        assert all(map(Summary.claim, two))
        die()
    poison, other = two
    assert Summary.claim(poison)
    assert Summary.claim(other) is None
    die()
    assert Summary.claim(other)
    rows = {row.id: row for row in db.session.query(Summary)}
    assert (rows[poison].status, rows[poison].crashes) == (Status.FAILED, MAX_CRASHES)
    assert (rows[other].status, rows[other].crashes) == (Status.PROCESSING, LAST_CHANCE)


def test_what_never_killed_anybody_waits_for_nobody(two: list[int]) -> None:
    poison, other = two
    for _ in range(LAST_CHANCE):
        assert Summary.claim(poison)
        die()
    assert Summary.claim(poison)
    assert Summary.claim(other)


def test_of_those_that_died_together_each_waits_longer_on_its_last_chance(two: list[int]) -> None:
    """So that no two are claimed in the same instant, each before the other one's claim can be seen."""
    for _ in range(LAST_CHANCE):
        assert all(map(Summary.claim, two))
        with transaction():
            db.session.execute(update(Summary).values(lease_until=0.0))
        Summary.expire_leases()
        waits = {row.id: row.next_attempt_at for row in db.session.query(Summary)}
        with transaction():
            db.session.execute(update(Summary).values(next_attempt_at=0.0))
    assert abs(waits[two[1]] - waits[two[0]]) > 1.0
    assert db.session.query(Document).count() == len(two)
