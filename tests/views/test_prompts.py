"""The pages of the team's prompts: to read, to try, to save, and to go back."""

import pytest
from flask import Flask

from tests.conftest import ARTICLE, PASSWORD, MakeApp, add_member
from tests.support.browser import Browser
from tests.support.live import EventStream, serving, working
from tests.support.model_server import ModelServer, Script
from tests.support.worker import work
from webapp.extensions import db
from webapp.models import Document, Member, Prompt, Role, Summary, TryOut
from webapp.summarizing.engine import Style
from webapp.summarizing.prompt import DEFAULT_TASKS

TASK = "Write one limerick that tells what the document says."
OTHER_TASK = "Say in five words what the ship’s cook would tell of it."
COOKS = "The soup on the rock was cold, and the lamp was warm all night."
PAGE = "/prompts/key-points"
FORM = "form.draft"


@pytest.fixture
def app(staffed_app: Flask) -> Flask:
    return staffed_app


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.ADMIN)


def signed_in(app: Flask, member: Member) -> Browser:
    return Browser(app).sign_in(member.email, PASSWORD)


@pytest.fixture
def browser(app: Flask, alice: Member) -> Browser:
    return signed_in(app, alice)


@pytest.fixture
def eve(app: Flask) -> Browser:
    """Who edits, and is no admin."""
    return signed_in(app, add_member("Eve", Role.EDITOR))


@pytest.fixture
def document_id(alice: Member) -> int:
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    work()
    return document_id


def try_it(browser: Browser, page: str = PAGE, **typed: object) -> Browser:
    """Press "Try it", which sends the same form to another address."""
    browser.open(page)
    form = browser.one(FORM)
    data = {**dict(form.form_values()), **typed}
    action = browser.one(f"{FORM} button[formaction]").get("formaction")
    browser.response = browser.client.post(action, data=data, follow_redirects=True)
    browser.path = browser.response.request.path
    return browser


def errors(browser: Browser) -> list[str]:
    return [link.text_content() for link in browser.find('[role="alert"] a')]


def typed(browser: Browser) -> str:
    return str(browser.one("#task").text_content()).removeprefix("\n")


# --- saving


def test_the_library_leads_to_the_prompts(browser: Browser, document_id: int) -> None:
    browser.open("/")
    assert [link.get("href") for link in browser.find("a") if link.text_content() == "Prompts"] == [
        "/prompts"
    ]


def test_all_styles_are_listed_with_whose_prompt_counts(browser: Browser) -> None:
    browser.open(PAGE).submit(FORM, task=TASK)
    browser.open("/prompts")
    told = {
        row.find(".//h2").text_content(): " ".join(row.text_content().split())
        for row in browser.find("li.past")
    }
    assert list(told) == ["Brief", "Key points", "Detailed"]
    assert "The team’s own prompt" in told["Key points"] and "limerick" in told["Key points"]
    assert "Alice" in told["Key points"] and "The built-in prompt" in told["Brief"]


def test_a_page_begins_with_the_built_in_prompt(browser: Browser) -> None:
    browser.open(PAGE)
    assert typed(browser) == DEFAULT_TASKS[Style.KEY_POINTS]
    assert browser.find(".prompt__back") == [], "there is nothing to go back from"


def test_an_admin_saves_a_prompt_and_goes_back(browser: Browser) -> None:
    browser.open(PAGE).submit(FORM, task=TASK)
    assert browser.path == PAGE and typed(browser) == TASK
    assert "until it is rewarmed" in browser.text(".flash")
    assert "saved by Alice" in browser.text(".prompt__lead")
    browser.submit("form.prompt__back")
    assert typed(browser) == DEFAULT_TASKS[Style.KEY_POINTS]
    assert "brought back by Alice" in browser.text(".prompt__lead")


def test_the_built_in_prompt_that_is_sent_as_it_stands_is_no_prompt_of_the_team(browser: Browser) -> None:
    browser.open(PAGE).submit(FORM)
    assert Prompt.newest(Style.KEY_POINTS) is None
    assert "in use already" in browser.text(".flash")


