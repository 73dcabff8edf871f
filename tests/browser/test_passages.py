"""From a sentence of the summary to its passage in the text, and from one style to another."""

import pytest

from tests.browser.conftest import Visit
from tests.conftest import ARTICLE
from tests.support.accessibility import obstacles
from tests.support.answers import Answers, told
from tests.support.chromium import PHONE, Visitor
from tests.support.model_server import Script
from tests.support.precis import Account, Precis

pytestmark = pytest.mark.browser

LONG = "\n\n".join([*(f"Filler number {n} says little of note to anybody." for n in range(80)), ARTICLE])
KNOWN = next(line for line in ARTICLE.split("\n") if len(line) > 100).split(". ")[0] + "."
FOREIGN = "Seventeen purple elephants sang opera to bewildered dentists in Madagascar."
SAID = f"- {KNOWN}\n- {FOREIGN}"
OUTCOME = "Ada Lovelace kept the lighthouse at Skerrymore for eleven years."


def written(visitor: Visitor, answers: Answers, title: str) -> str:
    answers.give(title, Script.words(SAID))
    path = visitor.write(title, LONG)
    visitor.sees("complete", words="no passage found")
    return path


def is_in_view(visitor: Visitor) -> bool:
    block = visitor.page.locator("[data-passage-in]")
    block.wait_for()
    visitor.page.wait_for_function(
        "() => { const { top } = document.querySelector('[data-passage-in]').getBoundingClientRect();"
        " return top >= 0 && top < innerHeight }"
    )
    return KNOWN in " ".join(block.inner_text().split())


def marked_words(visitor: Visitor) -> str:
    ranges = "() => [...(CSS.highlights.get('passage') ?? [])].map(range => range.toString()).join('')"
    return " ".join(visitor.page.evaluate(ranges).split())


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_a_click_leads_to_the_passage_and_marks_its_words(
    visit: Visit, scripted: Precis, alice: Account, answers: Answers, size: dict[str, int] | None
) -> None:
    options = {"viewport": size, "has_touch": True} if size else {}
    visitor = visit(scripted.address, alice, **options)
    written(visitor, answers, f"Click {bool(size)}")
    link = visitor.page.get_by_role("link", name="Passage 1:")
    if size:
        link.tap()
    else:
        link.click()
    assert is_in_view(visitor)
    assert marked_words(visitor) == KNOWN
    visitor.page.get_by_role("link", name="Back to the summary").click()
    assert link.evaluate("element => element === document.activeElement")


def test_the_keyboard_leads_there_and_back(reader: Visitor, answers: Answers) -> None:
    written(reader, answers, "Keyboard")
    link = reader.page.get_by_role("link", name="Passage 1:")
    link.focus()
    reader.page.keyboard.press("Enter")
    assert is_in_view(reader)
    assert reader.page.evaluate("document.activeElement.dataset.passageIn") == "words"
    reader.page.keyboard.press("Escape")
    assert link.evaluate("element => element === document.activeElement")
    assert marked_words(reader) == ""


def test_links_come_live_with_the_summary(reader: Visitor, answers: Answers) -> None:
    gate = answers.gate()
    answers.give("Live links", told(SAID, gate, "\n- So it is."))
    reader.write("Live links", LONG)
    reader.sees("processing", words=KNOWN)
    assert reader.page.get_by_role("link", name="Passage 1:").count() == 0
    reader.mark()
    gate.set()
    reader.sees("complete", words="no passage found")
    reader.page.get_by_role("link", name="Passage 1:").click()
    assert is_in_view(reader) and reader.is_marked


def test_without_javascript_the_link_jumps_to_the_block(
    visit: Visit, scripted: Precis, alice: Account, reader: Visitor, answers: Answers
) -> None:
    path = written(reader, answers, "Plain links")
    plain = visit(scripted.address, java_script_enabled=False).sign_in(alice)
    plain.open(path)
    plain.page.get_by_role("link", name="Passage 1:").click()
    anchor = plain.page.url.partition("#")[2]
    target = plain.page.locator(f'[id="{anchor}"]')
    assert KNOWN in " ".join(target.inner_text().split())
    box = target.bounding_box()
    assert box and 0 <= box["y"] < plain.page.viewport_size["height"]  # type: ignore[index]


def test_a_style_is_picked_and_comes_live(reader: Visitor, answers: Answers) -> None:
    path = written(reader, answers, "Picked")
    gate = answers.gate()
    answers.give("Picked", told("Ada Lovelace kept", gate, OUTCOME.removeprefix("Ada Lovelace kept")))
    reader.mark()
    brief = reader.page.get_by_role("link", name="Brief")
    brief.click()
    reader.sees("processing", words="Ada Lovelace kept")
    assert reader.page.url.endswith(f"{path}?style=brief")
    assert brief.get_attribute("aria-current") == "true"
    gate.set()
    reader.sees("complete", words=OUTCOME)
    assert reader.stream.count() == 0
    reader.page.get_by_role("link", name="Key points").click()
    reader.sees("complete", words=FOREIGN)
    assert reader.page.url.endswith(path) and reader.is_marked
    reader.open(f"{path}?style=brief")
    reader.sees("complete", words=OUTCOME)


def test_who_turns_to_another_style_is_not_disturbed_by_the_first(reader: Visitor, answers: Answers) -> None:
    path = written(reader, answers, "Turned")
    gate = answers.gate()
    answers.give("Turned", told("Ada Lovelace kept", gate, OUTCOME.removeprefix("Ada Lovelace kept")))
    reader.open(f"{path}?style=brief")
    reader.sees("processing", words="Ada Lovelace kept")
    reader.page.get_by_role("link", name="Key points").click()
    reader.sees("complete", words=FOREIGN)
    gate.set()
    reader.page.get_by_role("link", name="Brief").hover()
    reader.open(f"{path}?style=brief")
    reader.sees("complete", words=OUTCOME)


def test_styles_links_and_the_foot_have_no_obstacle(reader: Visitor, answers: Answers) -> None:
    path = written(reader, answers, "No obstacle")
    reader.page.get_by_text("How it was made").click()
    assert reader.page.get_by_text("Tokens read").is_visible()
    found = obstacles(reader)
    reader.page.get_by_role("link", name="Passage 1:").click()
    assert found == obstacles(reader) == []
    reader.open(f"{path}?style=detailed")
    reader.sees("complete")
    assert obstacles(reader) == []


def test_print_shows_no_links(reader: Visitor, answers: Answers) -> None:
    written(reader, answers, "Printed")
    reader.page.emulate_media(media="print")
    for hidden in (".passages", ".summary__key", ".ways", ".languages", ".provenance"):
        assert not reader.page.locator(hidden).first.is_visible(), hidden
