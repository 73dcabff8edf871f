"""A person's words, a wish and a vote, as people with a browser have them."""

import re

import pytest

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.accessibility import obstacles
from tests.support.answers import Answers
from tests.support.chromium import PHONE, Visitor
from tests.support.model_server import SUMMARY, Script
from tests.support.precis import Account, Precis

pytestmark = pytest.mark.browser

FIRST = SUMMARY.split("\n", 1)[0].removeprefix("- ")
MINE = "- In four summers the masons cut 4,300 blocks.\n- Mine alone."
LATER = "- A later summary, written by the model all the same.\n- It has a second point."


def written(visitor: Visitor, answers: Answers, title: str) -> str:
    answers.give(title, Script.words(), Script.words(LATER))
    path = visitor.write(title, ARTICLE)
    visitor.sees("complete", words=FIRST)
    return path


def edit_by_hand(visitor: Visitor, words: str = MINE) -> None:
    visitor.page.get_by_role("link", name="Edit the summary").click()
    visitor.page.get_by_label("Summary", exact=True).fill(words)
    visitor.press("Save")
    visitor.finds(visitor.page.get_by_text("Edited by Alice"))


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_edited_words_stay_and_the_next_summary_is_offered_beside_them(
    visit: Visit, scripted: Precis, alice: Account, answers: Answers, size: dict[str, int] | None
) -> None:
    visitor = visit(scripted.address, alice, **({"viewport": size, "has_touch": True} if size else {}))
    written(visitor, answers, f"By hand {bool(size)}")
    edit_by_hand(visitor)
    visitor.mark()
    visitor.press("Write it again")
    visitor.sees("complete", words="A newer summary is there")
    assert visitor.is_marked
    assert "Mine alone." in visitor.told
    assert "A later summary" not in visitor.told
    assert obstacles(visitor) == []
    visitor.page.get_by_text("A newer summary is there").click()
    visitor.finds(visitor.page.get_by_text("A later summary, written by the model"))
    visitor.press("Use this one instead")
    visitor.sees("complete", words="Words put aside")
    assert "A later summary" in visitor.told
    visitor.page.get_by_text("Words put aside").click()
    assert obstacles(visitor) == []
    visitor.press("Use these again")
    visitor.finds(visitor.page.get_by_text("Edited by Alice"))
    assert "Mine alone." in visitor.told


def test_words_are_edited_by_keyboard_alone(reader: Visitor, answers: Answers) -> None:
    written(reader, answers, "By keyboard")
    reader.page.get_by_role("link", name="Edit the summary").focus()
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url("**/summary/words/new")
    assert obstacles(reader) == []
    reader.page.get_by_label("Summary", exact=True).focus()
    reader.page.keyboard.press("Control+A")
    reader.page.keyboard.type("- Typed.")
    reader.page.keyboard.press("Tab")
    reader.page.keyboard.press("Enter")
    reader.finds(reader.page.get_by_text("Edited by Alice"))
    assert reader.told == "Typed."


def test_two_editors_meet_and_both_texts_are_there(reader: Visitor, answers: Answers) -> None:
    path = written(reader, answers, "Conflict by hand")
    reader.expects("409")
    reader.open(path + "/summary/words/new")
    other = reader.context.new_page()
    other.goto(path + "/summary/words/new")
    other.get_by_label("Summary", exact=True).fill("- Theirs came first.")
    other.get_by_role("button", name="Save").click()
    other.wait_for_url("**" + path)
    other.close()
    reader.page.get_by_label("Summary", exact=True).fill(MINE)
    reader.press("Save")
    reader.finds(reader.page.get_by_role("alert").filter(has_text="while you were writing"))
    assert "Theirs came first." in reader.page.locator(".theirs").inner_text()
    assert reader.page.get_by_label("Summary", exact=True).input_value() == MINE
    assert obstacles(reader) == []
    reader.press("Save mine in its place")
    reader.finds(reader.page.get_by_text("Mine alone."))


def test_a_wish_is_written_while_one_watches_and_leads_back(reader: Visitor, answers: Answers) -> None:
    written(reader, answers, "As wished")
    reader.page.get_by_text("Ask for something else").click()
    reader.page.get_by_label("How should it be written?").fill("for a lawyer")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url(re.compile(r"\?instruction=for\+a\+lawyer$"))
    reader.sees("complete", words="Written as asked:")
    assert "A later summary" in reader.told
    assert obstacles(reader) == []
    reader.page.get_by_role("link", name="Back to the usual one").click()
    reader.sees("complete", words=FIRST)
    reader.page.get_by_text("Ask for something else").click()
    reader.page.get_by_role("link", name="for a lawyer").click()
    reader.sees("complete", words="A later summary")


def test_a_vote_swaps_its_form_alone_and_keeps_the_focus(
    visit: Visit, scripted: Precis, alice: Account, bob: Account, answers: Answers
) -> None:
    author = visit(scripted.address, alice)
    path = written(author, answers, "Voted on")
    visitor = visit(scripted.address, bob)
    visitor.open(path)
    visitor.mark()
    visitor.page.get_by_role("button", name="No", exact=True).focus()
    visitor.page.keyboard.press("Enter")
    visitor.finds(visitor.page.get_by_text("You found it not useful"))
    assert visitor.page.evaluate("document.activeElement.id").endswith("-feedback-no")
    visitor.page.get_by_label("Why? A note, if you like").fill("The year is wrong.")
    visitor.press("Save the note")
    visitor.finds(visitor.page.get_by_text("and said why"))
    assert visitor.is_marked
    assert obstacles(visitor) == []
    author.open("/feedback")
    author.finds(author.page.get_by_text("The year is wrong."))
    assert obstacles(author) == []
    visitor.press("Withdraw")
    visitor.page.get_by_role("button", name="Withdraw").wait_for(state="detached")
    assert visitor.page.locator("[aria-pressed=true]").count() == 0
