"""An export is the library: what is written is read back as it was, and nothing is asked of a model."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import delete, func, select, update

from tests.conftest import ARTICLE, PASSWORD, add_member, llm_environ
from tests.support.browser import Browser
from tests.support.model_server import ModelServer, Script
from tests.support.postgresql import Postgresql
from tests.support.valkey import Valkey
from tests.support.worker import work
from webapp import create_app, originals
from webapp.cli import cli
from webapp.config import Settings
from webapp.extensions import cache, db, transaction
from webapp.models import Document, Feedback, Member, Revision, Role, Source, Summary
from webapp.models.archive import Refused, is_archive, read, write
from webapp.models.archive.folder import as_json
from webapp.models.archive.rows import HERE_ALONE, columns
from webapp.models.area import look
from webapp.models.invariants import violations
from webapp.models.rendition import Rendition
from webapp.models.summary import cache_key
from webapp.models.words import Words
from webapp.processes.migrating import declare
from webapp.summarizing.engine import USUAL, Style

TITLES = ("The lighthouse", "Маяк на скале", "灯台と岩礁", "हिन्दी का लेख", "منارة في البحر", "ZWJ 👩‍🔬 & <b>*marks*</b>", "CON", "..",
          "a/b\\c:d", "…", "x" * 300)  # fmt: skip
PDF = b"%PDF-1.7 not really"


@contextmanager
def installation(folder: Path, **environ: str) -> Iterator[Flask]:
    """Another Precis, with an empty library that the migrations made."""
    given = {"PRECIS_DATA": str(folder), "REDIS_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "x"}
    app = create_app(Settings.load({**given, **environ}))
    declare(app)
    with app.app_context():
        flask_migrate.upgrade()
        yield app
        db.session.remove()
        db.engine.dispose()


def rich_library(model: ModelServer) -> None:
    """Every kind of document there is, in every script."""
    alice, bob = add_member("Alice", Role.ADMIN), add_member("Bob", Role.EDITOR)
    for number, title in enumerate(TITLES):
        alice.documents.add(title=title, text=f"{ARTICLE}\n{number}")
    work()
    edit_summaries(alice, bob)
    edited = db.session.get_one(Document, 1)
    edited.revise(bob, title="The lighthouse, again", text=ARTICLE + "\n  More, in the second version.  \n\n")
    work()
    edited.summarize_later(again=True)
    work()
    model.script(Script.status(400))
    alice.documents.add(title="It fails", text=ARTICLE + " Fails.")
    db.session.get_one(Document, 2).revise(alice, title="Stale", text=ARTICLE + " Stale.")
    work()
    model.script(())
    db.session.get_one(Document, 3).revise(alice, title="Waits", text=ARTICLE + " Waits.")
    alice.documents.add(title="Short", text="```\r\nA fence, and\ttabs\n```")
    alice.documents.add(title="Gone", text="Gone.").remove()
    carol = add_member("Carol", Role.EDITOR)
    carol.documents.add(title="By a former member", text="Short as well.")
    with transaction():
        db.session.execute(delete(Member).where(Member.id == carol.id))
        db.session.execute(update(Revision).where(Revision.document_id == 4).values(format="markdown"))
        one = update(Summary).where(Summary.document_id == 5)
        db.session.execute(
            one.values(style=Style.BRIEF, language="German", coverage='{"a": 1}', grounding="[]")
        )
    bring_source(4)
    for member, is_useful in ((alice, True), (bob, False)):
        Feedback.say(
            member,
            db.session.get_one(Document, 9).summary_id or 0,
            is_useful=is_useful,
            note=f"{member.name} says so.",
        )
    Feedback.say(bob, db.session.get_one(Document, 10).summary_id or 0, is_useful=True)


def edit_summaries(alice: Member, bob: Member) -> None:
    """Words of people: shown, put aside, taken again, and of a text that was edited since."""
    for document_id, members in ((6, (alice, bob)), (7, (bob,)), (8, (alice,))):
        for member in members:
            words = Words(db.session.get_one(Document, document_id), USUAL)
            words.write(member, f"- {member.name} wrote **this**.", seen=words.seen)
    seventh = db.session.get_one(Document, 7)
    Words(seventh, USUAL).choose(seventh.summary_id or 0, choices=1)
    db.session.get_one(Document, 8).revise(alice, title="Words are stale", text=ARTICLE + " Edited.")
    work()


def bring_source(document_id: int, data: bytes = PDF, name: str = "Jahresbericht über/alles.pdf") -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    path = originals.path_of(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with transaction():
        db.session.add(Source(document_id=document_id, version=1, kind="pdf", name=name, url="https://example.org/a.pdf",
                              author="Jane Doe", dated="2024-05-01", language="de", pages=3, notes='["Left out."]',
                              media_type="application/pdf", size_bytes=len(data), sha256=sha256))  # fmt: skip
    return sha256


def test_round_trip_gives_the_same_library_and_asks_no_model(
    llm_app: Flask, model_server: ModelServer, tmp_path: Path
) -> None:
    rich_library(model_server)
    exported = export(tmp_path / "first")
    documents = [path for path in exported if path.endswith("/document.json")]
    assert len(documents) == len(TITLES) + 3
    with installation(tmp_path / "other", **llm_environ(model_server)) as app:
        add_team()
        calls = model_server.calls
        arrivals = list(read(tmp_path / "first"))
        assert [arrival.problem for arrival in arrivals] == [None] * len(documents)
        assert violations() == []
        assert export(tmp_path / "second") == exported
        views = Browser(app)
        views.sign_in("alice@example.org", PASSWORD)
        said = [voice.feedback.note for voice in Feedback.page(1).voices]
        assert sorted(said) == ["", "Alice says so.", "Bob says so."]
        assert Feedback.of(
            a_member(), db.session.get_one(Document, 9), db.session.get_one(Document, 9).summary_id or 0
        )
        labels = [look(db.session.get_one(Document, number)).engine_label for number in (6, 7, 8)]
        assert labels == ["Edited by Bob", "Written by scripted", "Edited by Alice"]
        finished = select(Document.id).where(Document.summary_status.is_not(None)).order_by(Document.id)
        for document_id in db.session.scalars(finished).all():
            assert views.open(f"/documents/{document_id}").status == 200
        work()
        assert model_server.calls == calls
        assert Document.request_missing() == 1  # of the one that was waiting for its first


def export(folder: Path) -> dict[str, bytes]:
    """What is in each file of the documents, by their paths."""
    for departure in write(folder):
        assert departure.missing == []
    files = sorted(path for path in (folder / "documents").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_library_moves_to_postgresql_and_back(
    llm_app: Flask, model_server: ModelServer, tmp_path: Path
) -> None:
    rich_library(model_server)
    exported = export(tmp_path / "first")
    with Postgresql() as server, installation(tmp_path / "other", DATABASE_URL=server.new_database()):
        add_team()
        assert not [arrival for arrival in read(tmp_path / "first") if arrival.problem]
        assert violations() == []
        assert export(tmp_path / "second") == exported
        newest = db.session.scalar(select(func.max(Document.id)))
        assert newest
        assert Document.create(a_member(), title="Next", text="Next.").id > newest
    with installation(tmp_path / "third"):
        add_team()
        assert not [arrival for arrival in read(tmp_path / "second") if arrival.problem]
        assert violations() == []
        assert export(tmp_path / "third export") == exported


def add_team() -> None:
    for name, role in (("Alice", Role.ADMIN), ("Bob", Role.EDITOR)):
        add_member(name, role)


def a_member() -> Member:
    return db.session.scalars(select(Member).limit(1)).one()


# --- what is written ----------------------------------------------------------------------------------------------


def test_people_can_read_the_folder(app: Flask, alice: Member, tmp_path: Path) -> None:
    document = alice.documents.add(title="Straße & Küste", text="First words.\n" + ARTICLE)
    work()
    document.revise(alice, title="Straße & Küste", text="Second words.\n" + ARTICLE)
    bring_source(document.id)
    export(tmp_path / "out")
    folder = tmp_path / "out" / "documents" / f"{document.id:06}-Straße-Küste"
    assert (folder / "text.txt").read_text() == "Second words.\n" + ARTICLE
    assert (folder / "revisions" / "1.txt").read_text() == "First words.\n" + ARTICLE
    assert (folder / "sources" / "1-Jahresbericht-über-alles.pdf").read_bytes() == PDF
    assert (folder / "summary.md").read_text().startswith("*Selected sentences")
    assert "of version 1*" in (folder / "summary.md").read_text()


def test_no_letter_of_the_entry_hides_or_turns_words_round(app: Flask, alice: Member, tmp_path: Path) -> None:
    """A person opens it in an editor; who reads JSON gets the very letters."""
    hidden = "\u202e\U000e0041\ufeff\x7f\u2066"
    alice.documents.add(title=f"a{hidden}b 👩‍🔬", text="Short.")
    files = export(tmp_path / "out")
    (entry,) = [data.decode() for path, data in files.items() if path.endswith("document.json")]
    assert not set(hidden) & set(entry)
    assert json.loads(entry)["title"] == f"a{hidden}b 👩‍🔬"
    assert "👩‍🔬" in entry


@pytest.mark.parametrize(
    ("kind", "name", "file"),
    [("html", "Page.htm", "1-Page.html.txt"), ("text", "x.svg", "1-x-svg.txt"), ("text", "x.txt", "1-x.txt"),
     ("text", "../../x.bat", "1-x-bat.txt"), ("docx", "Lease.DOCX", "1-Lease.docx"), ("pdf", "\u202efdp.exe", "1-fdp-exe.pdf"),
     ("pdf", "CON.pdf", "1-CON-file.pdf"), ("exe", "x.exe", "1-x-exe.bin"), ("markdown", "….md", "1-original.md"),
     ("eml", "Re: x.eml", "1-Re-x.eml")],
)  # fmt: skip
def test_original_is_named_after_what_it_was_read_as(
    app: Flask, alice: Member, tmp_path: Path, kind: str, name: str, file: str
) -> None:
    """What a sender calls a file must not decide what opens or runs it."""
    document = alice.documents.add(title="Short", text="Short.")
    bring_source(document.id, name=name)
    with transaction():
        db.session.execute(update(Source).values(kind=kind))
    paths = export(tmp_path / "out")
    assert [path.rpartition("/")[2] for path in paths if "/sources/" in path] == [file]


def test_checksums_are_those_that_other_tools_check(app: Flask, alice: Member, tmp_path: Path) -> None:
    for title in TITLES:
        alice.documents.add(title=title, text=ARTICLE)
    files = export(tmp_path / "out")
    done = subprocess.run(
        [shutil.which("sha256sum") or "sha256sum", "--check", "--strict", "--quiet", "files.sha256"],
        cwd=tmp_path / "out",
        check=False,
    )
    assert done.returncode == 0
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (told["documents"], told["files"]) == (len(TITLES), len(files))
    assert (
        told["files.sha256"] == hashlib.sha256((tmp_path / "out" / "files.sha256").read_bytes()).hexdigest()
    )


def test_export_holds_no_secret_and_is_its_owners_alone(app: Flask, alice: Member, tmp_path: Path) -> None:
    alice.documents.add(title="Mine", text=ARTICLE)
    secrets = (alice.password_hash.encode(), b"argon2", b"for tests only")
    export(tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
        assert path.is_dir() or not [word for word in secrets if word in path.read_bytes()]


def test_export_is_of_one_moment(app: Flask, alice: Member, tmp_path: Path) -> None:
    """What is saved, edited and deleted while it is written is not half in it."""
    ids = [alice.documents.add(title=f"Before {number}", text=ARTICLE).id for number in range(5)]
    leaving = write(tmp_path / "out")
    assert next(leaving).id == ids[0]
    documents = [db.session.get_one(Document, each) for each in ids]
    documents[1].revise(alice, title="After", text="After.")
    documents[2].remove()
    alice.documents.add(title="After", text="After.")
    work()
    assert [departure.title for departure in leaving] == [f"Before {number}" for number in range(1, 5)]
    entries = [json.loads(path.read_text()) for path in sorted((tmp_path / "out").rglob("document.json"))]
    assert [entry["title"] for entry in entries] == [f"Before {number}" for number in range(5)]
    with installation(tmp_path / "other"):
        assert [arrival.problem for arrival in read(tmp_path / "out")] == [None] * 5
        assert violations() == []


def test_every_column_goes_along_or_is_left_on_purpose() -> None:
    told = {model.__tablename__: {column.name for column in columns(model)} for model in HERE_ALONE}
    for model, left in HERE_ALONE.items():
        assert left <= {column.name for column in model.__table__.columns}
        assert not [c.name for c in columns(model) if c.foreign_keys], "an id means nothing elsewhere"
    assert {"text", "edition", "recipe_hash", "coverage", "grounding", "style"} <= told["summaries"]


def test_folder_that_is_not_empty_is_left_alone(app: Flask, alice: Member, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(Refused, match="not empty"):
        list(write(tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    export(tmp_path / "whole")
    with pytest.raises(Refused, match="whole export already"):
        list(write(tmp_path / "whole"))


def test_export_that_was_broken_off_is_begun_anew(app: Flask, alice: Member, tmp_path: Path) -> None:
    documents = [alice.documents.add(title=f"Number {number}", text=ARTICLE) for number in range(3)]
    leaving = write(tmp_path / "out")
    next(leaving)
    next(leaving)
    leaving.close()
    assert is_archive(tmp_path / "out")
    with pytest.raises(Refused, match="broken off"):
        list(read(tmp_path / "out"))
    documents[0].remove()
    export(tmp_path / "out")
    assert len(list((tmp_path / "out" / "documents").iterdir())) == 2
    assert len(list(read(tmp_path / "out"))) == 2


def test_original_that_is_gone_or_damaged_is_told(app: Flask, alice: Member, tmp_path: Path) -> None:
    document = alice.documents.add(title="With a source", text=ARTICLE)
    sha256 = bring_source(document.id, name="gone.pdf")
    originals.path_of(sha256).write_bytes(b"Something else")
    assert [departure.missing for departure in write(tmp_path / "damaged")] == [["gone.pdf"]]
    originals.drop(sha256)
    assert [departure.missing for departure in write(tmp_path / "gone")] == [["gone.pdf"]]
    with installation(tmp_path / "other"):
        assert [(each.problem, each.missing) for each in read(tmp_path / "gone")] == [(None, ("gone.pdf",))]
        assert db.session.scalars(select(Source.sha256)).all() == [sha256]
        assert not originals.path_of(sha256).exists()


# --- what is read -------------------------------------------------------------------------------------------------


def test_second_import_doubles_nothing(app: Flask, alice: Member, tmp_path: Path) -> None:
    ids = [alice.documents.add(title="Twin", text=ARTICLE).id for _ in range(3)]
    export(tmp_path / "out")
    arrivals = list(read(tmp_path / "out"))
    assert [(arrival.document_id, arrival.is_known) for arrival in arrivals] == [(each, True) for each in ids]
    db.session.get_one(Document, ids[0]).revise(alice, title="Twin", text="Edited meanwhile.")
    db.session.get_one(Document, ids[1]).remove()
    arrivals = list(read(tmp_path / "out"))
    assert [arrival.is_known for arrival in arrivals] == [True, False, True]
    assert db.session.get_one(Document, ids[0]).text == "Edited meanwhile."
    assert db.session.scalar(select(func.count(Document.id))) == 3


def test_address_never_leads_to_another_document(app: Flask, alice: Member, tmp_path: Path) -> None:
    first = alice.documents.add(title="First", text=ARTICLE).id
    export(tmp_path / "out")
    with installation(tmp_path / "other"):
        bob = add_member("Bob", Role.EDITOR)
        gone = bob.documents.add(title="Gone", text="Gone.")
        gone.remove()
        assert gone.id == first
        (arrival,) = read(tmp_path / "out")
        assert arrival.document_id
        assert arrival.document_id > gone.id
        document = bob.documents.get_or_404(arrival.document_id)
        assert document.author_name == "a former member"


def test_imported_summary_is_shown_without_redis_and_without_a_worker(
    app: Flask, alice: Member, tmp_path: Path
) -> None:
    document = alice.documents.add(title="Skerrymore", text=ARTICLE)
    work()
    export(tmp_path / "out")
    with installation(tmp_path / "other"):
        list(read(tmp_path / "out"))
        area = look(db.session.get_one(Document, document.id))
        assert area.state == "complete"
        assert area.html


def test_what_the_cache_has_of_a_library_that_is_gone_is_not_shown(
    app: Flask, alice: Member, tmp_path: Path, valkey: Valkey
) -> None:
    gone = alice.documents.add(title="Gone", text=ARTICLE)
    work()
    assert "Skerrymore" in gone.rendition.part(0).html
    summary = db.session.get_one(Summary, gone.summary_id)
    key = cache_key(gone.id, summary.content_hash, summary.recipe_hash)
    cache.set(key, {**cache.get(key), "html": "Of another edition"})
    with installation(tmp_path / "source"):
        bob = add_member("Bob", Role.EDITOR)
        bob.documents.add(title="Mine", text=ARTICLE.replace("Skerrymore", "Inchcape"))
        bob.documents.get_or_404(gone.id).revise(bob, title="Mine", text=ARTICLE)
        work()
        export(tmp_path / "out")
    with installation(tmp_path / "other", REDIS_URL=valkey.url):
        list(read(tmp_path / "out"))
        document = db.session.get_one(Document, gone.id)
        assert "another edition" not in str(look(document).html)
        assert "Inchcape" in Rendition(document.id, 1).part(0).html


Tamper = Callable[[Path], object]


def rewritten(**changes: Any) -> Tamper:
    """The entry says something else, and all hashes fit."""

    def tamper(folder: Path) -> None:
        path = folder / "document.json"
        path.write_bytes(as_json({**json.loads(path.read_bytes()), **changes}))
        fit(folder.parent.parent)

    return tamper


def row(kind: str, **changes: Any) -> Tamper:
    """The first row of a kind says something else, and all hashes fit."""

    def tamper(folder: Path) -> None:
        told = json.loads((folder / "document.json").read_bytes())
        told[kind][0].update(changes)
        rewritten(**told)(folder)

    return tamper


def fit(root: Path) -> None:
    """Make the hashes those of what is there, as whoever forges an archive does."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root)}"
        for path in sorted((root / "documents").rglob("*"))
        if path.is_file()
    ]
    relist(root, "\n".join(lines) + "\n")