def test_history_tells_who_and_when_and_brings_back_the_text(browser: Browser) -> None:
    for task in (TASK, OTHER_TASK, ""):
        browser.open(PAGE).submit(FORM, task=task)
    browser.open(PAGE)
    heads = [" ".join(head.text_content().split()) for head in browser.find(".prompt__history h3")]
    assert heads == ["Built-in prompt 3 in use", "Own prompt 2", "Own prompt 1"]
    assert [each.text_content() for each in browser.find(".prompt__history pre")][1:] == [OTHER_TASK, TASK]
    browser.open(browser.find(".prompt__history a")[-1].get("href"))
    assert typed(browser) == TASK
    browser.submit(FORM)
    assert [prompt.edition for prompt in Prompt.history(Style.KEY_POINTS)] == [4, 3, 2, 1]


@pytest.mark.parametrize(("task", "said"), [("Short.", "at least 20"), ("x" * 4_001, "at most 4,000")])
def test_what_can_not_be_saved_is_told_and_kept(browser: Browser, task: str, said: str) -> None:
    browser.open(PAGE).submit(FORM, task=task, other="Skerry")
    assert browser.status == 422
    assert said in errors(browser)[0] and browser.one("#task").get("aria-invalid") == "true"
    assert (typed(browser), browser.one("#other").get("value")) == (task, "Skerry")
    assert Prompt.newest(Style.KEY_POINTS) is None


def test_a_stale_save_shows_both_texts_and_can_be_made_on_purpose(browser: Browser, app: Flask) -> None:
    browser.open(PAGE)
    other = signed_in(app, add_member("Bob", Role.ADMIN))
    other.open(PAGE).submit(FORM, task=OTHER_TASK)
    browser.submit(FORM, task=TASK)
    assert browser.status == 409
    assert "Bob saved another prompt" in browser.text('[role="alert"]')
    assert OTHER_TASK in browser.text('[role="alert"]') and typed(browser) == TASK
    browser.submit(FORM)
    assert [prompt.task for prompt in Prompt.history(Style.KEY_POINTS)] == [TASK, OTHER_TASK]


def test_what_is_not_there_is_404(browser: Browser) -> None:
    huge = "9" * 30
    for path in ("/prompts/long", f"{PAGE}?edition=7", f"{PAGE}/tryouts/9", f"{PAGE}/tryouts/9/events",
                 f"{PAGE}?edition={huge}", f"{PAGE}/tryouts/{huge}"):  # fmt: skip
        assert browser.open(path).status == 404, path
    assert browser.post(f"{PAGE}/tryouts", task=TASK, document=huge, edition=huge).status == 422
    assert browser.post(f"{PAGE}/tryouts", task=TASK, document="7").status == 404


def test_a_prompt_in_html_is_shown_as_text(browser: Browser, document_id: int) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)> </textarea><b>Write it.</b>"
    browser.open(PAGE).submit(FORM, task=evil)
    assert typed(browser) == evil
    assert browser.find(".prompt__history pre")[0].text_content() == evil
    try_it(browser)
    browser.open("/prompts")
    assert evil in browser.text(".row__gist")
    assert not browser.find("main b, main img, main script")


# --- trying


