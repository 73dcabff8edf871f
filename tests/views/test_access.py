"""Who may do what: every route, for the owner, a teammate who only reads, and an outsider."""

from collections.abc import Iterator

import pytest
from flask import Flask, abort
from sqlalchemy import update
from werkzeug.routing import Rule

from tests.conftest import ARTICLE, PASSWORD, MakeApp, add_member
from tests.support.browser import Browser
from tests.support.worker import work
from webapp.extensions import db, now, transaction
from webapp.models import Document, Member, Role, SignIn
from webapp.models.library import Library
from webapp.security import HEADERS, safe_next

PUBLIC = {"sessions.new", "sessions.create", "setup.new", "setup.create", "health.alive", "health.ready",
          "health.metrics", "static"}  # fmt: skip
FOR_EDITORS = {"documents.new", "documents.create", "documents.edit", "documents.update", "documents.confirm",
               "documents.remove", "documents.destroy", "revisions.create", "sources.create", "imports.index",
               "imports.update", "imports.remove", "imports.destroy", "words.new", "words.create", "words.choose",
               "feedback.index"}  # fmt: skip
FOR_EDITORS |= {"prompts.index", "prompts.show", "tryouts.create", "tryouts.show", "tryouts.events"}
FOR_ADMINS = {"prompts.create", "rewarmings.index", "rewarmings.create", "rewarmings.update"}
FOR_MEMBERS = {"documents.index", "documents.show", "documents.events", "markdown.show", "summaries.show", "summaries.create",
               "summaries.events", "sources.show", "sessions.destroy", "revisions.index", "revisions.show",
               "changes.show", "feedback.create", "wishes.create"}  # fmt: skip


@pytest.fixture
def document_id(app: Flask, alice: Member) -> int:
    return alice.documents.add(title="Mine", text=ARTICLE).id


@pytest.fixture
def charlie(app: Flask) -> Browser:
    """Who is not signed in."""
    return Browser(app)


@pytest.fixture
def bob(app: Flask) -> Browser:
    """A teammate who reads."""
    add_member("Bob", Role.READER)
    browser = Browser(app)
    browser.sign_in("bob@example.org", PASSWORD)
    return browser


def routes(app: Flask) -> Iterator[tuple[str, str, Rule]]:
    """(method, endpoint, rule) of all there is."""
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield method, rule.endpoint, rule


def path_of(rule: Rule, document_id: int) -> str:
    return (
        rule.rule.replace("<int:document_id>", str(document_id))
        .replace("<int:version>", "1")
        .replace("<int:import_id>", "1")
        .replace("<style>", "brief")
        .replace("<int:tryout_id>", "1")
        .replace("<int:rewarming_id>", "1")
        .replace("<token>", "x")
        .replace("<path:filename>", "x")
    )


def test_every_route_has_its_place_in_the_table(app: Flask) -> None:
    assert {endpoint for _, endpoint, _ in routes(app)} == PUBLIC | FOR_ADMINS | FOR_EDITORS | FOR_MEMBERS


def test_outsider_is_sent_to_sign_in_from_every_page(app: Flask, charlie: Browser, document_id: int) -> None:
    token = charlie.open("/session/new").one('input[name="csrf_token"]').get("value")
    for method, endpoint, rule in routes(app):
        if endpoint in PUBLIC:
            continue
        answer = charlie.client.open(
            path_of(rule, document_id), method=method, headers={"X-CSRFToken": token}
        )
        assert answer.status_code == 303, endpoint
        assert answer.location.startswith("/session/new"), endpoint
        assert "Skerrymore" not in answer.text


def test_outsider_gets_no_event(charlie: Browser, document_id: int) -> None:
    for path in (f"/documents/{document_id}/summary/events", f"/documents/events?ids={document_id}"):
        answer = charlie.client.get(path, headers={"Accept": "text/event-stream"})
        assert answer.status_code == 401
        assert "data:" not in answer.text


def test_reader_reads_and_changes_nothing(app: Flask, bob: Browser, document_id: int) -> None:
    assert bob.open(f"/documents/{document_id}").status == 200
    token = bob.open(f"/documents/{document_id}").find("input[name=csrf_token]")[0].get("value")
    for method, endpoint, rule in routes(app):
        if endpoint in FOR_EDITORS | FOR_ADMINS:
            answer = bob.client.open(
                path_of(rule, document_id), method=method, headers={"X-CSRFToken": token}
            )
            assert answer.status_code == 403, endpoint
    assert bob.open(f"/documents/{document_id}").status == 200


def test_editor_changes_nothing_that_is_everybodys(app: Flask) -> None:
    eve = add_member("Eve", Role.EDITOR)
    browser = Browser(app)
    browser.sign_in(eve.email, PASSWORD)
    token = browser.token()
    for method, endpoint, rule in routes(app):
        if endpoint in FOR_ADMINS:
            answer = browser.client.open(path_of(rule, 1), method=method, headers={"X-CSRFToken": token})
            assert answer.status_code == 403, endpoint


def test_what_is_not_there_is_404_for_everybody_signed_in(app: Flask, bob: Browser) -> None:
    token = bob.open("/").find("input[name=csrf_token]")[0].get("value")
    for method, endpoint, rule in routes(app):
        if endpoint in FOR_MEMBERS and "document_id" in rule.arguments:
            answer = bob.client.open(path_of(rule, 999), method=method, headers={"X-CSRFToken": token})
            assert answer.status_code == 404, endpoint


