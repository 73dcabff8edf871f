"""The library page by page, and what must not take longer the more there is."""

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from webapp.extensions import db
from webapp.models import Member, library, missing, size
from webapp.models.library import Page


@pytest.fixture
def ids(alice: Member, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of eight documents, the newest first; a page holds three."""
    monkeypatch.setattr(library, "PAGE_SIZE", 3)
    return [alice.documents.add(title=f"{number}", text="Short.").id for number in range(8)][::-1]


def test_pages_hold_each_document_once_and_the_newest_first(alice: Member, ids: list[int]) -> None:
    assert [alice.documents.page(number).ids for number in (1, 2, 3)] == [ids[:3], ids[3:6], ids[6:]]


def test_pages_close_the_gap_of_a_deleted_document(alice: Member, ids: list[int]) -> None:
    for gone in (ids[4], ids[7]):
        alice.documents.get_or_404(gone).remove()
    left = [each for each in ids if each not in (ids[4], ids[7])]
    assert [alice.documents.page(number).ids for number in (1, 2, 3)] == [left[:3], left[3:], left[3:]]


@pytest.mark.parametrize(
    ("page", "pages", "linked"),
    [
        (1, 1, [1]),
        (1, 3_334, [1, 2, 3_334]),
        (1_700, 3_334, [1, 1_699, 1_700, 1_701, 3_334]),
        (3_333, 3_334, [1, 3_332, 3_333, 3_334]),
    ],
)
def test_every_page_has_links_to_both_ends_and_its_neighbours(
    page: int, pages: int, linked: list[int]
) -> None:
    assert Page([], 0, page, pages).linked == linked


def test_large_library_is_counted_once_in_a_while(
    app: Flask, alice: Member, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(size, "LARGE", 8)
    assert alice.documents.page(1).total == 8
    newest = alice.documents.add(title="new", text="Short.").id
    page = alice.documents.page(1)
    assert (page.total, page.ids[0]) == (8, newest)
    app.extensions[size.KEPT] = app.extensions[size.KEPT]._replace(good_until=0.0)
    assert alice.documents.page(1).total == 9


def test_small_library_is_counted_at_each_view(alice: Member, ids: list[int]) -> None:
    assert alice.documents.page(1).total == 8
    alice.documents.add(title="new", text="Short.")
    assert alice.documents.page(1).total == 9


def test_search_for_missing_summaries_reads_no_document_that_has_its_own(app: Flask) -> None:
    for found in (missing.lacking(), missing.outdated()):
        asked = str(found.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
        plan = [row[3] for row in db.session.execute(text(f"EXPLAIN QUERY PLAN {asked}"))]
        assert plan
        assert not [step for step in plan if step.startswith("SCAN") and "members" not in step]
