"""The team's prompts in a browser: edited, tried on a document while somebody looks on, saved, and seen on its page."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visit, scripted_environ
from tests.browser.test_attacker import ATTACK, SOURCE, STRANGE
from tests.conftest import ARTICLE
from tests.support.accessibility import obstacles
from tests.support.answers import Answers, told
from tests.support.chromium import PHONE, Visitor
from tests.support.model_server import SUMMARY, ModelServer, Script
from tests.support.precis import Account, Precis, until

pytestmark = pytest.mark.browser
TASK = "Write two bullets for the ship’s cook:\n- What there is to eat.\n- Who will eat it."
HEAD, REST = "- The soup on the rock was cold", ", and the lamp was warm.\n- Ada Lovelace ate it."
PAGE = "/prompts/key-points"


@pytest.fixture(scope="module")
def says() -> Answers:
    return Answers()


@pytest.fixture(scope="module")
def precis(chromium: Browser, says: Answers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    """One of its own, as a saved prompt is everybody's."""
    with (
        ModelServer(says) as model,
        Precis(tmp_path_factory.mktemp("prompts"), scripted_environ(model)) as it,
    ):
        yield it


@pytest.fixture(scope="module")
def ada(precis: Precis) -> Account:
    return precis.add_member("Ada", "admin")


@pytest.fixture
def admin(visit: Visit, precis: Precis, ada: Account) -> Visitor:
    return visit(precis.address, ada)


def try_it(visitor: Visitor, task: str) -> None:
    """On the newest document."""
    visitor.open(PAGE)
    visitor.page.get_by_label("What to write").fill(task)
    visitor.press("Try it")
    visitor.page.wait_for_url(re.compile(r"/tryouts/\d+#tried$"))


def is_tried(visitor: Visitor, status: str = "complete") -> None:
    visitor.finds(visitor.page.locator(f'.tried section[data-status="{status}"]'))


def test_a_prompt_is_tried_live_saved_and_seen_on_the_page(admin: Visitor, says: Answers) -> None:
    path = admin.write("Cooked", ARTICLE)
    admin.sees("complete", words=SUMMARY.splitlines()[0].removeprefix("- "))
    gate = says.gate()
    says.give("Cooked", told(HEAD, gate, REST))
    try_it(admin, TASK)
    admin.mark()
    admin.finds(admin.page.locator(".summary__words", has_text="The soup on the rock was cold"))
    assert admin.page.locator(".tried__one").last.inner_text().count("Charles Babbage") == 1
    gate.set()
    is_tried(admin)
    assert admin.is_marked, "the words came into the page that was there"
    assert admin.page.locator(".tried [hx-trigger]").count() == 0
    assert admin.page.get_by_label("What to write").input_value() == TASK
    says.give("Cooked", Script.status(500))  # nobody is asked again
    admin.press("Save for everybody")
    admin.finds(admin.page.get_by_text("saved by Ada just now"))
    admin.open(path)
    admin.sees("complete", words="The soup on the rock was cold, and the lamp was warm.")
    admin.page.get_by_text("How it was made").click()
    admin.page.get_by_role("link", name=re.compile("^the team’s, of .* by Ada$")).click()
    assert admin.page.url.endswith(PAGE)


def test_without_scripts_it_is_tried_and_saved_too(
    visit: Visit, precis: Precis, ada: Account, says: Answers
) -> None:
    plain = visit(precis.address, ada, java_script_enabled=False)
    plain.write("Plain", ARTICLE)
    gate = says.gate()
    says.give("Plain", told(HEAD, gate, REST))
    try_it(plain, f"{TASK} Plainly.")
    gate.set()

    def is_there() -> bool:
        if plain.page.locator('.tried section[data-status="complete"]').count():
            return True
        plain.page.get_by_role("link", name="Check again").click()
        return False

    until(is_there, "the try-out is done by Check again")
    assert "The soup" in plain.page.locator(".tried__text").first.inner_text()
    plain.press("Save for everybody")
    assert plain.page.get_by_label("What to write").input_value() == f"{TASK} Plainly."
    plain.press("Back to the built-in prompt")
    plain.finds(plain.page.get_by_text("The built-in prompt is in use now."))


