"""Bringing files in, as a person does: chosen or dropped, live, and without JavaScript."""

from pathlib import Path

import pytest
from playwright.sync_api import FilePayload

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.importing.files import docx, para
from tests.support.accessibility import obstacles
from tests.support.chromium import Visitor
from tests.support.precis import Account, Precis, until

pytestmark = pytest.mark.browser
BROKEN: FilePayload = {"name": "Scan.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 broken"}
DROP = """
([selector, name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name));
  const form = document.querySelector(selector);
  for (const type of ['dragover', 'drop'])
    form.dispatchEvent(new DragEvent(type, {dataTransfer, bubbles: true, cancelable: true}));
}
"""


def lease(words: str) -> FilePayload:
    """A Word document, of which there is no other."""
    body = para("Terms of the lease", "heading1") + para(words) + para(ARTICLE.replace("\n", " "))
    return {"name": "Lease.docx", "mimeType": "application/zip", "buffer": docx(body)}


def bring(visitor: Visitor, *files: FilePayload) -> None:
    visitor.open("/documents/new")
    visitor.page.get_by_label("Files", exact=True).set_input_files(list(files))
    visitor.press("Save")
    visitor.page.wait_for_url("**/imports")


def test_rows_tell_by_themselves_what_became_of_each_file(reader: Visitor) -> None:
    bring(reader, lease("First."), BROKEN)
    reader.mark()
    reader.finds(
        reader.page.locator('li[data-state="created"]').get_by_role("link", name="Terms of the lease")
    )
    failed = reader.page.locator('li[data-state="failed"]')
    reader.finds(failed.get_by_text("It is damaged or not whole."))
    reader.page.locator("#imports-poll").wait_for(state="detached")
    assert reader.is_marked
    assert obstacles(reader) == []
    asked = len(reader.requests)
    reader.page.wait_for_timeout(1_500)
    assert reader.requests[asked:] == []
    reader.page.get_by_role("link", name="Terms of the lease").click()
    reader.finds(reader.page.get_by_role("heading", name="Terms of the lease", level=2))
    assert reader.page.locator(".source").get_by_text("Lease.docx").is_visible()
    assert obstacles(reader) == []


def test_the_original_is_downloaded_as_it_was(reader: Visitor) -> None:
    file = lease("Second.")
    bring(reader, file)
    newest = reader.page.locator("li.import").first.and_(reader.page.locator('[data-state="created"]'))
    newest.get_by_role("link").click()
    with reader.page.expect_download() as download:
        reader.page.get_by_role("link", name="Original").click()
    assert download.value.suggested_filename == "Lease.docx"
    assert Path(download.value.path()).read_bytes() == file["buffer"]


def test_files_are_dropped_on_the_form_beside_those_that_are_chosen(reader: Visitor) -> None:
    reader.open("/documents/new")
    chosen: FilePayload = {
        "name": "chosen.txt",
        "mimeType": "text/plain",
        "buffer": b"Words that were chosen.",
    }
    reader.page.get_by_label("Files", exact=True).set_input_files([chosen])
    reader.page.evaluate(DROP, ["form.draft", "dropped.txt", "Words that were dropped."])
    reader.finds(reader.page.get_by_text("2 files: chosen.txt, dropped.txt"))
    reader.press("Save")
    reader.page.wait_for_url("**/imports")
    for name in ("chosen", "dropped"):
        reader.finds(reader.page.get_by_role("link", name=name, exact=True))


def test_a_form_that_is_refused_says_why_to_everybody(reader: Visitor) -> None:
    reader.expects("422")
    reader.open("/documents/new")
    reader.page.get_by_label("Link", exact=True).fill("ftp://example.org")
    reader.press("Save")
    reader.finds(reader.page.get_by_role("alert"))
    assert reader.page.get_by_label("Link", exact=True).input_value() == "ftp://example.org"
    assert obstacles(reader) == []


def test_everything_works_without_javascript(visit: Visit, scripted: Precis, alice: Account) -> None:
    plain = visit(scripted.address, java_script_enabled=False).sign_in(alice)
    bring(plain, lease("Third."), BROKEN)
    done = plain.page.locator("li.import").nth(1).and_(plain.page.locator('[data-state="created"]'))

    def is_there() -> bool:
        if done.count():
            return True
        plain.open("/imports")
        return False

    until(is_there, "the document is there after some reloads")
    done.get_by_role("link").click()
    plain.finds(plain.page.get_by_role("heading", name="Terms of the lease", level=2))
    plain.open("/imports")
    rows = plain.page.locator("li.import").count()
    plain.page.locator('[data-state="failed"]').first.get_by_role("button", name="Remove").click()
    assert plain.page.locator("li.import").count() == rows - 1
