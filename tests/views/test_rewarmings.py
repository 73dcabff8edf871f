"""The page on which admins have the library's summaries made anew."""

from collections.abc import Callable

import pytest

from tasks.upkeep import hint_now
from tests.conftest import ARTICLE, PASSWORD, MakeApp, add_member, llm_environ, staff
from tests.support.browser import Browser
from tests.support.model_server import ModelServer
from tests.support.worker import work
from webapp.extensions import db, transaction
from webapp.models import Document, Presence, Rewarming, Role

Open = Callable[..., Browser]
START = 'form[method="post"][action="/rewarm"]'


@pytest.fixture
def admin(make_app: MakeApp, model_server: ModelServer) -> Open:
    """Alice's browser, at a library of summaries by `old` and `older`. Its settings say `new`, or what is given."""

    def start(**environ: str) -> Browser:
        make = {**llm_environ(model_server), "PRECIS_LLM_CONCURRENCY": "1"}
        make_app(**{**make, "PRECIS_MODEL": "old"})
        alice = add_member("Alice", Role.ADMIN)
        alice.documents.add(title="One", text=f"{ARTICLE} One.")
        alice.documents.add(title="Two", text=f"{ARTICLE} Two.")
        work()
        make_app(**{**make, "PRECIS_MODEL": "older"})
        alice.documents.add(title="Three", text=f"{ARTICLE} Three.")
        work()
        app = make_app(**{**make, "PRECIS_MODEL": "new", **environ})
        staff()
        browser = Browser(app)
        return browser.sign_in(alice.email, PASSWORD)

    return start


def rows(browser: Browser) -> list[list[str]]:
    """The table of what there is, cell by cell, without the prompt's version."""
    found = browser.find("table.makings tbody tr")
    return [[" ".join(cell.text_content().split()) for cell in (row[0], row[2])] for row in found]


def run() -> None:
    for _ in range(10):
        hint_now()
        work()


def test_everything_is_chosen_and_told_before_anything_begins(admin: Open) -> None:
    browser = admin(PRECIS_PRICE_IN="1", PRECIS_PRICE_OUT="2", PRECIS_CURRENCY="EUR").open("/rewarm")
    assert rows(browser) == [["old", "2"], ["older", "1"]]
    assert len(browser.find("table.makings input[checked]")) == 2
    assert browser.text("#rewarm-told") == "3 summaries by new"
    told = browser.text("dl.rewarm__estimate")
    assert "Calls of the model3" in told and "Moneyabout 0.01 EUR" in told and "Timenot known" in told
    assert Rewarming.current() is None


def test_choice_is_an_address_and_what_is_begun_is_the_choice(admin: Open) -> None:
    browser = admin().open("/rewarm")
    old = browser.find("table.makings input[type=checkbox]")[0].get("value")
    browser.open("/rewarm", query_string={"chosen": "1", "made-with": old})
    assert browser.text("#rewarm-told") == "2 summaries by new"
    browser.submit(START)
    assert browser.path == "/rewarm"
    current = Rewarming.current()
    assert current and (current.chosen, current.makings, current.started_by) == (2, [old], "Alice")


def test_nothing_chosen_begins_nothing(admin: Open) -> None:
    browser = admin().open("/rewarm?chosen=1")
    assert browser.text("#rewarm-told") == "Nothing is chosen."
    assert not browser.find(START)
    browser.post("/rewarm", chosen="1")
    assert Rewarming.current() is None
    assert "Nothing is left" in browser.open("/rewarm").text("main")


def test_it_is_followed_paused_continued_and_done(admin: Open) -> None:
    browser = admin().open("/rewarm").submit(START)
    assert browser.text("label[for=rewarm-progress]") == "0 of 3 made anew"
    assert browser.one("#rewarmings-poll") is not None
    assert browser.find('noscript meta[http-equiv="refresh"]')
    assert not browser.find(START)
    hint_now()
    work()
    browser.submit('form:has(input[value="paused"])')
    assert browser.text("#rewarm-status") == "Paused"
    run()
    assert browser.open("/rewarm").text("label[for=rewarm-progress]") == "1 of 3 made anew"
    browser.submit('form:has(input[value="running"])')
    assert browser.text("#rewarm-status") == "Making summaries"
    run()
    browser.open("/rewarm")
    assert rows(browser) == [["new as today", "3"]]
    assert not browser.find("#rewarmings-poll")
    assert "Finished: 3 of 3 done." in browser.text(".rewarm__past")