def test_it_can_be_done_by_the_keyboard_alone(admin: Visitor) -> None:
    admin.write("Keys", ARTICLE)
    admin.open(PAGE)
    admin.page.get_by_label("What to write").focus()
    admin.page.keyboard.press("Control+A")
    admin.page.keyboard.type("Say it in the words of a keyboard.")
    for label in ("On which document", "Or another one"):
        admin.page.keyboard.press("Tab")
        assert admin.page.get_by_label(label).evaluate("field => field === document.activeElement")
    admin.page.keyboard.press("Tab")
    admin.page.keyboard.press("Enter")
    is_tried(admin)


def test_enter_in_the_field_of_the_document_tries_and_saves_nothing(admin: Visitor) -> None:
    """A form's first button is the one that Enter presses."""
    admin.write("Entered", ARTICLE)
    admin.open(PAGE)
    admin.page.get_by_label("What to write").fill("Say it in the words of somebody in a hurry.")
    admin.page.get_by_label("Or another one").fill("Entered")
    admin.page.keyboard.press("Enter")
    admin.page.wait_for_url(re.compile(r"/tryouts/\d+#tried$"))
    is_tried(admin)


def test_a_model_that_attacks_whoever_tries_it_shows_text(admin: Visitor, says: Answers) -> None:
    admin.write("Attacked", SOURCE)
    says.give("Attacked", Script.words(ATTACK))
    evil = f"<script>alert(1)</script><img src=x onerror=alert(2)></textarea><b>{TASK}</b>"
    try_it(admin, evil)
    is_tried(admin)
    assert "marker-21" in admin.page.locator(".tried__text").first.inner_text()
    assert admin.page.evaluate(STRANGE.replace(".summary__text", ".tried__text")) == []
    assert admin.page.get_by_label("What to write").input_value() == evil
    admin.press("Save for everybody")
    admin.page.get_by_text("Read it").first.click()
    assert admin.page.locator(".prompt__text").first.inner_text() == evil
    assert admin.page.locator("main :is(script, img, b)").count() == 0


def tried(visitor: Visitor) -> None:
    visitor.write("Tried", ARTICLE)
    try_it(visitor, f"{TASK} To be looked at.")
    is_tried(visitor)


def refused(visitor: Visitor) -> None:
    visitor.expects("422")
    visitor.open(PAGE)
    visitor.page.get_by_label("What to write").fill("Short.")
    visitor.page.get_by_label("Or another one").fill("Atlantis")
    visitor.press("Try it")
    visitor.page.get_by_role("alert").first.wait_for()


def overtaken(visitor: Visitor) -> None:
    visitor.expects("409")
    visitor.open(PAGE)
    visitor.page.locator('[name="edition"]').first.evaluate("field => field.value = 0")
    visitor.page.get_by_label("What to write").fill(f"{TASK} Too late.")
    visitor.press("Save for everybody")
    visitor.page.get_by_role("alert").wait_for()


@pytest.mark.parametrize("come", [tried, refused, overtaken, lambda visitor: visitor.open("/prompts")])
def test_the_pages_stand_in_nobodys_way(admin: Visitor, come: Callable[[Visitor], None]) -> None:
    admin.open(PAGE)
    admin.page.get_by_label("What to write").fill(f"{TASK} {come}"[:300])
    admin.press("Save for everybody")
    come(admin)
    assert obstacles(admin) == []


def test_on_a_phone_both_summaries_stand_below_each_other(visit: Visit, precis: Precis, ada: Account) -> None:
    phone = visit(precis.address, ada, viewport=PHONE)
    tried(phone)
    first, second = (box.bounding_box() for box in phone.page.locator(".tried__one").all())
    assert first and second
    assert first["x"] == second["x"] and second["y"] >= first["y"] + first["height"]
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