def test_what_a_member_may_not_see_is_not_there_though_the_cache_holds_it(
    app: Flask, alice: Member, document_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B14: every view loads through the member before it reads anything else."""
    work()
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    token = browser.token()
    monkeypatch.setattr(Library, "get_or_404", lambda *_: abort(404))
    for method, endpoint, rule in routes(app):
        if "document_id" in rule.arguments:
            path = path_of(rule, document_id)
            answer = browser.client.open(path, method=method, headers={"X-CSRFToken": token})
            assert (answer.status_code, "lighthouse" in answer.text) == (404, False), endpoint
    assert db.session.scalars(db.select(Document)).all()


def test_unsafe_methods_need_the_token(app: Flask, alice: Member, document_id: int) -> None:
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    for method, endpoint, rule in routes(app):
        if method != "GET":
            answer = browser.client.open(path_of(rule, document_id), method=method)
            assert answer.status_code == 400, endpoint
    assert browser.open(f"/documents/{document_id}").status == 200


def test_requests_from_other_sites_are_refused(app: Flask, alice: Member) -> None:
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    answer = browser.client.post(
        "/documents",
        data={"title": "x", "text": "y", "csrf_token": browser.token()},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 400


def test_gets_change_nothing(app: Flask, alice: Member, document_id: int) -> None:
    work()
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    before = dump()
    for method, endpoint, rule in routes(app):
        if method == "GET" and endpoint not in ("static", "documents.events", "summaries.events"):
            browser.client.get(path_of(rule, document_id))
            browser.client.get(path_of(rule, document_id))
    assert dump() == before


def dump() -> list[str]:
    """All rows of all tables."""
    db.session.commit()
    return [repr(row) for table in db.metadata.sorted_tables for row in db.session.execute(table.select())]


def test_every_answer_has_the_headers(charlie: Browser) -> None:
    for path in ("/session/new", "/", "/nowhere", "/static/css/tokens.css", "/healthz"):
        answer = charlie.client.get(path)
        answer.close()
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, path
        assert path.startswith("/static") or answer.headers["Cache-Control"] == "no-store"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_cookie_can_not_be_read_by_scripts_or_sent_from_elsewhere(charlie: Browser) -> None:
    cookie = charlie.client.get("/session/new").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_behind_https_the_cookie_is_bound_to_the_host(make_app) -> None:  # type: ignore[no-untyped-def]
    app = make_app(PRECIS_PUBLIC_URL="https://precis.example.org")
    answer = Browser(app).client.get("/session/new", base_url="https://precis.example.org")
    assert answer.headers["Set-Cookie"].startswith("__Host-precis=")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_signing_out_ends_the_sign_in_on_the_server(app: Flask, alice: Member) -> None:
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    stolen = browser.client.get_cookie("precis")
    assert stolen is not None
    browser.open("/").submit('form[action="/session/delete"]')
    thief = Browser(app).client
    thief.set_cookie("precis", stolen.value)
    assert thief.get("/").status_code == 303
    assert not db.session.scalars(db.select(SignIn)).all()


def test_each_sign_in_has_a_new_session(app: Flask, alice: Member) -> None:
    browser = Browser(app)
    browser.open("/session/new")
    before = browser.client.get_cookie("precis")
    browser.sign_in(alice.email, PASSWORD)
    after = browser.client.get_cookie("precis")
    assert before and after and before.value != after.value


def test_old_sign_ins_end(app: Flask, alice: Member) -> None:
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    with transaction():
        db.session.execute(update(SignIn).values(created_at=now() - 31 * 86_400))
    assert browser.client.get("/").status_code == 303


def test_signing_in_is_throttled_before_the_password_is_looked_at(app: Flask, alice: Member) -> None:
    browser = Browser(app)
    for _ in range(10):
        browser.sign_in(alice.email, "wrong password")
        assert browser.status == 422
    browser.sign_in(alice.email, PASSWORD)
    assert browser.status == 429
    assert browser.response is not None and browser.response.headers["Retry-After"]


def test_signing_in_works_without_redis_and_is_throttled_all_the_same(make_app: MakeApp) -> None:
    app = make_app(REDIS_URL="redis://127.0.0.1:1/0")
    add_member("Alice", Role.ADMIN)
    browser = Browser(app)
    browser.sign_in("alice@example.org", PASSWORD)
    assert browser.path == "/"
    for _ in range(10):
        browser = Browser(app)
        browser.sign_in("alice@example.org", "wrong password")
    assert browser.status == 429


def test_known_and_unknown_addresses_are_told_the_same(app: Flask, alice: Member) -> None:
    known, unknown = Browser(app), Browser(app)
    known.sign_in(alice.email, "wrong password")
    unknown.sign_in("nobody@example.org", "wrong password")
    assert known.status == unknown.status == 422
    errors = [
        " ".join(b.one("main").text_content().split()).replace("nobody@", "alice@") for b in (known, unknown)
    ]
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https:evil", "https://evil.example", "/\t/evil.example", "javascript:x",
               "\\\\evil", " //evil.example", ""])  # fmt: skip
def test_sign_in_leads_nowhere_else(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert safe_next(target) == "/"


def test_sign_in_leads_back_to_the_page(app: Flask, alice: Member, document_id: int) -> None:
    browser = Browser(app).open(f"/documents/{document_id}")
    assert browser.path == "/session/new"
    browser.submit('form[action="/session"]', email=alice.email, password=PASSWORD)
    assert browser.path == f"/documents/{document_id}"


def test_fragment_of_an_ended_sign_in_makes_the_browser_sign_in(charlie: Browser, document_id: int) -> None:
    charlie.fragment(f"/documents/{document_id}/summary")
    assert charlie.status == 401
    assert charlie.response is not None and charlie.response.headers["HX-Redirect"].startswith("/session/new")