def relist(root: Path, lines: str) -> None:
    (root / "files.sha256").write_text(lines)
    told = json.loads((root / "manifest.json").read_bytes())
    told["files.sha256"] = hashlib.sha256(lines.encode()).hexdigest()
    (root / "manifest.json").write_bytes(as_json(told))


def link(name: str) -> Tamper:
    def tamper(folder: Path) -> None:
        shutil.move(folder / name, folder.parent.parent.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent.parent.parent / "elsewhere")

    return tamper


def pipe(folder: Path) -> None:
    (folder / "text.txt").unlink()
    os.mkfifo(folder / "text.txt")


def large(folder: Path) -> None:
    with (folder / "document.json").open("r+b") as file:
        file.truncate(1_000_000_000)


def twice(folder: Path) -> None:
    revisions = json.loads((folder / "document.json").read_bytes())["revisions"]
    rewritten(revisions=[*revisions, revisions[0]])(folder)


def nested(folder: Path) -> None:
    (folder / "document.json").write_text("[" * 100_000)
    fit(folder.parent.parent)


def half_a_letter(folder: Path) -> None:
    rewritten(title="HALF")(folder)
    path = folder / "document.json"
    path.write_text(path.read_text().replace("HALF", "\\ud800"))
    fit(folder.parent.parent)


