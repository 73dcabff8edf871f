"""Reading a long text, and going back in its history, in a real browser."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.accessibility import obstacles
from tests.support.chromium import Visitor
from tests.support.precis import Account, Precis
from tests.support.valkey import Valkey

pytestmark = pytest.mark.browser

PARAGRAPH = "All work and no play makes Jack a *dull* boy, and so on until it is a paragraph.\n\n"
CHAPTERS = 180
BOOK = "".join(f"# Chapter {number}\n\n{PARAGRAPH * 16}" for number in range(CHAPTERS))
IDS = "[...document.querySelectorAll('[id]')].map(element => element.id)"
TEXT = ".prose--document"


def send(visitor: Visitor, title: str, text: str) -> str:
    """Save a Markdown without a form that would have to show all of it. Returns its path, whose page is then open."""
    visitor.open("/documents/new")
    token = visitor.page.locator(".draft input[name=csrf_token]").input_value()
    fields: dict[str, str | float | bool] = {
        "csrf_token": token,
        "title": title,
        "text": text,
        "format": "markdown",
    }
    answer = visitor.page.request.post("/documents", form=fields, headers={"Sec-Fetch-Site": "same-origin"})
    visitor.open(urlsplit(answer.url).path)
    return urlsplit(answer.url).path


@pytest.fixture
def book(reader: Visitor) -> str:
    """The path of a long Markdown that is laid out, and open."""
    path = send(reader, "A book", BOOK)
    for _ in range(50):
        if reader.page.locator(f"{TEXT} h2").count():
            return path
        reader.page.wait_for_timeout(100)
        reader.open(path)
    raise AssertionError("nobody lays it out")


def test_a_long_text_comes_part_by_part_as_one_reads_on(reader: Visitor, book: str) -> None:
    reader.mark()
    parts = int(reader.page.locator(".reading__next").inner_text().split()[3])
    assert (parts > 2, reader.page.locator(TEXT).count()) == (True, 1)
    for number in range(1, parts):
        reader.page.locator(".reading__next").scroll_into_view_if_needed()
        reader.page.locator(TEXT).nth(number).wait_for()
    assert reader.page.locator(f"{TEXT} h2").count() == CHAPTERS
    ids = reader.page.evaluate(IDS)
    assert len(set(ids)) == len(ids)
    assert reader.is_marked


def test_contents_lead_to_a_heading_here_and_in_another_part(reader: Visitor, book: str) -> None:
    contents = reader.page.get_by_role("navigation", name="Contents")
    for number in (3, CHAPTERS - 1):
        contents.get_by_role("link", name=f"Chapter {number}", exact=True).click()
        heading = reader.page.locator("h2:target")
        heading.wait_for()
        assert heading.inner_text() == f"Chapter {number}"
        assert heading.evaluate("e => e.getBoundingClientRect().top < innerHeight")
    assert "part=" in reader.page.url


def test_markdown_is_chosen_in_the_form(reader: Visitor) -> None:
    reader.open("/documents/new")
    reader.page.get_by_label("Markdown").check()
    path = reader.save("Chosen", f"## One\n\n{ARTICLE}")
    reader.finds(reader.page.locator(f"{TEXT} h3", has_text="One"))
    reader.open(f"{path}/edit")
    assert reader.page.get_by_label("Markdown").is_checked()


def test_an_old_version_is_found_compared_and_brought_back(reader: Visitor) -> None:
    path = reader.write("Changed", ARTICLE)
    reader.sees("complete")
    reader.edit(path, ARTICLE.replace("twice a day", "at each tide"))
    reader.page.get_by_role("link", name="history").click()
    reader.page.get_by_role("link", name="See the changes of version 2").click()
    assert reader.page.locator("ins").all_inner_texts() == ["at each tide."]
    reader.page.get_by_role("link", name="Version 1").click()
    assert "twice a day" in reader.page.locator(TEXT).inner_text()
    reader.press("Bring it back")
    reader.page.wait_for_url(re.compile(r"/documents/\d+$"))
    reader.sees("complete", stale=False)
    assert "twice a day" in reader.page.locator(TEXT).inner_text()


def test_without_scripts_one_reads_on_by_links(
    visit: Visit, scripted: Precis, alice: Account, book: str
) -> None:
    plain = visit(scripted.address, alice, java_script_enabled=False)
    plain.open(book)
    plain.page.get_by_role("link", name="Go on reading").click()
    assert "Part 2 of" in plain.page.locator(".reading__back").inner_text()
    plain.page.get_by_role("link", name="Back to part 1").click()
    assert plain.page.locator(f"{TEXT} h2").first.inner_text() == "Chapter 0"


@pytest.fixture
def site_alone(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    """`precis web` and nothing else."""
    with Valkey() as valkey:
        environ = {"PRECIS_WEB_WORKERS": "1", "REDIS_URL": valkey.url}
        with Precis(tmp_path_factory.mktemp("unread"), environ, command="web") as precis:
            yield precis


def test_a_long_text_is_read_as_it_was_typed_until_a_worker_has_laid_it_out(
    visit: Visit, site_alone: Precis
) -> None:
    visitor = visit(site_alone.address, site_alone.add_member("Edith"))
    send(visitor, "A book", BOOK)
    assert "*dull*" in visitor.page.locator(TEXT).inner_text()
    visitor.finds(visitor.page.get_by_text("as it was typed while its page is being made"))
    assert obstacles(visitor) == []
    visitor.mark()
    site_alone.run("worker")
    visitor.finds(visitor.page.get_by_role("link", name="Show it"))
    assert visitor.is_marked
    visitor.page.get_by_role("link", name="Show it").click()
    visitor.finds(visitor.page.locator(f"{TEXT} h2", has_text="Chapter 1").first)


def test_page_that_a_browser_has_keeps_its_rules(reader: Visitor) -> None:
    """It is told that nothing has changed, without hearing all of them again."""
    path = reader.write("Kept by its browser", ARTICLE)
    reader.sees("complete")
    answers = [reader.open(path) for _ in range(3)]
    assert "content-security-policy" not in answers[-1].all_headers(), "as it came over the wire"
    reader.expects("(?i)policy")
    reader.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.has_run = 1'}))"
    )
    assert reader.page.evaluate("window.has_run") is None
