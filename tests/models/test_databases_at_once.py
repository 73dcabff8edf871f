"""Imports and styles on SQLite and on PostgreSQL alike: what many do at once is done once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO

from flask import Flask
from sqlalchemy import func, inspect, select, update

from tests.conftest import ARTICLE, add_member
from tests.models import test_databases
from tests.models.test_databases import together
from tests.support.worker import work
from webapp import originals
from webapp.extensions import db, now, transaction
from webapp.importing.extracted import Extracted
from webapp.models import Document, Import, Member, ModelServer, Role, Status, Summary
from webapp.models.area import look
from webapp.models.asking import asking
from webapp.models.imports import Brought, ImportClaim
from webapp.models.invariants import violations
from webapp.models.summary import LIVE
from webapp.models.wishes import MOST_LIVE, UnusableWish, Wishes
from webapp.summarizing.engine import Ask, EngineFailure, FailureKind, Style

app, postgresql = test_databases.app, test_databases.postgresql


def test_many_who_pick_a_style_ask_once_and_under_a_key_of_its_own(app: Flask) -> None:
    document_id = add_member("Alice", Role.ADMIN).documents.add(title="t", text=ARTICLE).id
    for style in (Style.BRIEF, Style.DETAILED):
        together(app, 12, partial(_ask, document_id, asking(style)))
    work()
    db.session.expire_all()
    found = db.session.scalars(select(Summary)).all()
    assert sorted((row.style, row.status) for row in found) == [
        (style, Status.COMPLETE) for style in sorted((Style.BRIEF, Style.DETAILED, Style.KEY_POINTS))
    ]
    assert len({row.recipe_hash for row in found}) == 3
    shown = [look(db.session.get_one(Document, document_id), asking(style)) for style in Style]
    assert len({str(area.html) for area in shown}) == 3


def test_of_many_who_ask_in_their_own_words_at_once_only_so_many_are_admitted(app: Flask) -> None:
    app.config["SETTINGS"] = replace(
        app.config["SETTINGS"], openai_api_key="sk"
    )  # the embedded one heeds no words
    document_id = add_member("Alice", Role.ADMIN).documents.add(title="t", text=ARTICLE).id
    numbers = iter(range(12))
    admitted = together(app, 12, lambda: _wish(document_id, f"in {next(numbers)} words"))
    assert sorted(admitted) == [False] * (12 - MOST_LIVE) + [True] * MOST_LIVE  # type: ignore[type-var]
    live = (
        select(func.count()).select_from(Summary).where(Summary.instruction != "", Summary.status.in_(LIVE))
    )
    assert db.session.scalar(live) == MOST_LIVE
    assert violations() == []


def test_of_many_claims_in_a_pause_of_the_model_server_one_is_its_probe(app: Flask) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], openai_api_key="sk", probe_seconds=60.0)
    alice = add_member("Alice", Role.ADMIN)
    waiting = [alice.documents.add(title="t", text=f"{ARTICLE} {number}").summary_id for number in range(8)]
    with transaction():
        ModelServer.failed(EngineFailure(FailureKind.UNAVAILABLE, "unreachable"))
        db.session.execute(update(ModelServer).values(paused_until=now() + 60.0))
    assert not any(together(app, 8, partial(_claim, iter(waiting))))
    with transaction():
        db.session.execute(update(ModelServer).values(paused_until=0.0))
    claims = together(app, 8, partial(_claim, iter(waiting)))
    assert len([claim for claim in claims if claim]) == 1


def test_one_of_many_claims_of_an_import_wins(app: Flask) -> None:
    (item,) = bring(add_member("Alice", Role.ADMIN), "a.txt")
    claims = together(app, 12, lambda: Import.claim(item.id))
    assert len([claim for claim in claims if claim]) == 1


def test_equal_files_that_are_read_at_once_become_one_document(app: Flask) -> None:
    """Both have looked for a document from the same file, and found none, before either makes one."""
    items = bring(add_member("Alice", Role.ADMIN), *(f"{number}.txt" for number in range(6)))
    claims = [claim for item in items if (claim := Import.claim(item.id))]
    assert not any(map(Import.end_if_known, claims))
    waiting = iter(claims)
    assert together(app, 6, lambda: Import.finish(claim := next(waiting), brought(claim))) == [True] * 6
    outcomes = db.session.execute(select(Import.outcome, Import.document_id)).all()
    assert sorted(row.outcome for row in outcomes) == ["created", *["known"] * 5]
    assert len({row.document_id for row in outcomes}) == 1
    assert db.session.scalar(select(func.count(Document.id))) == 1
    assert violations() == []


def test_an_original_stays_while_another_document_arrives_from_the_same_file(app: Flask) -> None:
    """One document goes while the other one comes: whoever is first, the file that is needed is there."""
    alice = add_member("Alice", Role.ADMIN)
    for _ in range(8):
        (item,) = bring(alice, "a.txt")
        claim = Import.claim(item.id)
        assert claim and Import.finish(claim, brought(claim))
        document_id = db.session.get_one(Import, item.id, populate_existing=True).document_id
        jobs: list[Callable[[], object]] = [partial(_remove, document_id), partial(bring, alice, "b.txt")]
        together(app, 2, partial(_do_next, iter(jobs)))
        assert originals.path_of(claim.sha256).is_file()
        db.session.commit()
        for left in db.session.scalars(select(Import)).all():
            left.remove()
        assert not originals.path_of(claim.sha256).is_file()


def _ask(document_id: int, ask: Ask) -> None:
    db.session.get_one(Document, document_id).summarize_later(ask)


def _wish(document_id: int, words: str) -> bool:
    try:
        Wishes(db.session.get_one(Document, document_id)).ask(asking(Style.KEY_POINTS, instruction=words))
    except UnusableWish:
        return False
    return True


def _claim(waiting: Iterator[int | None]) -> object:
    return Summary.claim(next(waiting) or 0)


def _do_next(jobs: Iterator[Callable[[], object]]) -> object:
    return next(jobs)()


def _remove(document_id: int | None) -> None:
    db.session.get_one(Document, document_id).remove()


def bring(member: Member, *names: str) -> list[Import]:
    """Files that differ in nothing but their names."""
    files = [(name, originals.Incoming.of(BytesIO(ARTICLE.encode()), 1_000_000)) for name in names]
    member = db.session.get_one(Member, inspect(member).identity)
    return member.imports.add_files(files)


def brought(claim: ImportClaim) -> Brought:
    found = Extracted(text=ARTICLE, format="plain", kind="text")
    return Brought(found, claim.name, claim.name, claim.sha256, len(ARTICLE))