def test_stopped_one_is_over(admin: Open) -> None:
    browser = admin().open("/rewarm").submit(START).submit('form:has(input[value="stopped"])')
    assert "Stopped: 0 of 3 done." in browser.text(".rewarm__past")
    assert browser.find(START)


def test_poll_answers_nothing_while_nothing_is_new(admin: Open) -> None:
    browser = admin().open("/rewarm").submit(START)
    poll = browser.one("#rewarmings-poll").get("hx-get")
    assert browser.fragment(poll).status == 204
    hint_now()
    work()
    hint_now()
    browser.fragment(poll)
    assert browser.status == 200
    assert browser.text("label[for=rewarm-progress]") == "1 of 3 made anew"


def test_second_one_is_refused_and_leads_to_the_first(admin: Open) -> None:
    browser = admin().open("/rewarm").submit(START)
    browser.post("/rewarm")
    assert "under way already" in browser.open("/rewarm").text("main")
    assert [current.chosen for current in db.session.query(Rewarming)] == [3]


def test_it_says_what_holds_it_up(admin: Open) -> None:
    browser = admin().open("/rewarm").submit(START)
    with transaction():
        db.session.execute(db.delete(Presence))
    browser.open("/rewarm")
    assert browser.text("#rewarm-status") == "Held up"
    assert "No worker is running" in browser.text("#rewarmings")


def test_unknown_state_and_unknown_one_are_refused(admin: Open) -> None:
    browser = admin().open("/rewarm").submit(START)
    current = Rewarming.current()
    assert current
    assert browser.post(f"/rewarm/{current.id}", state="finished").status == 400
    assert browser.post("/rewarm/999", state="paused").status == 404


def test_embedded_engine_tells_that_sentences_take_the_place_of_what_a_model_wrote(admin: Open) -> None:
    browser = admin(PRECIS_ENGINE="extract").open("/rewarm")
    assert browser.text("#rewarm-told") == "3 summaries by the embedded engine"
    assert "selected sentences take its place" in browser.text("#rewarmings")
    assert "Tokens" not in browser.text("#rewarmings")


def test_off_is_off(admin: Open) -> None:
    browser = admin(PRECIS_SUMMARIES="off").open("/rewarm")
    assert "turned off" in browser.text("#rewarmings")
    assert browser.post("/rewarm").status == 404


def test_document_says_what_its_summary_was_made_with(admin: Open) -> None:
    browser = admin()
    document_id = db.session.scalars(db.select(Document.id)).first()
    browser.open(f"/documents/{document_id}")
    assert "This summary was made with old. Another one is on its way." in browser.text(".summary__version")
    assert browser.text(".summary__origin") == "not the present model"
    work()
    assert not browser.open(f"/documents/{document_id}").find(".summary__origin")


def test_admins_find_it_and_others_do_not(admin: Open) -> None:
    browser = admin()
    assert browser.open("/").find('a[href="/rewarm"]')
    add_member("Eve", Role.EDITOR)
    editor = Browser(browser.client.application)
    assert not editor.sign_in("eve@example.org", PASSWORD).open("/").find('a[href="/rewarm"]')
    assert editor.client.get("/rewarm").status_code == 403


def test_metrics_tell_how_it_goes(admin: Open) -> None:
    browser = admin()
    told = browser.client.get("/metrics").text
    assert 'precis_rewarming{outcome="left"} 0.0' in told
    assert 'precis_summaries{status="complete"} 3.0' in told
    browser.open("/rewarm").submit(START)
    assert 'precis_rewarming{outcome="left"} 3.0' in browser.client.get("/metrics").text
