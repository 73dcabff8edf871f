"""The life of an import: files and links become documents, once, whatever dies on the way."""

import io
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, current_app
from sqlalchemy import func, select, update

from tasks import imports
from tasks.imports import import_now
from tasks.upkeep import hint_now, sweep_now
from tests.conftest import ARTICLE, MakeApp, add_member
from tests.importing.files import docx, para
from tests.importing.sites import Site, Visit, loopback_only
from webapp import hints, originals
from webapp.extensions import current_settings, db, now, transaction
from webapp.importing.extracted import ImportFailure
from webapp.importing.extraction import extract
from webapp.models import Document, Import, Member, Revision, Role, Source, Status, Summary
from webapp.models.crashing import MAX_CRASHES
from webapp.models.imports import Aim, Outcome

PAGE = (
    f"<!doctype html><title>Lamps</title><body><article><h1>Lamps</h1>{{}}<p>{ARTICLE}</p></article></body>"
)
SHELL = (
    "<!doctype html><title>App</title><body><div id=root></div><noscript>This needs JavaScript.</noscript>"
)

pytestmark = pytest.mark.usefixtures("promises")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(
        PRECIS_RETRY_SECONDS="0.01", PRECIS_FETCH_PRIVATE="127.0.0.0/8", PRECIS_LEASE_SECONDS="30"
    )


@pytest.fixture
def site() -> Iterator[Site]:
    with loopback_only(), Site() as site:
        yield site


def page(*, words: str = "") -> Callable[[Visit], None]:
    return lambda visit: visit.answer(PAGE.format(words).encode())


def bring(member: Member, *files: tuple[str, bytes]) -> list[Import]:
    incoming = [(name, originals.Incoming.of(io.BytesIO(data), 10_000_000)) for name, data in files]
    return member.imports.add_files(incoming)


def work() -> None:
    """Do what is due, and what becomes due, until nothing is pending."""
    while db.session.scalar(select(func.count()).where(Import.status == Status.PENDING)):
        for import_id in Import.due_ids(100):
            import_now(import_id)
        db.session.commit()


def fresh(item: Import) -> Import:
    return db.session.get_one(Import, item.id, populate_existing=True)


def documents() -> list[Document]:
    found = select(Document).order_by(Document.id).execution_options(populate_existing=True)
    return list(db.session.scalars(found))


def kept() -> list[str]:
    """The names of all files below the folder of originals."""
    folder = current_settings().data / "originals"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_file_becomes_a_document_with_its_source_and_its_summary_asked_for(alice: Member) -> None:
    data = docx(para("Terms", "heading1") + para(ARTICLE.replace("\n", " ")))
    (item,) = bring(alice, ("Contract.docx", data))
    work()
    (document,) = documents()
    assert (fresh(item).status, fresh(item).outcome, fresh(item).document_id) == (
        "complete",
        "created",
        document.id,
    )
    assert (document.author_id, document.summary_status) == (alice.id, "pending")
    assert document.text.startswith("# Terms")
    assert db.session.scalars(select(Revision.format)).all() == ["markdown"]
    source = document.source
    assert source is not None
    assert (source.kind, source.name, source.size_bytes, source.version) == (
        "docx",
        "Contract.docx",
        len(data),
        1,
    )
    assert source.original is not None
    assert source.original.read_bytes() == data
    assert source.original.stat().st_mode & 0o777 == 0o600


def test_a_file_without_a_title_is_called_after_its_name(alice: Member) -> None:
    bring(alice, ("Minutes of May.txt", ARTICLE.encode()))
    work()
    assert [document.title for document in documents()] == ["Minutes of May"]


def test_one_that_can_not_be_read_fails_alone_with_its_reason(alice: Member) -> None:
    broken, good = bring(alice, ("a.pdf", b"%PDF-1.4 broken"), ("b.txt", ARTICLE.encode()))
    work()
    assert (fresh(broken).status, fresh(broken).error_code) == ("failed", "damaged")
    assert (fresh(broken).attempts, fresh(good).status) == (1, "complete")
    assert len(documents()) == 1


