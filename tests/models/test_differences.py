"""Two versions of any length are compared in bounded time, and what is left out is told."""

import pytest
from flask import Flask

from tests.conftest import PASSWORD
from tests.support.browser import Browser
from webapp.models import Member, history
from webapp.models.history import Differences, differences
from webapp.reading.differences import compare

TEXT = "\n\n".join(f"Paragraph {number} of a long text." for number in range(200))
LATER = TEXT.replace("Paragraph 90 of", "Passage 90 of").replace("Paragraph 110 of", "Passage 110 of")
OTHER = TEXT.replace("Paragraph", "Passage")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "COMPARED_CHARS", 1_000)


def changed(found: Differences) -> list[str]:
    """The new side of what changed."""
    rows = [row for row in found.comparison.rows if row.kind == "changed"]
    return ["".join(segment.text for segment in row.new) for row in rows]


def kept(found: Differences) -> int:
    return sum(row.paragraphs for row in found.comparison.rows if row.kind in ("same", "folded"))


@pytest.mark.parametrize(("old", "new"), [(TEXT, LATER), (LATER, TEXT)])
def test_long_texts_are_compared_from_their_first_difference_to_their_last(old: str, new: str) -> None:
    found = differences(old, new)
    assert changed(found) == changed(Differences(compare(old, new), is_cut=False))
    assert (kept(found), found.comparison.changes, found.is_cut) == (198, 2, False)


@pytest.mark.parametrize("more", ["One more.\n\n", "Paragraph 0 of a long text.\n\n"])
@pytest.mark.parametrize("at", [0, TEXT.index("Paragraph 90"), len(TEXT)])
def test_a_paragraph_more_is_found_at_any_place(at: int, more: str) -> None:
    new = TEXT[:at] + ("\n\n" if at == len(TEXT) else "") + more + TEXT[at:]
    for old, other, kind in ((TEXT, new, "added"), (new, TEXT, "removed")):
        found = differences(old, other)
        assert [row.kind for row in found.comparison.rows if row.kind not in ("same", "folded")] == [kind]
        assert kept(found) == 200


def test_long_texts_that_are_the_same_have_no_change() -> None:
    found = differences(TEXT, TEXT)
    assert (found.comparison.is_same, kept(found), found.is_cut) == (True, 200, False)


def test_what_differs_over_more_than_is_compared_is_told(app: Flask, alice: Member) -> None:
    assert differences(TEXT, OTHER).is_cut
    document = alice.documents.add(title="t", text=TEXT)
    document.revise(alice, title="t", text=OTHER)
    browser = (
        Browser(app).sign_in(alice.email, PASSWORD).open(f"/documents/{document.id}/revisions/2/changes")
    )
    assert "what comes later is left out" in browser.text(".changes__cut")
    assert browser.find(".differences ins")
