"""The first member is made at a one-time address. There is no default account."""

from flask import Flask
from sqlalchemy import update

from tests.conftest import PASSWORD, add_member
from tests.support.browser import Browser
from webapp.extensions import db, now, transaction
from webapp.models import Member, Role, Setup
from webapp.models.setup import first_address


def test_first_member_is_an_admin_and_signed_in(app: Flask) -> None:
    path = (first_address(app) or "").removeprefix("http://127.0.0.1:8000")
    browser = Browser(app).open(path)
    browser.submit("main form", name="Ada", email="Ada@Example.org", password=PASSWORD)
    assert browser.path == "/"
    member = db.session.scalars(db.select(Member)).one()
    assert (member.email, member.name, member.role) == ("ada@example.org", "Ada", Role.ADMIN)


def test_address_works_once(app: Flask) -> None:
    path = (first_address(app) or "").removeprefix("http://127.0.0.1:8000")
    first, second = Browser(app).open(path), Browser(app).open(path)
    first.submit("main form", name="Ada", email="ada@example.org", password=PASSWORD)
    second.submit("main form", name="Eve", email="eve@example.org", password=PASSWORD)
    assert second.status == 404
    assert Browser(app).open(path).status == 404
    assert first_address(app) is None


def test_only_the_newest_address_works_and_for_a_day(app: Flask) -> None:
    old = (first_address(app) or "").removeprefix("http://127.0.0.1:8000")
    new = (first_address(app) or "").removeprefix("http://127.0.0.1:8000")
    assert Browser(app).open(old).status == 404
    assert Browser(app).open(new).status == 200
    with transaction():
        db.session.execute(update(Setup).values(created_at=now() - 25 * 3600))
    assert Browser(app).open(new).status == 404


def test_guessed_address_is_not_there(app: Flask) -> None:
    first_address(app)
    assert Browser(app).open("/setup/guess").status == 404


def test_bad_input_says_what_to_do_and_keeps_the_rest(app: Flask) -> None:
    path = (first_address(app) or "").removeprefix("http://127.0.0.1:8000")
    browser = (
        Browser(app).open(path).submit("main form", name="Ada", email="ada@example.org", password="short")
    )
    assert browser.status == 422
    assert "at least 8 characters" in browser.text("main")
    assert browser.one('input[name="email"]').get("value") == "ada@example.org"
    browser.submit("main form", email="nonsense", password=PASSWORD)
    assert "e-mail address" in browser.text("main")


def test_there_is_no_address_once_there_is_a_member(app: Flask) -> None:
    add_member("Alice", Role.ADMIN)
    assert first_address(app) is None