DAMAGE: dict[str, tuple[Tamper, str]] = {
    "a text that differs": (lambda folder: (folder / "text.txt").write_text("Else."), "another one"),
    "an entry that differs": (lambda folder: (folder / "document.json").write_text("{}"), "another one"),
    "an entry of a gigabyte": (large, "larger"),
    "a text that is missing": (lambda folder: (folder / "text.txt").unlink(), "missing"),
    "a text that is a link": (link("text.txt"), "link"),
    "revisions that are a link": (link("revisions"), "link"),
    "a text that is a pipe": (pipe, "no file"),
    "an original that differs": (
        lambda folder: next((folder / "sources").iterdir()).write_text("Else."), "another one"),
    "nested without end": (nested, "not JSON"),
    "another title": (rewritten(title="Else"), "last version"),
    "a title of a megabyte": (rewritten(title="x" * 1_000_000), "title"),
    "half a letter": (half_a_letter, "title"),
    "a time that never comes": (rewritten(created_at=1e300), "created_at"),
    "no revisions": (rewritten(revisions=[]), "last version"),
    "revisions that are none": (rewritten(revisions={}), "revisions"),
    "a revision that is none": (rewritten(revisions=[7]), "revisions"),
    "a version that is not there": (rewritten(version=9), "last version"),
    "a summary that is not in the list": (rewritten(summary=9), "list"),
    "a summary of another text": (rewritten(summary=0), "another text"),
    "a file outside": (row("revisions", file="../../../secret"), "not among"),
    "a file of the system": (row("revisions", file="/etc/hostname"), "not among"),
    "another format": (row("revisions", format="html"), "format"),
    "another hash": (row("revisions", content_hash="0" * 64), "said to be"),
    "a summary that waits": (row("summaries", status="pending", text=None), "not whole"),
    "a summary without words": (row("summaries", text=""), "not whole"),
    "a summary in a format that is none": (row("summaries", format="html"), "not whole"),
    "a summary of nothing": (row("summaries", content_hash="0" * 64), "never had"),
    "an address that runs": (row("sources", url="javascript:alert(1)"), "address"),
    "a source of no version": (row("sources", version=7), "never had"),
    "notes that are no list": (row("sources", notes="7"), "no list"),
    "two of one version": (twice, "contradict"),
    "votes that are no list": (row("summaries", votes=7), "no list"),
    "a vote that is none": (row("summaries", votes=[{"is_useful": 1, "note": ""}]), "is_useful"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_document_is_told_and_left_out_and_the_rest_go_on(
    app: Flask, alice: Member, tmp_path: Path, damage: str
) -> None:
    document = alice.documents.add(title="Damaged", text=ARTICLE)
    work()
    document.revise(alice, title="Damaged", text=ARTICLE + " Again.")
    work()
    sha256 = bring_source(document.id)
    alice.documents.add(title="Whole", text=ARTICLE)
    export(tmp_path / "out")
    tamper, told = DAMAGE[damage]
    (tmp_path / "secret").write_text(ARTICLE)
    tamper(tmp_path / "out" / "documents" / f"{document.id:06}-Damaged")
    with installation(tmp_path / "other"):
        damaged, whole = read(tmp_path / "out")
        assert told in (damaged.problem or "")
        assert whole.problem is None
        assert db.session.scalars(select(Document.title)).all() == ["Whole"]
        assert not originals.path_of(sha256).exists()
        assert violations() == []


HOSTILE = {
    "a way out": "../../secret",
    "a way out further down": "000001-Mine/../../../secret",
    "no way": "000001-Mine//text.txt",
    "a backslash": "000001-Mine/..\\secret",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_list_that_leads_out_of_the_archive_is_refused(
    app: Flask, alice: Member, tmp_path: Path, name: str
) -> None:
    alice.documents.add(title="Mine", text=ARTICLE)
    export(tmp_path / "out")
    relist(tmp_path / "out", f"{'0' * 64}  documents/{HOSTILE[name]}\n")
    with pytest.raises(Refused, match="no export has"):
        list(read(tmp_path / "out"))


def test_archive_that_is_none_is_refused(app: Flask, alice: Member, tmp_path: Path) -> None:
    assert not is_archive(tmp_path / "nowhere")
    assert not is_archive(tmp_path)
    with pytest.raises(Refused, match="no export"):
        list(read(tmp_path))
    export(tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    whole = json.loads(manifest.read_bytes())
    for changed, told in (({"version": 2}, "newer"), ({"files.sha256": "0" * 64}, "another one"), ({"files.sha256": 1}, "hash")):  # fmt: skip
        manifest.write_bytes(as_json({**whole, **changed}))
        with pytest.raises(Refused, match=told):
            list(read(tmp_path / "out"))
    manifest.write_bytes(b" " * 2_000_000)
    assert not is_archive(tmp_path / "out")


# --- the commands -------------------------------------------------------------------------------------------------


def test_commands_say_what_became_of_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installation(tmp_path / "one"):
        alice = add_member("Alice", Role.ADMIN)
        for title in ("One", "Two"):
            alice.documents.add(title=title, text=ARTICLE)
        bring_source(1, name="a.pdf")
    shutil.rmtree(tmp_path / "one" / "originals")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("PRECIS_DATA", str(tmp_path / "one"))
    out = str(tmp_path / "out")
    assert run("export", out) == (
        0,
        ["“One”: its original a.pdf is not in the data folder.", f"2 documents exported to {out}."],
    )
    assert run("export", out) == (1, [f"{out} holds a whole export already. Name another folder."])
    (tmp_path / "out" / "documents" / "000002-Two" / "text.txt").write_text("Else.")
    monkeypatch.setenv("PRECIS_DATA", str(tmp_path / "two"))
    damaged = "000002-Two: text.txt is not what was exported: its SHA-256 is another one."
    lost = "000001-One: the export has no original a.pdf."
    told = "1 document imported, 0 were there already, 1 could not be read."
    assert run("import", out) == (1, [lost, damaged, told])
    told = "0 documents imported, 1 were there already, 1 could not be read."
    assert run("import", out) == (1, [damaged, told])


def run(*words: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(cli, words)
    return done.exit_code, done.output.splitlines()