def test_a_file_whose_original_is_lost_says_so(alice: Member) -> None:
    (item,) = bring(alice, ("a.txt", b"words"))
    originals.drop(item.sha256 or "")
    work()
    assert fresh(item).error_code == "original_gone"
    assert "Bring it once more" in alice.imports.page(1).rows[0].reason


def test_a_text_that_is_too_long_to_be_edited_is_refused(make_app: MakeApp) -> None:
    make_app(PRECIS_MAX_TEXT_BYTES="1000")
    (item,) = bring(add_member("Alice", Role.EDITOR), ("a.txt", ("é" * 600).encode()))
    work()
    assert fresh(item).error_code == "too_much_text"


# --- what is there already ------------------------------------------------------------------------------------------


def test_the_same_file_makes_no_second_document_unless_that_is_wanted(alice: Member) -> None:
    first, second = bring(alice, ("a.txt", ARTICLE.encode()), ("b.txt", ARTICLE.encode()))
    work()
    (document,) = documents()
    assert [fresh(item).outcome for item in (first, second)] == ["created", "known"]
    assert fresh(second).document_id == document.id
    fresh(second).again(Aim.COPY)
    work()
    assert [each.title for each in documents()] == ["a", "b"]
    assert kept() == [first.sha256]


def test_two_workers_with_the_same_file_make_one_document(app: Flask, alice: Member) -> None:
    items = bring(alice, *[(f"{number}.txt", ARTICLE.encode()) for number in range(4)])
    ids, gate = [item.id for item in items], threading.Barrier(4)

    def run(import_id: int) -> None:
        with app.app_context():
            gate.wait()
            import_now(import_id)

    threads = [threading.Thread(target=run, args=(import_id,)) for import_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(documents()) == 1
    assert sorted(fresh(item).outcome or "" for item in items) == ["created", "known", "known", "known"]


def test_a_file_is_known_though_its_document_was_edited(alice: Member) -> None:
    bring(alice, ("a.txt", ARTICLE.encode()))
    work()
    documents()[0].revise(alice, title="a", text=ARTICLE + " More.")
    (item,) = bring(alice, ("a.txt", ARTICLE.encode()))
    work()
    assert fresh(item).outcome == Outcome.KNOWN


# --- links ----------------------------------------------------------------------------------------------------------


def test_a_link_becomes_its_article(alice: Member, site: Site) -> None:
    site.answers["/lamps"] = lambda visit: visit.answer(
        PAGE.format("<a href='next'>Next</a>").encode("utf-16"), content_type="text/html; charset=utf-16"
    )
    item = alice.imports.add_link(site.address("/lamps"))
    work()
    (document,) = documents()
    assert fresh(item).outcome == Outcome.CREATED
    assert "lighthouse" in document.text
    assert f"](<{site.address('/next')}>)" in document.text or f"]({site.address('/next')})" in document.text
    source = document.source
    assert source is not None
    assert (source.kind, source.host, source.original is not None) == ("html", "127.0.0.1", True)


def test_a_page_that_scripts_would_make_fails_instead_of_becoming_its_shell(
    alice: Member, site: Site
) -> None:
    site.answers["/app"] = lambda visit: visit.answer(SHELL.encode())
    item = alice.imports.add_link(site.address("/app"))
    work()
    assert (fresh(item).status, fresh(item).error_code, documents()) == ("failed", "no_text", [])


def test_a_link_to_a_file_is_read_as_the_file_that_it_is(alice: Member, site: Site) -> None:
    data = docx(para(ARTICLE.replace("\n", " ")))
    site.answers["/report.docx"] = lambda visit: visit.answer(data, content_type="application/octet-stream")
    alice.imports.add_link(site.address("/report.docx"))
    work()
    assert [(d.title, d.source.kind if d.source else "") for d in documents()] == [("report", "docx")]


def test_a_site_in_trouble_is_asked_again_and_one_without_the_page_is_not(alice: Member, site: Site) -> None:
    answers = iter([503, 503, 200])
    site.answers["/late"] = lambda visit: visit.answer(PAGE.format("").encode(), next(answers))
    site.answers["/gone"] = lambda visit: visit.answer(b"", 404)
    late, gone = alice.imports.add_link(site.address("/late")), alice.imports.add_link(site.address("/gone"))
    work()
    assert (fresh(late).outcome, fresh(late).attempts) == ("created", 3)
    assert (fresh(gone).error_code, fresh(gone).attempts) == ("not_found", 1)


@pytest.mark.parametrize(("code", "attempts"), [("slow_site", 4), ("too_slow", 1)])
def test_a_slow_site_is_asked_again_and_a_page_that_takes_long_to_read_is_not(
    alice: Member, site: Site, monkeypatch: pytest.MonkeyPatch, code: str, attempts: int
) -> None:
    """It would take as long the next time."""
    failing = {"slow_site": "_fetched", "too_slow": "extract"}[code]
    monkeypatch.setattr(imports, failing, lambda *_, **__: fail_with(code))
    site.answers["/"] = page()
    item = alice.imports.add_link(site.address("/"))
    work()
    assert (fresh(item).status, fresh(item).error_code, fresh(item).attempts) == ("failed", code, attempts)


def fail_with(code: str) -> None:
    raise ImportFailure(code)


def test_a_site_that_stays_in_trouble_fails_after_the_last_try_and_can_be_retried(
    alice: Member, site: Site
) -> None:
    site.answers["/down"] = lambda visit: visit.answer(b"", 500)
    item = alice.imports.add_link(site.address("/down"))
    work()
    assert (fresh(item).status, fresh(item).error_code, fresh(item).attempts) == ("failed", "server_error", 4)
    site.answers["/down"] = page()
    fresh(item).again()
    work()
    assert fresh(item).outcome == Outcome.CREATED


def test_links_do_not_lead_into_this_machine_unless_an_admin_says_so(make_app: MakeApp, site: Site) -> None:
    make_app()
    site.answers["/"] = page()
    item = add_member("Alice", Role.EDITOR).imports.add_link(site.address("/"))
    work()
    assert (fresh(item).error_code, site.visits) == ("forbidden_address", [])


def test_the_same_link_is_known_and_nothing_is_asked_of_its_site(alice: Member, site: Site) -> None:
    site.answers["/lamps"] = page()
    alice.imports.add_link(site.address("/lamps"))
    work()
    item = alice.imports.add_link(site.address("/lamps"))
    work()
    assert (fresh(item).outcome, len(site.visits), len(documents())) == ("known", 1, 1)


def test_fetching_anew_makes_a_version_only_if_the_text_is_another(alice: Member, site: Site) -> None:
    site.answers["/lamps"] = page()
    alice.imports.add_link(site.address("/lamps"))
    work()
    (document,) = documents()
    again = alice.imports.renew(document)
    work()
    assert (fresh(again).outcome, documents()[0].version) == ("unchanged", 1)
    site.answers["/lamps"] = page(words="<p>A word that was not there.</p>")
    again = alice.imports.renew(document)
    work()
    (document,) = documents()
    assert (fresh(again).outcome, document.version, document.summary_status) == ("revised", 2, "pending")
    assert "A word that was not there." in document.text
    assert document.source is not None and document.source.version == 2
    assert len(kept()) == 2


def test_fetching_anew_leaves_edits_alone_while_the_site_says_what_it_said(alice: Member, site: Site) -> None:
    site.answers["/lamps"] = page()
    alice.imports.add_link(site.address("/lamps"))
    work()
    (document,) = documents()
    document.revise(alice, title=document.title, text="My own words.")
    item = alice.imports.renew(document)
    work()
    assert (fresh(item).outcome, documents()[0].text) == ("unchanged", "My own words.")


def test_fetching_a_deleted_document_anew_makes_none(alice: Member, site: Site) -> None:
    site.answers["/lamps"] = page()
    alice.imports.add_link(site.address("/lamps"))
    work()
    item = alice.imports.renew(documents()[0])
    documents()[0].remove()
    work()
    assert (fresh(item).error_code, documents(), kept()) == ("document_gone", [], [])


# --- what dies on the way -------------------------------------------------------------------------------------------


def test_one_of_many_claims_wins(app: Flask, alice: Member) -> None:
    (item,) = bring(alice, ("a.txt", ARTICLE.encode()))
    claims, import_id = [], item.id

    def claim() -> None:
        with app.app_context():
            claims.append(Import.claim(import_id))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([found for found in claims if found]) == 1
    assert fresh(item).attempts == 1


def _end_lease(item: Import) -> None:
    with transaction():
        db.session.execute(update(Import).where(Import.id == item.id).values(lease_until=now() - 1))


def test_what_a_dead_worker_had_is_done_by_the_next_once(alice: Member) -> None:
    (item,) = bring(alice, ("a.txt", ARTICLE.encode()))
    assert Import.claim(item.id)
    _end_lease(item)
    sweep_now()
    assert (fresh(item).status, fresh(item).crashes) == ("pending", 1)
    work()
    assert len(documents()) == 1


def test_a_file_that_kills_its_worker_three_times_has_failed(alice: Member) -> None:
    (item,) = bring(alice, ("a.txt", ARTICLE.encode()))
    for _ in range(MAX_CRASHES):
        assert Import.claim(item.id)
        _end_lease(item)
        sweep_now()
    assert (fresh(item).status, fresh(item).error_code, documents()) == ("failed", "crashed_worker", [])


def test_a_run_whose_lease_was_lost_makes_no_document(alice: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    (item,) = bring(alice, ("a.txt", ARTICLE.encode()))
    read = extract

    def slow(*args: object, **kwargs: object) -> object:
        _end_lease(item)
        sweep_now()
        monkeypatch.setattr(imports, "extract", read)
        return read(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(imports, "extract", slow)
    import_now(item.id)
    assert documents() == []
    work()
    assert len(documents()) == 1


def test_a_crash_in_the_last_transaction_leaves_nothing_half_done(
    alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    (item,) = bring(alice, ("a.txt", ARTICLE.encode()))
    monkeypatch.setattr(Document, "_warm", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        import_now(item.id)
    assert (documents(), list(db.session.scalars(select(Source)))) == ([], [])
    assert (fresh(item).status, fresh(item).error_code) == ("pending", "internal_error")


def test_a_worker_that_stops_gives_its_imports_back_unharmed(
    app: Flask, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    (item,) = bring(alice, ("a.txt", ARTICLE.encode()))
    read, stopping = extract, threading.Event()
    monkeypatch.setattr(imports, "stopping", stopping)

    def stopped(*args: object, **kwargs: object) -> object:
        imports.stop_all(app)
        return read(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(imports, "extract", stopped)
    import_now(item.id)
    found = fresh(item)
    assert (found.status, found.attempts, found.crashes, documents()) == ("pending", 0, 0, [])
    stopping.clear()
    monkeypatch.setattr(imports, "extract", read)
    work()
    assert len(documents()) == 1


def test_a_lost_hint_is_sent_again(alice: Member) -> None:
    bring(alice, ("a.txt", ARTICLE.encode()))
    current_app.extensions["broker"].flush(hints.IMPORTS)
    assert hints.waiting(hints.IMPORTS) == 0
    hint_now()
    assert hints.waiting(hints.IMPORTS) == 1


# --- originals ------------------------------------------------------------------------------------------------------


def test_deleting_a_document_deletes_its_original_unless_another_came_from_the_same(alice: Member) -> None:
    first, second = bring(alice, ("a.txt", ARTICLE.encode()), ("b.txt", ARTICLE.encode()))
    work()
    fresh(second).again(Aim.COPY)
    work()
    one, other = documents()
    one.remove()
    assert kept() == [first.sha256]
    other.remove()
    assert kept() == []


def test_removing_a_failed_import_deletes_its_file(alice: Member) -> None:
    (item,) = bring(alice, ("a.pdf", b"%PDF-1.4 broken"))
    work()
    fresh(item).remove()
    assert (kept(), list(db.session.scalars(select(Import)))) == ([], [])


def test_a_file_that_waits_is_kept_when_a_document_of_the_same_is_deleted(alice: Member) -> None:
    bring(alice, ("a.txt", ARTICLE.encode()))
    work()
    bring(alice, ("a.txt", ARTICLE.encode()))
    documents()[0].remove()
    work()
    assert (len(documents()), len(kept())) == (1, 1)


def test_summary_of_an_imported_document_is_warmed_as_after_a_paste(alice: Member) -> None:
    bring(alice, ("a.txt", ARTICLE.encode()))
    work()
    assert db.session.scalars(select(Summary.lane)).all() == ["warm"]
