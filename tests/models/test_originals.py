"""The files of the library: what a crash leaves goes, what anybody needs stays, and what is wrong is told."""

import io
import os
import time
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from tasks.imports import import_now
from tasks.upkeep import sweep_now
from tests.conftest import ARTICLE, MakeApp
from webapp import originals
from webapp.extensions import current_settings, db, now, transaction
from webapp.models import Import, Member, Status, inventory
from webapp.models.invariants import violations
from webapp.models.source import drop_orphans
from webapp.originals import Incoming

HOUR = 3_600


@pytest.fixture(autouse=True)
def app(make_app: MakeApp) -> Flask:
    return make_app()


def incoming(text: str) -> Incoming:
    return Incoming.of(io.BytesIO(text.encode()), 1_000_000)


def bring(member: Member, text: str) -> Import:
    return member.imports.add_files([("a.txt", incoming(text))])[0]


def document_of(member: Member, text: str) -> Path:
    """The original of a document that came from a file."""
    item = bring(member, text)
    import_now(item.id)
    return originals.path_of(item.sha256 or "")


def aged(path: Path, seconds: float = 2 * HOUR) -> Path:
    os.utime(path, times=(time.time() - seconds,) * 2)
    return path


def sweep_all() -> list[str]:
    return [sha256 for folder in range(originals.FOLDERS) for sha256 in drop_orphans(folder)]


def crash_between_file_and_row(member: Member, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file has its name, and the transaction of its row never ends."""

    def die(_: Incoming) -> None:
        raise KeyboardInterrupt

    first, second = incoming(text), incoming(text + " Another.")
    monkeypatch.setattr(second, "keep", die.__get__(second))
    with pytest.raises(KeyboardInterrupt):
        member.imports.add_files([("a.txt", first), ("b.txt", second)])
    second.close()
    return originals.path_of(first.sha256)


def test_a_file_that_a_crash_left_without_a_row_goes_after_an_hour(
    alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = aged(document_of(alice, ARTICLE))
    orphan = crash_between_file_and_row(alice, "Nobody has this.", monkeypatch)
    assert orphan.is_file()
    assert sweep_all() == [], "it may be of a moment ago"
    aged(orphan)
    assert sweep_all() == [orphan.name]
    assert needed.is_file()
    assert not orphan.exists()


def test_a_sweep_looks_through_one_folder_and_the_next_one_through_the_next(
    alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_of(alice, ARTICLE)
    orphan = aged(crash_between_file_and_row(alice, "Nobody has this.", monkeypatch))
    seconds = current_settings().sweep_seconds
    turn = int(orphan.parent.name, 16) * seconds
    monkeypatch.setattr("tasks.upkeep.time.time", lambda: turn - seconds / 2)
    monkeypatch.setattr(originals, "ORPHAN_SECONDS", -1e10)
    sweep_now()
    assert orphan.exists()
    monkeypatch.setattr("tasks.upkeep.time.time", lambda: turn + seconds / 2)
    sweep_now()
    assert not orphan.exists()


def test_files_that_wait_that_have_failed_or_are_known_stay(alice: Member) -> None:
    done = document_of(alice, ARTICLE)
    waiting = originals.path_of(bring(alice, "It waits.").sha256 or "")
    failed = bring(alice, "It fails.")
    with transaction():
        values = {"status": Status.FAILED, "error_code": "damaged"}
        db.session.execute(update(Import).where(Import.id == failed.id).values(values))
    paths = [aged(done), aged(waiting), aged(originals.path_of(failed.sha256 or ""))]
    assert sweep_all() == []
    assert all(path.is_file() for path in paths)


def test_a_file_that_is_being_kept_while_the_sweeper_looks_stays(
    alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes lay there as an orphan: between the first look and the lock somebody brings them once more."""
    document_of(alice, ARTICLE)
    orphan = aged(crash_between_file_and_row(alice, "Nobody has this.", monkeypatch))
    look = originals.old_in

    def look_and_lose_the_race(folder: int) -> list[str]:
        found = look(folder)
        monkeypatch.setattr(originals, "old_in", look)
        bring(alice, "Nobody has this.")
        return found

    monkeypatch.setattr(originals, "old_in", look_and_lose_the_race)
    drop_orphans(int(orphan.parent.name, 16))
    assert orphan.is_file()


def test_a_library_without_sources_loses_no_file(alice: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the wrong database beside the right folder."""
    orphan = aged(crash_between_file_and_row(alice, "Nobody has this.", monkeypatch))
    assert sweep_all() == []
    assert orphan.is_file()


def test_other_files_are_left_alone(alice: Member) -> None:
    path = aged(document_of(alice, ARTICLE)).with_name("notes-of-the-admin.txt")
    path.write_text("Here lie the originals.")
    aged(path)
    assert sweep_all() == []
    assert path.is_file()


# --- what is told ------------------------------------------------------------------------------------------------


def test_all_is_well_with_a_library_of_files(alice: Member) -> None:
    document_of(alice, ARTICLE)
    incoming("It is being received.")
    assert inventory.problems() == violations() == []


def test_originals_that_are_gone_cut_or_changed_are_told(alice: Member) -> None:
    texts = [f"{ARTICLE} {number}" for number in range(3)]
    gone, cut, changed = (document_of(alice, text) for text in texts)
    gone.unlink()
    cut.write_text(texts[1][:-1])
    changed.write_text(texts[2].replace("a", "e"))
    assert inventory.missing() == [gone.name]
    assert inventory.damaged() == sorted((cut.name, changed.name))
    assert inventory.problems() == [
        "Originals that are not there (1 files)",
        "Originals that are not what they were (2 files)",
    ]


def test_files_that_are_received_for_days_are_told_until_the_sweeper_drops_them(alice: Member) -> None:
    left = incoming("It was being received.")
    aged(left.path, 26 * HOUR)
    assert inventory.problems() == ["Files left behind that were being received (1 files)"]
    sweep_now()
    assert inventory.problems() == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"status": Status.PROCESSING, "lease_until": now() - 1000}, "running long after their lease"),
        ({"status": Status.COMPLETE}, "tell of no document"),
        ({"status": Status.FAILED}, "give no reason"),
    ],
)
def test_an_import_that_breaks_a_promise_is_told(alice: Member, values: dict[str, object], told: str) -> None:
    item = bring(alice, ARTICLE)
    with transaction():
        db.session.execute(update(Import).where(Import.id == item.id).values(values))
    (violation,) = violations()
    assert told in violation


def test_metrics_count_imports_and_tell_how_long_the_oldest_waits(app: Flask, alice: Member) -> None:
    document_of(alice, ARTICLE)
    waiting = bring(alice, "It waits.")
    with transaction():
        is_waiting = Import.id == waiting.id
        db.session.execute(update(Import).where(is_waiting).values(next_attempt_at=now() - 90))
    figures = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(app.test_client().get("/metrics").text)
        for sample in family.samples
    }
    counted = {status: figures["precis_imports", status] for status in ("pending", "complete", "failed")}
    assert counted == {"pending": 1, "complete": 1, "failed": 0}
    assert 90 <= figures["precis_oldest_pending_import_seconds",] < 150
