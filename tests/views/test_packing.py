"""Answers in fewer bytes, and static files in one."""

import base64
import gzip
from hashlib import sha384

import brotli
import pytest
from flask import Flask
from lxml import html

from tests.conftest import PASSWORD
from tests.support.browser import Browser
from webapp.assets import FOLDER, SHEETS, VENDORED
from webapp.models import Member

UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress}


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")]
)
def test_page_comes_as_the_browser_takes_it(app: Flask, accepted: str, encoding: str) -> None:
    client = app.test_client()
    plain = client.get("/session/new")
    packed = client.get("/session/new", headers={"Accept-Encoding": accepted})
    assert packed.headers["Content-Encoding"] == encoding
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.data) < len(plain.data) / 2
    title = html.document_fromstring(UNPACK[encoding](packed.data)).findtext(".//title")
    assert title == html.document_fromstring(plain.data).findtext(".//title")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_asked_for_tells_nothing_by_its_length(app: Flask, site: str) -> None:
    answer = app.test_client().get("/session/new", headers={"Accept-Encoding": "br", "Sec-Fetch-Site": site})
    assert "Content-Encoding" not in answer.headers


def test_page_of_a_member_is_packed_too(app: Flask, alice: Member) -> None:
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    answer = browser.client.get("/", headers={"Accept-Encoding": "br"})
    assert answer.headers["Content-Encoding"] == "br"
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_page_loads_one_sheet_and_one_script_that_browsers_keep(browser: Browser) -> None:
    client, page = browser.client, browser.open("/").page
    addresses = [*page.xpath('//link[@rel="stylesheet"]/@href'), *page.xpath("//script/@src")]
    assert len(addresses) == 2
    for address in addresses:
        answer = client.get(address, headers={"Accept-Encoding": "br"})
        assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "br")
        assert "immutable" in answer.headers["Cache-Control"]
        assert (
            client.get(
                address, headers={"If-None-Match": answer.headers["ETag"], "Accept-Encoding": "br"}
            ).status_code
            == 304
        )


def test_every_sheet_is_in_the_one(app: Flask) -> None:
    assert {path.stem for path in (FOLDER / "css").glob("*.css")} == {*SHEETS, "print"}


def test_vendored_scripts_are_their_makers_own() -> None:
    found = {
        name: f"sha384-{base64.b64encode(sha384((FOLDER / name).read_bytes()).digest()).decode()}"
        for name in VENDORED
    }
    assert found == VENDORED


@pytest.mark.parametrize("path", ["../webapp/config.py", "css", "css/../../README.md", "nowhere.css"])
def test_what_is_no_static_file_is_not_there(app: Flask, path: str) -> None:
    assert app.test_client().get(f"/static/{path}").status_code == 404
