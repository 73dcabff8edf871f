"""A text is laid out once, by whoever may take the time; and it can be read at any time."""

import pytest
from flask import Flask

from tests.conftest import PASSWORD, MakeApp, add_member
from tests.support.browser import Browser
from tests.support.valkey import Valkey
from webapp import hints
from webapp.extensions import cache, db, transaction
from webapp.models import Document, Member, Revision, Role
from webapp.models import rendition as renditions
from webapp.models.document import content_hash
from webapp.models.rendition import Rendition, is_long

PARAGRAPH = "All work and no play makes Jack a *dull* boy, and so on until it is a paragraph.\n\n"
LONG = "".join(f"# Chapter {number}\n\n{PARAGRAPH * 30}" for number in range(100))
Sent = list[tuple[int, int, str]]


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The hints that were sent; and nobody waits for a worker."""
    found: Sent = []
    monkeypatch.setattr(hints, "lay_out", lambda *hint: found.append(hint))
    monkeypatch.setattr(renditions, "GRACE_SECONDS", 0.0)
    return found


@pytest.fixture
def browser(app: Flask, alice: Member) -> Browser:
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    return browser


@pytest.fixture
def book(app: Flask, alice: Member) -> Document:
    return alice.documents.add(title="A book", text=LONG, format="markdown")


def read_through(browser: Browser, path: str) -> str:
    """All words of a text as HTMX fetches its parts, the first one with the page."""
    browser.open(path)
    words = ""
    while True:
        words += " ".join(element.text_content() for element in browser.find(".prose--document"))
        further = browser.find(".reading__next [hx-get]")
        if not further:
            return words
        browser.fragment(further[0].get("hx-get"))


def test_a_short_markdown_is_a_page_at_once(browser: Browser, alice: Member, sent: Sent) -> None:
    document = alice.documents.add(title="t", text="# One\n\n- *two*", format="markdown")
    browser.open(f"/documents/{document.id}")
    assert browser.text(".prose--document h2 + ul em") == "two"
    assert sent == []


def test_a_warm_page_renders_no_markdown_and_reads_no_text(
    browser: Browser, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = alice.documents.add(title="t", text="# One\n\n- *two*", format="markdown")
    browser.open(f"/documents/{document.id}")
    for name in ("plan", "part"):
        monkeypatch.setattr(renditions, name, None)
    monkeypatch.setattr(Rendition, "_stored", None)
    assert browser.open(f"/documents/{document.id}").text(".prose--document em") == "two"


def test_a_long_markdown_is_laid_out_by_a_worker_after_the_save(
    browser: Browser, book: Document, sent: Sent
) -> None:
    assert sent == [(book.id, 1, "warm")]
    book.rendition.lay_out_now()
    browser.open(f"/documents/{book.id}")
    assert browser.text(".prose--document h2:first-child") == "Chapter 0"
    assert not browser.find('[role="status"] .note')


def test_until_then_it_is_read_as_it_was_typed(browser: Browser, book: Document, sent: Sent) -> None:
    words = read_through(browser, f"/documents/{book.id}")
    assert words.split() == LONG.split()
    assert sent[1:] == [(book.id, 1, "interactive")]
    assert "as it was typed" in browser.open(f"/documents/{book.id}").text(".reading .note")


def test_a_page_that_waits_is_told_once_it_is_laid_out(browser: Browser, book: Document) -> None:
    asks = browser.open(f"/documents/{book.id}").one('.reading [hx-trigger="every 2s"]').get("hx-get")
    assert browser.fragment(asks).status == 204
    book.rendition.lay_out_now()
    assert "Show it" in browser.fragment(asks).text("p")
    assert not browser.find("[hx-trigger]")


def test_what_was_begun_as_it_was_typed_is_read_on_like_that(browser: Browser, book: Document) -> None:
    """The parts of another rendition begin elsewhere."""
    further = browser.open(f"/documents/{book.id}").one(".reading__next [hx-get]")
    book.rendition.lay_out_now()
    assert "*dull*" in browser.fragment(further.get("hx-get")).text(".prose--document")
    assert "*dull*" in browser.open(further.get("href")).text(".prose--document")


def test_all_parts_of_a_text_are_read_one_after_the_other(browser: Browser, book: Document) -> None:
    book.rendition.lay_out_now()
    words = read_through(browser, f"/documents/{book.id}")
    assert words.split() == [word.strip("*") for word in LONG.split() if word != "#"]


def test_who_reads_on_after_an_edit_reads_the_version_that_was_begun(
    browser: Browser, book: Document, alice: Member
) -> None:
    book.rendition.lay_out_now()
    further = browser.open(f"/documents/{book.id}").one(".reading__next [hx-get]").get("hx-get")
    book.revise(alice, title="A book", text="Another text.")
    Rendition(book.id, 1).lay_out_now()
    assert "dull" in browser.fragment(further).text(".prose--document")


def test_without_javascript_each_part_is_a_page(browser: Browser, book: Document) -> None:
    book.rendition.lay_out_now()
    browser.open(f"/documents/{book.id}")
    browser.open(browser.one(".reading__next [hx-get]").get("href"))
    assert browser.text(".reading__back").startswith("Part 2 of ")
    assert browser.open(browser.one(".reading__back a").get("href")).find(".reading__back") == []
    assert browser.open(f"/documents/{book.id}?part=999").text(".reading__back").startswith("Part 5 of 5")
    assert browser.open(f"/documents/{book.id}?part=-5").status == 200


def test_contents_lead_to_each_heading_in_its_part(browser: Browser, book: Document) -> None:
    book.rendition.lay_out_now()
    links = browser.open(f"/documents/{book.id}").find(".contents a")
    assert len(links) == 100
    assert links[0].get("href") == "#s-chapter-0"
    path, _, anchor = links[-1].get("href").partition("#")
    assert browser.open(path).text(f"[id='{anchor}']") == "Chapter 99"


def test_without_redis_short_texts_are_laid_out_and_long_ones_can_be_read(make_app: MakeApp) -> None:
    app = make_app(REDIS_URL="redis://127.0.0.1:1/0")
    alice = add_member("Alice", Role.ADMIN)
    browser = Browser(app)
    browser.sign_in(alice.email, PASSWORD)
    short = alice.documents.add(title="t", text="# One", format="markdown")
    assert browser.open(f"/documents/{short.id}").text(".prose--document h2") == "One"
    book = alice.documents.add(title="t", text=LONG, format="markdown")
    assert read_through(browser, f"/documents/{book.id}").split() == LONG.split()


def test_what_is_laid_out_is_found_again_only_whole(book: Document) -> None:
    book.rendition.lay_out_now()
    Rendition.forget(book.id, [1])
    assert not book.rendition.is_ready


def test_a_document_that_is_deleted_while_it_is_laid_out_leaves_nothing(
    book: Document, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out = renditions._laid_out

    def slowly(*stored: str) -> object:
        found = laid_out(*stored)
        db.session.commit()
        db.session.execute(db.delete(Document))
        db.session.commit()
        return found

    monkeypatch.setattr(renditions, "_laid_out", slowly)
    book.rendition.lay_out_now()
    with valkey.client() as client:
        assert client.keys("*text/*") == []


def test_a_hint_of_what_is_gone_is_no_failure(app: Flask) -> None:
    Rendition(99, 1).lay_out_now()


def test_a_long_text_that_was_replaced_takes_no_room(book: Document, alice: Member) -> None:
    book.rendition.lay_out_now()
    book.revise(alice, title="t", text=LONG + "More.")
    assert not Rendition(book.id, 1).is_ready


@pytest.mark.parametrize("text", ["# Another", LONG.replace("dull", "bright")])
def test_a_text_that_another_database_had_under_this_version_is_not_shown(
    browser: Browser, alice: Member, valkey: Valkey, text: str
) -> None:
    """As after a restored backup, with the same Redis as before."""
    document = alice.documents.add(title="t", text=LONG, format="markdown")
    document.rendition.lay_out_now()
    with transaction():
        db.session.execute(db.update(Revision).values(text=text, content_hash=content_hash(text)))
        db.session.execute(db.update(Document).values(content_hash=content_hash(text)))
    assert "dull" not in browser.open(f"/documents/{document.id}").text(".prose--document")
    Rendition(document.id, 1).lay_out_now()
    shown = browser.open(f"/documents/{document.id}").text(".prose--document")
    assert shown.startswith("Another" if text == "# Another" else "Chapter 0")


def test_markdown_that_is_too_tangled_is_told(browser: Browser, alice: Member) -> None:
    document = alice.documents.add(title="t", text=f"{'> ' * 60}a", format="markdown")
    assert "nests too deep" in browser.open(f"/documents/{document.id}").text(".reading .note")


@pytest.mark.parametrize(
    ("text", "format", "expected"),
    [
        (PARAGRAPH * 100, "markdown", False),
        (LONG, "markdown", True),
        ("- a\n" * 3_000, "markdown", True),
        ("|a" * 3_000, "markdown", True),
        (LONG * 10, "plain", False),
    ],
)
def test_what_takes_long_is_told_by_its_length_and_lines(text: str, format: str, expected: bool) -> None:
    assert is_long(text, format) is expected


# --- all of it ------------------------------------------------------------------------------------------------------


def whole(browser: Browser, path: str) -> str:
    """All words of the page that a link there leads to, which has all of the text and no further part."""
    browser.open(browser.open(path).one(".reading__whole a").get("href"))
    assert [browser.find(f".reading__{part}") for part in ("next", "back", "whole")] == [[], [], []]
    return browser.text(".prose--document")


def test_all_of_a_text_is_one_page_for_paper(browser: Browser, book: Document) -> None:
    book.rendition.lay_out_now()
    words = whole(browser, f"/documents/{book.id}")
    assert words.split() == [word.strip("*") for word in LONG.split() if word != "#"]
    anchors = {element.get("id") for element in browser.find(".prose--document [id]")}
    links = [link.get("href") for link in browser.find(".contents a")]
    assert len(links) == 100
    assert {link.removeprefix("#") for link in links} <= anchors


def test_all_of_an_earlier_version_is_that_version(browser: Browser, book: Document, alice: Member) -> None:
    book.revise(alice, title="A book", text=LONG.replace("dull", "bright"))
    Rendition(book.id, 1).lay_out_now()
    assert "dull" in whole(browser, f"/documents/{book.id}/revisions/1")
    assert "bright" in whole(browser, f"/documents/{book.id}")


def test_all_of_a_text_that_is_not_laid_out_is_as_it_was_typed(browser: Browser, book: Document) -> None:
    words = whole(browser, f"/documents/{book.id}")
    assert words.split() == LONG.split()
    assert "as it was typed" in browser.text(".reading .note")


@pytest.mark.parametrize("format", ["plain", "markdown"])
def test_all_of_a_text_is_there_without_redis(format: str, alice: Member, valkey: Valkey) -> None:
    document = alice.documents.add(title="A book", text=LONG, format=format)
    document.rendition.lay_out_now()
    cache.clear()
    shown = document.rendition.whole()
    assert shown.is_whole and not shown.has_next
    assert shown.html.striptags().split() == LONG.split()


def test_contents_tell_how_many_headings_they_leave_out(browser: Browser, alice: Member) -> None:
    chapters = "".join(
        f"# Chapter {number}\n\nSo it goes.\n\n" for number in range(renditions.MOST_LINES + 37)
    )
    document = alice.documents.add(title="A book", text=chapters, format="markdown")
    document.rendition.lay_out_now()
    browser.open(f"/documents/{document.id}")
    assert len(browser.find(".contents a")) == renditions.MOST_LINES
    assert browser.text(".contents__rest") == "37 more headings are not listed."
