"""Bringing files and links in: the form, the list of imports, and the source of a document."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from tasks.imports import import_now
from tests.conftest import ARTICLE, PASSWORD, MakeApp, add_member
from tests.importing.sites import Site
from tests.support.browser import Browser
from webapp.extensions import current_settings, db
from webapp.models import Document, Import, Member, Role, Source
from webapp.processes.line import TooSlow

BROKEN = b"%PDF-1.4 broken"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(PRECIS_FETCH_PRIVATE="127.0.0.0/8", PRECIS_MAX_UPLOAD_BYTES="100000")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.answers["/lamps"] = lambda visit: visit.answer(
            f"<!doctype html><title>Lamps</title><body><article><p>{ARTICLE}</p></article></body>".encode()
        )
        yield site


def upload(browser: Browser, *files: tuple[str, bytes], **fields: str) -> TestResponse:
    """Send the form of a new document with files."""
    form = {"csrf_token": browser.token(), "title": "", "text": "", "url": "", **fields}
    data = {**form, "file": [(io.BytesIO(content), name) for name, content in files] or (io.BytesIO(), "")}
    browser.response = browser.client.post("/documents", data=data)
    return browser.response


def work() -> None:
    for import_id in Import.due_ids(1000):
        import_now(import_id)
    db.session.commit()


def stored() -> list[str]:
    return [path.name for path in (current_settings().data / "originals").rglob("*") if path.is_file()]


def bring(browser: Browser, *files: tuple[str, bytes], **fields: str) -> Browser:
    """Bring in, wait until it is done, and look at the imports."""
    assert upload(browser, *files, **fields).location == "/imports"
    work()
    return browser.open("/imports")


# --- the form -------------------------------------------------------------------------------------------------------


def test_files_become_imports_and_the_page_tells_how_it_goes(browser: Browser) -> None:
    answer = upload(browser, ("a.txt", ARTICLE.encode()), ("b.pdf", BROKEN))
    assert (answer.status_code, answer.location) == (303, "/imports")
    browser.open("/imports")
    assert browser.text("#imports-status") == "2 waiting."
    assert browser.one('noscript meta[http-equiv="refresh"]') is not None
    work()
    browser.open("/imports")
    assert browser.text("#imports-status") == "1 failed, 1 done."
    assert not browser.find("noscript meta")
    failed, done = browser.find("li.import")
    assert "damaged" in failed.text_content()
    assert done.xpath(".//h2/a")[0].get("href") == f"/documents/{db.session.scalar(select(Document.id))}"


def test_a_link_becomes_an_import_also_without_its_scheme(browser: Browser, site: Site) -> None:
    bring(browser, url=site.address("/lamps"))
    assert browser.text("li.import h2") == "Lamps"
    upload(browser, url="example.org/article#top")
    assert (
        db.session.scalars(select(Import.url).order_by(Import.id.desc())).first()
        == "https://example.org/article"
    )


def test_a_text_beside_files_is_saved_too(browser: Browser) -> None:
    assert upload(browser, ("a.txt", b"words"), title="Pasted", text=ARTICLE).location == "/imports"
    assert db.session.scalars(select(Document.title)).all() == ["Pasted"]
    assert "Pasted" in browser.open("/imports").text(".flash")


@pytest.mark.parametrize(
    ("files", "fields", "wrong", "words"),
    [
        ([("big.txt", b"x" * 100_001)], {}, "file", "“big.txt”"),
        ([("none.txt", b"")], {}, "file", "nothing in it"),
        ([("a.txt", b"good"), ("none.txt", b"")], {}, "file", "“none.txt”"),
        ([], {"url": "ftp://example.org/a"}, "url", "no web address"),
        ([], {"url": "http://10.0.0.1/"}, "url", "private network"),
        ([], {}, "text", "Paste a text, choose a file or give a link."),
        ([("a.txt", b"good")], {"text": "A text without a title"}, "title", "title"),
    ],
)
def test_what_can_not_be_taken_is_said_beside_its_field_and_nothing_is_saved(
    browser: Browser, files: list[tuple[str, bytes]], fields: dict[str, str], wrong: str, words: str
) -> None:
    assert upload(browser, *files, **fields).status_code == 422
    field = browser.one(f'[name="{wrong}"]')
    assert field.get("aria-invalid") == "true"
    told = " ".join(
        browser.one(f"#{described}").text_content() for described in field.get("aria-describedby").split()
    )
    assert words in told
    for name, typed in fields.items():
        assert (browser.one(f'[name="{name}"]').value or "").strip() == typed
    assert not db.session.scalars(select(Import)).all()
    assert not db.session.scalars(select(Document)).all()
    assert stored() == []


def test_names_of_files_are_only_names(browser: Browser) -> None:
    upload(browser, ("../../etc/<img src=x>\u202e.txt", ARTICLE.encode()))
    browser.open("/imports")
    assert browser.text("li.import h2") == "<img src=x>.txt"
    assert not browser.find("main img")


def test_a_thousand_files_at_once_are_taken_and_one_more_is_not(browser: Browser) -> None:
    assert (
        upload(browser, *[(f"{number}.txt", b"words %d" % number) for number in range(1000)]).status_code
        == 303
    )
    assert browser.open("/imports?page=34").text("#imports-status") == "1,000 waiting."
    assert len(browser.find("li.import")) == 10
    assert len(stored()) == 1000
    many = [(f"{number}.txt", b"x") for number in range(1100)]
    assert upload(browser, *many).status_code == 413
    assert len(stored()) == 1000


def test_strangers_and_readers_can_send_no_large_form(app: Flask, browser: Browser) -> None:
    """They are refused before anything of theirs is received."""
    add_member("Bob", Role.READER)
    reader = Browser(app)
    reader.sign_in("bob@example.org", PASSWORD)
    for someone in (Browser(app), reader):
        many = {"file": [(io.BytesIO(b"x" * 1000), f"{number}.txt") for number in range(60)]}
        assert someone.client.post("/documents", data=many).status_code == 413
        few = {"file": [(io.BytesIO(b"x" * 1000), "a.txt")]}
        assert someone.client.post("/documents", data=few).status_code == 400
    assert stored() == []


def test_large_forms_have_so_many_places_and_a_text_needs_none(
    make_app: MakeApp,
) -> None:
    app = make_app(PRECIS_MAX_UPLOADS="2", PRECIS_MAX_TEXT_BYTES="1000")
    add_member("Alice", Role.EDITOR)
    browser = Browser(app).sign_in("alice@example.org", PASSWORD)
    large = ("a.txt", b"x" * 200_000)
    for _ in range(3):
        assert upload(browser, large).status_code == 303, "each gives its place back"
        assert upload(browser, large, url="ftp://example.org").status_code == 422
    places = app.extensions["uploads"]
    assert places.acquire(blocking=False) and places.acquire(blocking=False)
    refused = upload(browser, large)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "20")
    assert "Wait half a minute" in browser.text(".error__message")
    assert len(stored()) == 1
    assert upload(browser, title="Meanwhile", text="A text.").status_code == 303
    places.release()
    assert upload(browser, large).status_code == 303


class _Watched(io.BytesIO):
    """A form that notes how many connections to the database are in use while it is read."""

    in_use: frozenset[int] = frozenset()

    def read(self, size: int | None = -1) -> bytes:
        self.in_use |= {db.engine.pool.checkedout()}  # type: ignore[attr-defined]  # of a QueuePool
        return super().read(size)

    def readinto(self, buffer: Any) -> int:
        self.in_use |= {db.engine.pool.checkedout()}  # type: ignore[attr-defined]  # as above
        return super().readinto(buffer)


@pytest.mark.parametrize("path", ["/documents", "/session"])
def test_form_that_takes_its_time_keeps_no_connection_to_the_database(browser: Browser, path: str) -> None:
    form = _Watched(f"csrf_token={browser.token()}".encode())
    db.session.remove()
    browser.client.post(path, input_stream=form, content_type="application/x-www-form-urlencoded")
    assert form.in_use == {0}


class _Slow(io.BytesIO):
    """A form that does not come to its end."""

    def read(self, size: int | None = -1) -> bytes:
        raise TooSlow("sends")

    def readinto(self, buffer: Any) -> int:
        raise TooSlow("sends")


def test_who_sends_too_slowly_is_told_so(browser: Browser) -> None:
    browser.response = browser.client.post(
        "/documents", input_stream=_Slow(b"title="), content_type="application/x-www-form-urlencoded"
    )
    assert browser.response.status_code == 408
    assert "Go back and send it again" in browser.text(".error__message")


# --- the list -------------------------------------------------------------------------------------------------------


def test_a_live_page_polls_and_a_final_one_does_not(browser: Browser) -> None:
    upload(browser, ("a.txt", ARTICLE.encode()))
    poll = browser.open("/imports").one("[hx-get]").get("hx-get")
    assert browser.fragment(poll).status == 204
    work()
    browser.fragment(poll)
    assert browser.status == 200
    assert browser.one("#imports") is not None
    assert not browser.find("[hx-get], h1")


def test_a_failed_import_is_retried_or_removed_by_its_buttons(browser: Browser) -> None:
    bring(browser, ("a.pdf", BROKEN))
    item = db.session.scalars(select(Import)).one()
    browser.submit(f'form[action^="/imports/{item.id}?"]')
    assert browser.text("#imports-status") == "1 waiting."
    work()
    browser.open("/imports").submit(f'form[action^="/imports/{item.id}/delete"]')
    assert browser.text("#imports-status") == "Nothing was brought in yet."
    assert stored() == []


def test_a_known_file_leads_to_its_document_and_can_be_imported_all_the_same(browser: Browser) -> None:
    bring(browser, ("Lamps.txt", ARTICLE.encode()))
    bring(browser, ("Again.txt", ARTICLE.encode()))
    row = browser.find("li.import")[0]
    assert "Already in the library: Lamps" in " ".join(row.text_content().split())
    item = db.session.scalars(select(Import).order_by(Import.id.desc())).first()
    assert item is not None
    browser.submit(f'form[action^="/imports/{item.id}?"]')
    work()
    assert db.session.scalars(select(Document.title).order_by(Document.id)).all() == ["Lamps", "Again"]


def test_a_known_link_can_be_fetched_anew(browser: Browser, site: Site) -> None:
    bring(browser, url=site.address("/lamps"))
    bring(browser, url=site.address("/lamps"))
    item = db.session.scalars(select(Import).order_by(Import.id.desc())).first()
    assert item is not None
    browser.submit(f'form[action^="/imports/{item.id}?"]')
    work()
    assert "Its text has not changed" in browser.open("/imports").find("li.import")[0].text_content()
    assert len(site.visits) == 2


def test_an_import_whose_document_is_deleted_says_so(browser: Browser, alice: Member) -> None:
    bring(browser, ("a.txt", ARTICLE.encode()))
    alice.documents.get_or_404(db.session.scalars(select(Document.id)).one()).remove()
    assert "Its document has been deleted" in browser.open("/imports").text("li.import")


def test_imports_of_others_are_not_there(app: Flask, browser: Browser) -> None:
    bring(browser, ("a.pdf", BROKEN))
    item = db.session.scalars(select(Import)).one()
    add_member("Eve", Role.EDITOR)
    eve = Browser(app)
    eve.sign_in("eve@example.org", PASSWORD)
    assert not eve.open("/imports").find("li.import")
    for path in (f"/imports/{item.id}", f"/imports/{item.id}/delete"):
        assert eve.post(path).status == 404
    token = eve.token()
    assert eve.client.delete(f"/imports/{item.id}", headers={"X-CSRFToken": token}).status_code == 404
    assert db.session.scalars(select(Import.status)).all() == ["failed"]


# --- the source -----------------------------------------------------------------------------------------------------


def test_a_document_shows_what_it_came_from(browser: Browser, site: Site) -> None:
    bring(browser, url=site.address("/lamps"))
    document_id = db.session.scalars(select(Document.id)).one()
    browser.open(f"/documents/{document_id}")
    assert "127.0.0.1" in browser.text(".source__name")
    assert "Web page" in browser.text(".source__facts")
    browser.submit(f'form[action="/documents/{document_id}/source"]')
    assert browser.path == "/imports"
    assert browser.find('li.import[data-state="waiting"]')


def test_a_pasted_document_has_no_source(browser: Browser) -> None:
    document_id = browser.write("Pasted", ARTICLE)
    assert not browser.find(".source")
    assert browser.client.get(f"/documents/{document_id}/original").status_code == 404
    assert browser.post(f"/documents/{document_id}/source").status == 404


@pytest.mark.parametrize(
    ("name", "content", "sent_as", "media_type"),
    [
        ("a.txt", ARTICLE.encode(), "a.txt", "text/plain; charset=utf-8"),
        (
            "a.html",
            b"<!doctype html><script>alert(1)</script><p>" + ARTICLE.encode(),
            "a.html",
            "application/octet-stream",
        ),
        ('a";x=\r\n.txt', ARTICLE.encode(), "a-;x=-.txt", "text/plain; charset=utf-8"),
    ],
)
def test_the_original_can_only_be_saved(
    browser: Browser, name: str, content: bytes, sent_as: str, media_type: str
) -> None:
    bring(browser, ("a.txt", content))
    source = db.session.scalars(select(Source)).one()
    source.name = name
    db.session.commit()
    answer = browser.client.get(f"/documents/{source.document_id}/original")
    assert answer.data == content
    answer.close()
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert sent_as in disposition


def test_the_library_leads_to_ones_imports_once_there_are_any(browser: Browser, app: Flask) -> None:
    def leads() -> bool:
        return 'href="/imports"' in browser.client.get("/").text

    assert not leads()
    upload(browser, ("a.pdf", BROKEN))
    assert leads(), "while the library is empty"
    upload(browser, ("b.txt", ARTICLE.encode()))
    work()
    assert leads()
    add_member("Bob", Role.EDITOR)
    bob = Browser(app)
    bob.sign_in("bob@example.org", PASSWORD)
    assert 'href="/imports"' not in bob.client.get("/").text
