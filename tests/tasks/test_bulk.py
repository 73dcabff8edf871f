"""Files and folders from the command line, beside a running Precis and without one."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select, update

from tasks import bulk
from tests.conftest import ARTICLE, add_member
from webapp.cli import Sentence, _importer, cli
from webapp.extensions import db, now, transaction
from webapp.models import Document, Import, Member, Role

Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `precis import` on an installation of which nothing runs."""
    monkeypatch.setenv("PRECIS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")

    def run(*words: str | Path) -> tuple[int, list[str]]:
        done = CliRunner().invoke(cli, list(map(str, words)))
        return done.exit_code, [line for line in done.output.splitlines() if line not in ("Importing", "")]

    return run


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder as people have it."""
    folder = tmp_path / "shelf"
    for name, content in {
        "a.txt": ARTICLE,
        "deep/er/b.md": f"# B\n\n{ARTICLE}",
        "deep/c.jpg": "no document",
        ".hidden/d.txt": ARTICLE,
        "deep/.e.txt": ARTICLE,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f.txt").write_text(ARTICLE)
    (folder / "folder").symlink_to(outside)
    (folder / "g.txt").symlink_to(outside / "f.txt")
    return folder


def test_folders_are_gone_through_but_for_what_is_hidden_or_elsewhere(shelf: Path) -> None:
    files, others = bulk.found([shelf])
    assert [str(path.relative_to(shelf)) for path in files] == ["a.txt", "deep/er/b.md"]
    assert others == 1


def test_files_that_are_named_are_taken_whatever_they_are_called(shelf: Path) -> None:
    assert bulk.found([shelf / "deep" / "c.jpg", shelf / "g.txt"]) == (
        [shelf / "deep" / "c.jpg", shelf / "g.txt"],
        0,
    )


def test_command_imports_without_anything_running_and_tells_what_became_of_it(run: Run, shelf: Path) -> None:
    assert run("import", shelf) == (1, ["Add an admin first: precis user add."])
    added = CliRunner().invoke(
        cli,
        ["user", "add", "alice@example.org", "--role", "admin", "--password-stdin"],
        input="correct horse battery\n",
    )
    assert added.exit_code == 0
    told = "2 documents imported, 0 were there already, 0 could not be read, 1 files of other kinds were left out."
    assert run("import", shelf) == (0, [told])
    (shelf / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    (shelf / "empty.txt").write_bytes(b"")
    code, lines = run("import", shelf, "--as", "alice@example.org")
    assert code == 1
    assert lines[0].startswith(f"{shelf / 'empty.txt'}: There is nothing in it.")
    assert lines[1].startswith(f"{shelf / 'broken.pdf'}: It is damaged")
    assert lines[2].startswith("0 documents imported, 2 were there already, 2 could not be read")
    assert run("import", shelf, "--as", "bob@example.org") == (
        1,
        ["Nobody with this address may add documents."],
    )


def test_what_a_worker_has_is_waited_for(app: Flask, alice: Member, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(ARTICLE)
    arrivals: list[bulk.Arrival] = []
    (item,) = alice.imports.add_files([("a.txt", bulk._received(path)[0])])  # type: ignore[list-item]
    claim, import_id = Import.claim(item.id), item.id
    assert claim

    def wait() -> None:
        with app.app_context():
            arrivals.append(bulk._arrived(path, import_id))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)
    assert not arrivals
    with transaction():
        db.session.execute(update(Import).values(lease_until=now() - 1))  # its worker died
    waiting.join()
    assert arrivals == [bulk.Arrival(path)]
    assert len(db.session.scalars(select(Document)).all()) == 1


def test_readers_can_not_be_made_authors(app: Flask) -> None:
    add_member("Bob", Role.READER)
    with pytest.raises(Sentence, match="may add documents"):
        _importer("bob@example.org")
