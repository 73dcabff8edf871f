"""Each page in each of its states: for screen readers, for a keyboard, for a phone, by day and by night."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from tests.conftest import ARTICLE
from tests.support.accessibility import obstacles
from tests.support.answers import Answers, told
from tests.support.chromium import Visitor
from tests.support.model_server import SUMMARY, Script

pytestmark = pytest.mark.browser

MOST_AT_ONCE = 3  # with PRECIS_LLM_CONCURRENCY=2: two on the interactive lane, one on the warm one
MARKDOWN = (
    "# One\n\n## Two\n\n"
    + ARTICLE
    + """
- [a link](https://a.example) and `code`

| A | B |
|---|--:|
| 1 | 2 |

```
a = 1
```

## Three

> A quote.
"""
)
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrente" * 3
HEAD, REST = SUMMARY.split("\n", 1)
FIRST = HEAD.removeprefix("- ")


@dataclass
class Scene:
    """What a state needs to be brought about: a visitor, and what the model server says."""

    visitor: Visitor
    answers: Answers

    def write(self, title: str, *scripts: Script) -> str:
        self.answers.give(title, *scripts)
        return self.visitor.write(title, ARTICLE)

    def held(self) -> Script:
        return told(HEAD, self.answers.gate(), "\n" + REST)


def page(path: str, scene: Scene) -> None:
    scene.visitor.open(path)


def library(scene: Scene) -> None:
    scene.write(f"Listed {LONG_WORD}")
    scene.visitor.sees("complete")
    scene.write("Listed and failed", refusing())
    scene.visitor.sees("failed")
    scene.write("Listed and written", scene.held())
    scene.visitor.open("/")
    scene.visitor.page.locator('li[data-status="processing"]').wait_for()


def form_with_errors(scene: Scene) -> None:
    scene.visitor.expects("422")
    scene.visitor.open("/documents/new")
    scene.visitor.press("Save")
    scene.visitor.page.get_by_role("alert").wait_for()


def sign_in_refused(scene: Scene) -> None:
    scene.visitor.expects("422")
    scene.visitor.context.clear_cookies()
    scene.visitor.open("/session/new")
    scene.visitor.press("Sign in")
    scene.visitor.page.get_by_role("alert").wait_for()


def sign_in(scene: Scene) -> None:
    scene.visitor.context.clear_cookies()
    scene.visitor.open("/session/new")


def missing(scene: Scene) -> None:
    scene.visitor.expects("404")
    scene.visitor.open("/documents/999999")


def waiting(scene: Scene) -> None:
    for number in range(MOST_AT_ONCE + 1):
        scene.write(f"Waiting {number}", scene.held())
    scene.visitor.sees("pending", words="Starting the summary")


def processing(scene: Scene) -> None:
    scene.write("Processing", scene.held())
    scene.visitor.sees("processing", words=FIRST)


def complete(scene: Scene) -> None:
    scene.write(f"Complete {LONG_WORD}")
    scene.visitor.sees("complete", words=FIRST)


def failed(scene: Scene) -> None:
    scene.write("Failed", refusing())
    scene.visitor.sees("failed")


def stale(scene: Scene) -> None:
    path = scene.write("Stale", Script.words(), scene.held())
    scene.visitor.sees("complete")
    scene.visitor.edit(path, ARTICLE + "\n\nOne more paragraph.")
    scene.visitor.sees("processing", words=FIRST, stale=True)


def short(scene: Scene) -> None:
    scene.visitor.write("Short", "A few words.")
    scene.visitor.sees("complete", words="short enough")


def edit(scene: Scene) -> None:
    scene.visitor.open(scene.write("To be edited") + "/edit")


def conflict(scene: Scene) -> None:
    path = scene.write("Twice")
    scene.visitor.expects("409")
    scene.visitor.open(path + "/edit")
    other = scene.visitor.context.new_page()
    other.goto(path + "/edit")
    other.get_by_label("Text", exact=True).fill(ARTICLE + "\n\nTheirs.")
    other.get_by_role("button", name="Save").click()
    other.wait_for_url("**" + path)
    other.close()
    scene.visitor.page.get_by_label("Text", exact=True).fill(ARTICLE + "\n\nMine.")
    scene.visitor.press("Save")
    scene.visitor.page.get_by_role("alert").wait_for()


def confirm(scene: Scene) -> None:
    scene.visitor.open(scene.write("To be deleted") + "/delete")


def markdown(scene: Scene) -> None:
    scene.visitor.open("/documents/new")
    scene.visitor.page.get_by_label("Markdown").check()
    scene.visitor.save("Markdown", MARKDOWN)
    scene.visitor.sees("complete", words=FIRST)


def in_two_versions(scene: Scene) -> str:
    """A document with an old version. Returns the path of its history."""
    path = scene.write(f"Edited {LONG_WORD}")
    scene.visitor.sees("complete")
    scene.visitor.edit(path, ARTICLE.replace("twice a day", f"at each tide {LONG_WORD}") + "\n\nOne more.")
    scene.visitor.sees("complete", stale=False)
    return f"{path}/revisions"


def version(path: str, scene: Scene) -> None:
    scene.visitor.open(in_two_versions(scene) + path)


def back_in_conflict(scene: Scene) -> None:
    history = in_two_versions(scene)
    scene.visitor.expects("409")
    scene.visitor.open(f"{history}/1")
    other = scene.visitor.context.new_page()
    other.goto(f"{history.removesuffix('/revisions')}/edit")
    other.get_by_label("Text", exact=True).fill(ARTICLE + "\n\nTheirs.")
    other.get_by_role("button", name="Save").click()
    other.wait_for_url("**" + history.removesuffix("/revisions"))
    other.close()
    scene.visitor.press("Bring it back")
    scene.visitor.page.get_by_role("alert").filter(has_text="Somebody saved version 3").wait_for()


def refusing() -> Script:
    return told("- A word").but(finish_reason="content_filter")


STATES: dict[str, Callable[[Scene], None]] = {
    "library": library,
    "sign-in": sign_in,
    "sign-in-refused": sign_in_refused,
    "new": partial(page, "/documents/new"),
    "new-with-errors": form_with_errors,
    "edit": edit,
    "edit-conflict": conflict,
    "delete": confirm,
    "not-there": missing,
    "waiting": waiting,
    "processing": processing,
    "complete": complete,
    "failed": failed,
    "stale": stale,
    "short": short,
    "markdown": markdown,
    "history": partial(version, ""),
    "old-version": partial(version, "/1"),
    "changes": partial(version, "/2/changes"),
    "back-in-conflict": back_in_conflict,
}


@pytest.mark.parametrize("state", STATES)
def test_a_page_has_no_obstacle_by_day_by_night_or_on_a_phone(
    state: str, reader: Visitor, answers: Answers
) -> None:
    STATES[state](Scene(reader, answers))
    assert obstacles(reader) == []


def test_a_paused_summary_has_no_obstacle_and_a_button_that_ends_the_pause(
    reader: Visitor, answers: Answers
) -> None:
    Scene(reader, answers).write("Paused", Script.status(429, retry_after="600"), Script.words())
    reader.sees("pending", words="asks us to wait")
    found = obstacles(reader)
    reader.press("Try now")
    reader.sees("complete", words=FIRST)
    assert found == []


def test_a_document_is_made_with_the_keyboard_alone(reader: Visitor) -> None:
    keyboard = reader.page.keyboard
    reader.open("/")
    keyboard.press("Tab")
    assert focused(reader) == "Skip to the content"
    tab_to(reader, "New document")
    keyboard.press("Enter")
    reader.page.wait_for_url("**/documents/new")
    reader.page.locator("#title:focus").wait_for()
    keyboard.type("By keyboard")
    keyboard.press("Tab")
    keyboard.insert_text(ARTICLE)
    tab_to(reader, "Save")
    keyboard.press("Enter")
    reader.sees("complete", words=FIRST)
    tab_to(reader, "Edit")
    tab_to(reader, "Write it again")


def test_the_skip_link_leads_past_the_header(reader: Visitor) -> None:
    reader.open("/documents/new")
    reader.page.locator("#title:focus").wait_for()
    reader.page.evaluate("document.activeElement.blur()")
    reader.page.get_by_role("link", name="Skip to the content").focus()
    reader.page.keyboard.press("Enter")
    reader.page.keyboard.press("Tab")
    assert focused(reader) == "Your imports"
    assert reader.page.evaluate("document.activeElement.closest('main') !== null")


def focused(visitor: Visitor) -> str:
    """The words of the element that has the focus, which must be seen to have it."""
    outline = "element => getComputedStyle(element).outlineStyle + getComputedStyle(element).boxShadow"
    element = visitor.page.locator(":focus")
    assert element.evaluate(outline) != "nonenone", f"nobody sees the focus on {element.inner_text()!r}"
    return " ".join(element.inner_text().split())


def tab_to(visitor: Visitor, words: str) -> None:
    """Press Tab until the element with these words has the focus."""
    for _ in range(30):
        visitor.page.keyboard.press("Tab")
        if visitor.page.locator(":focus").count() and focused(visitor) == words:
            return
    raise AssertionError(f"no Tab leads to {words!r}")