def test_a_try_out_shows_what_it_writes_beside_the_present_summary(
    browser: Browser, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(Script.words(COOKS))
    try_it(browser, task=TASK)
    assert browser.path.startswith(f"{PAGE}/tryouts/") and typed(browser) == TASK
    assert browser.find("noscript meta[http-equiv=refresh]"), "without scripts the page loads itself again"
    work()
    browser.open(browser.path)
    tried, present = browser.find(".tried__text")
    assert COOKS in tried.text_content() and "Ada Lovelace" in present.text_content()
    assert TASK in model_server.requests[-1].body["messages"][0]["content"]
    assert not browser.find("noscript, [hx-sse\\:connect], .tried [hx-get]"), "nothing goes on"
    assert Prompt.newest(Style.KEY_POINTS) is None


def test_what_was_tried_can_be_saved_and_costs_nothing_more(
    browser: Browser, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(Script.words(COOKS))
    try_it(browser, task=TASK)
    work()
    calls = model_server.calls
    browser.open(browser.path).submit(FORM)
    browser.open(f"/documents/{document_id}")
    assert COOKS in browser.text(".summary__text")
    work()
    assert model_server.calls == calls


def test_a_save_from_a_try_out_is_as_stale_as_its_beginning(
    browser: Browser, app: Flask, document_id: int
) -> None:
    try_it(browser, task=TASK)
    signed_in(app, add_member("Bob", Role.ADMIN)).open(PAGE).submit(FORM, task=OTHER_TASK)
    browser.open(browser.path).submit(FORM)
    assert browser.status == 409


def test_an_editor_tries_and_saves_nothing(eve: Browser, document_id: int) -> None:
    try_it(eve, task=TASK)
    assert eve.status == 200 and eve.find(".tried")
    assert not eve.find(f"{FORM} button:not([formaction])")
    assert "Only admins" in eve.text(".prompt__after")


def test_a_try_out_is_seen_by_nobody_else(browser: Browser, eve: Browser, document_id: int) -> None:
    page = try_it(eve, task=TASK).path
    assert browser.open(page).status == browser.open(f"{page}/events").status == 404
    assert eve.open(page.replace("key-points", "brief")).status == 404


@pytest.mark.parametrize("words", ["2", "second light", "The Second Lighthouse"])
def test_a_document_is_found_by_its_number_or_its_title(
    browser: Browser, alice: Member, document_id: int, words: str
) -> None:
    second = alice.documents.add(title="The Second Lighthouse", text=ARTICLE)
    alice.documents.add(title="The Second Lighthouse, again", text=ARTICLE)
    assert second.id == 2
    try_it(browser, task=TASK, other=words)
    if browser.status == 422:
        assert "Several documents match" in errors(browser)[0]
        titles = [option.text_content() for option in browser.find("#document option")]
        assert titles == ["The Second Lighthouse, again", "The Second Lighthouse"]
        assert (typed(browser), browser.one("#other").get("value")) == (TASK, words)
        try_it_on(browser, "2")
    assert browser.text(".tried__title a") == "The Second Lighthouse"


def try_it_on(browser: Browser, document: str) -> None:
    data = dict(browser.one(FORM).form_values()) | {"document": document}
    action = browser.one("button[formaction]").get("formaction")
    browser.response = browser.client.post(action, data=data, follow_redirects=True)


def test_a_document_that_is_not_there_is_told_and_all_is_kept(browser: Browser, document_id: int) -> None:
    try_it(browser, task=TASK, other="Atlantis 100%")
    assert browser.status == 422
    assert errors(browser) == ["There is no document with the number or title “Atlantis 100%”."]
    assert (typed(browser), browser.one("#other").get("value")) == (TASK, "Atlantis 100%")
    assert db.session.query(TryOut).count() == 0


def test_an_older_document_stays_chosen_while_it_is_tried(
    browser: Browser, alice: Member, document_id: int
) -> None:
    for number in range(31):
        alice.documents.add(title=f"Newer {number}", text="Short.")
    try_it(browser, task=TASK, other=str(document_id))
    assert browser.one("#document option[selected]").get("value") == str(document_id)


def test_a_fourth_try_out_waits(browser: Browser, document_id: int, model_server: ModelServer) -> None:
    calls = model_server.calls
    for number in range(4):
        try_it(browser, task=f"{TASK} {number}")
    assert browser.status == 422 and "still running" in errors(browser)[0]
    assert typed(browser) == f"{TASK} 3"
    work()
    assert model_server.calls == calls + 3


def test_a_failed_try_out_says_why(browser: Browser, document_id: int, model_server: ModelServer) -> None:
    model_server.script(Script.too_long())
    page = try_it(browser, task=TASK).path
    work()
    browser.open(page)
    assert browser.one(".tried [role=status]").text_content() == "It failed"
    assert browser.find(".tried section[data-status=failed]")


def test_after_an_edit_the_try_out_says_that_it_is_void(
    browser: Browser, alice: Member, document_id: int
) -> None:
    page = try_it(browser, task=TASK).path
    alice.documents.get_or_404(document_id).revise(alice, title="t", text=f"{ARTICLE} More.")
    browser.open(page)
    assert "Try it again" in browser.text(".tried__one[data-status]")
    assert not browser.find("noscript")


def test_a_try_out_comes_word_by_word(
    app: Flask, alice: Member, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(Script.words(COOKS, first_word=0.2, every=0.02))
    browser = signed_in(app, alice)
    page = try_it(browser, task=TASK).path
    tried = db.session.query(TryOut).one()
    cookie = browser.client.get_cookie("precis")
    assert cookie
    with serving(app) as port, working(app):
        drawn = "".join(event.data for event in EventStream(port, f"{page}/events", f"precis={cookie.value}"))
    assert f'hx-target="#tryout-{tried.id}-words"' in drawn
    assert f'hx-target="#tryout-{tried.id}"' in drawn and "document-1-summary" not in drawn
    assert "The try-out is ready" in drawn.rsplit("<hx-partial", 1)[1]


def test_a_poll_answers_nothing_while_nothing_is_new(browser: Browser, document_id: int) -> None:
    page = try_it(browser, task=TASK).path
    poll = browser.one(".tried [hx-get]").get("hx-get")
    assert browser.fragment(poll).status == 204
    work()
    assert browser.fragment(poll).status == 200
    assert browser.one("section[data-status=complete]").get("id") == f"tryout-{page.rsplit('/', 1)[1]}"


# --- where no model is asked


@pytest.mark.parametrize(
    ("environ", "said"),
    [({"PRECIS_ENGINE": "extract"}, "heeds no prompt"), ({"PRECIS_SUMMARIES": "off"}, "switched off")],
)
def test_without_a_model_the_page_says_so_and_offers_no_try_out(
    make_app: MakeApp,
    alice: Member,
    model_server: ModelServer,
    document_id: int,
    environ: dict[str, str],
    said: str,
) -> None:
    app = make_app(OPENAI_BASE_URL=model_server.base_url, **environ)
    browser = signed_in(app, alice).open(PAGE)
    assert said in browser.text(".prompt__note")
    assert not browser.find("[formaction], #document")
    before = db.session.query(Summary).count()
    assert browser.post(f"{PAGE}/tryouts", task=TASK, document=str(document_id)).status == 404
    assert db.session.query(Summary).count() == before
    assert browser.open("/prompts").find(".prompt__note")


# --- on the page of a document


def test_a_document_tells_whose_prompt_its_summary_is_by(browser: Browser, document_id: int) -> None:
    browser.open(PAGE).submit(FORM, task=TASK)
    page = f"/documents/{document_id}"
    browser.open(page)
    assert "made by another prompt" in browser.text(".summary__version")
    assert "made by another prompt" in [item.text_content() for item in browser.find(".summary .facts li")]
    work()
    browser.open(page)
    fact = browser.one(".provenance dd a")
    assert fact.get("href") == PAGE
    assert fact.text_content().startswith("the team’s, of ") and fact.text_content().endswith(" by Alice")
    bob = signed_in(browser.client.application, add_member("Bob", Role.READER)).open(page)
    assert not bob.find(".provenance dd a") and "by Alice" in bob.text(".provenance")


def test_the_page_of_a_document_never_shows_what_was_only_tried(
    browser: Browser, alice: Member, document_id: int, model_server: ModelServer
) -> None:
    model_server.script(Script.words(COOKS))
    try_it(browser, task=TASK)
    work()
    alice.documents.get_or_404(document_id).revise(alice, title="t", text=f"{ARTICLE} More.")
    for path in (f"/documents/{document_id}", f"/documents/{document_id}/revisions",
                 f"/documents/{document_id}/revisions/1", f"/documents/{document_id}/markdown", "/"):  # fmt: skip
        browser.open(path)
        assert browser.response is not None and "soup" not in browser.response.text, path
    assert db.session.get_one(Document, document_id).version == 2
