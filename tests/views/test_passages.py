"""From the sentences of a summary to the passages of the text, and how the summary came to be."""

import pytest
from flask import Flask
from sqlalchemy import update

from tests.conftest import ARTICLE, PASSWORD, MakeApp, add_member, llm_environ, staff
from tests.support.browser import Browser
from tests.support.model_server import ModelServer, Script
from tests.support.worker import work
from webapp.extensions import cache, db, transaction
from webapp.models import Member, Role, Summary
from webapp.models import passages as search
from webapp.models.passages import Passages

FIRST = next(line for line in ARTICLE.split("\n") if len(line) > 100)
KNOWN = FIRST.split(". ")[0] + "."
FOREIGN = "Seventeen purple elephants sang opera to bewildered dentists in Madagascar."
SAID = f"- {KNOWN}\n- {FOREIGN}\n- So it is."


@pytest.fixture
def app(llm_app: Flask, model_server: ModelServer) -> Flask:
    model_server.script(Script.words(SAID))
    staff()
    return llm_app


@pytest.fixture
def alice(app: Flask) -> Member:
    return add_member("Alice", Role.ADMIN)


@pytest.fixture
def document_id(alice: Member) -> int:
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    work()
    return document_id


def links(browser: Browser) -> list[str]:
    return [link.get("href") for link in browser.find(".summary__text a.passage-link")]


def facts(browser: Browser) -> dict[str, str]:
    rows = browser.find(".provenance dl > div")
    return {row.find("dt").text_content(): row.find("dd").text_content() for row in rows}


def test_a_sentence_leads_to_a_block_of_the_text_and_another_says_that_there_is_none(
    browser: Browser, document_id: int
) -> None:
    browser.open(f"/documents/{document_id}")
    known, foreign, short = (line.text_content() for line in browser.find(".summary__text li"))
    assert known.startswith(KNOWN + " 1")
    assert foreign == f"{FOREIGN} no passage found"
    assert short == "So it is."
    address, _, anchor = links(browser)[0].partition("#")
    assert address == f"/documents/{document_id}"
    assert KNOWN in " ".join(browser.one(f'[id="{anchor}"]').text_content().split())
    link = browser.find("a.passage-link")[0]
    assert link.get("aria-label").startswith("Passage 1: “" + KNOWN[:10])
    assert link.get("data-quote") == KNOWN
    start, end = map(int, link.get("data-passage").split("-"))
    assert ARTICLE[start:end] == KNOWN
    assert "linked passages" in browser.text(".summary__key")
    assert "verified" not in browser.text("section[data-status]").lower()


def test_numbers_are_spoken_of_only_where_there_is_one(
    browser: Browser, alice: Member, model_server: ModelServer, document_id: int
) -> None:
    assert browser.open(f"/documents/{document_id}").find(".summary__key")
    model_server.script(Script.words("- Zebras grazed beneath the northern railway bridges."))
    other = alice.documents.add(title="Other", text=ARTICLE + " Other.").id
    work()
    assert browser.open(f"/documents/{other}").find(".passages--none")
    assert not browser.find(".summary__key")


def test_links_of_another_style_keep_it(browser: Browser, document_id: int) -> None:
    browser.open(f"/documents/{document_id}?style=brief")
    work()
    browser.open(f"/documents/{document_id}?style=brief")
    assert links(browser)[0].startswith(f"/documents/{document_id}?style=brief#p-")


def test_a_passage_in_another_part_is_led_to_there(browser: Browser, alice: Member) -> None:
    text = (
        "\n\n".join(f"Filler number {n} says little of note to anybody." for n in range(4_000))
        + "\n\n"
        + FIRST
    )
    document_id = alice.documents.add(title="Long", text=text).id
    work()
    address, _, anchor = links(browser.open(f"/documents/{document_id}"))[0].partition("#")
    assert "?part=" in address
    assert not browser.find(f'[id="{anchor}"]')
    assert KNOWN in " ".join(browser.open(address).one(f'[id="{anchor}"]').text_content().split())


def test_selected_sentences_lead_to_where_they_stand(make_app: MakeApp, alice: Member) -> None:
    browser = Browser(make_app())
    browser.sign_in(alice.email, PASSWORD)
    document_id = alice.documents.add(
        title="Skerrymore", text="# A heading\n\n" + ARTICLE, format="markdown"
    ).id
    work()
    for style in ("brief", "key-points", "detailed"):
        browser.open(f"/documents/{document_id}?style={style}")
        work()
        lines = browser.open(f"/documents/{document_id}?style={style}").find(".summary__text li")
        assert lines and all(len(line.cssselect("a.passage-link")) == 1 for line in lines), style


def test_the_cache_holds_the_links(
    browser: Browser, document_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Passages, "read", None)
    assert links(browser.open(f"/documents/{document_id}"))


def test_an_emptied_cache_is_filled_with_the_links_again(browser: Browser, document_id: int) -> None:
    before = links(browser.open(f"/documents/{document_id}"))
    cache.clear()
    assert links(browser.open(f"/documents/{document_id}")) == before != []


def test_an_earlier_summary_has_no_links(browser: Browser, document_id: int, alice: Member) -> None:
    document = alice.documents.get_or_404(document_id)
    document.revise(alice, title="Skerrymore", text=ARTICLE.replace("Skerrymore", "Eilean Ban"))
    assert browser.open(f"/documents/{document_id}").find("[data-stale]")
    assert KNOWN in browser.text(".summary__text") and not browser.find(".passages, .summary__key")


def test_a_change_of_blanks_keeps_the_summary_and_drops_its_links(
    browser: Browser, document_id: int, alice: Member, model_server: ModelServer
) -> None:
    """Each offset behind them is another one."""
    document = alice.documents.get_or_404(document_id)
    document.revise(alice, title="Skerrymore", text="\n" + ARTICLE.replace("\n", "  \n"))
    browser.open(f"/documents/{document_id}")
    assert browser.one("section[data-status]").get("data-status") == "complete"
    assert KNOWN in browser.text(".summary__text") and not browser.find(".passages, .summary__key")
    assert model_server.calls == 1


def test_a_new_title_keeps_the_links(browser: Browser, document_id: int, alice: Member) -> None:
    alice.documents.get_or_404(document_id).revise(alice, title="Another", text=ARTICLE)
    assert links(browser.open(f"/documents/{document_id}"))


def test_a_search_that_fails_costs_the_links_and_nothing_else(
    browser: Browser, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no index")

    monkeypatch.setattr(search, "ground", fail)
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    work()
    browser.open(f"/documents/{document_id}")
    assert browser.one("section[data-status]").get("data-status") == "complete"
    assert not browser.find(".passages, .summary__key")


def test_what_another_method_found_is_not_shown(browser: Browser, document_id: int) -> None:
    cache.clear()
    with transaction():
        db.session.execute(update(Summary).values(grounding='{"method":0,"found":[],"places":{}}'))
    assert not browser.open(f"/documents/{document_id}").find(".passages, .summary__key")


def test_a_hostile_document_gets_no_markup_into_its_links(
    browser: Browser, alice: Member, model_server: ModelServer
) -> None:
    evil = 'The keeper "Ada" wrote <img src=x onerror=alert(1)> & \'quoted\' " onclick="alert(1) in her long journal.'
    model_server.script(Script.words(f"- {evil}"))
    document_id = alice.documents.add(title="Evil", text=f"{evil}\n\n{ARTICLE}").id
    work()
    browser.open(f"/documents/{document_id}")
    link = browser.find("a.passage-link")[0]
    assert set(link.attrib) == {"class", "href", "data-passage", "data-quote", "aria-label"}
    assert link.get("data-quote") == " ".join(evil.split())
    assert not browser.find(".summary__text img, .summary__text [onclick]")


# --- how it was made


def test_the_foot_tells_how_the_summary_was_made(browser: Browser, document_id: int) -> None:
    told = facts(browser.open(f"/documents/{document_id}"))
    assert {"Engine": "a model server", "Model": "scripted", "Style": "Key points",
            "Language": "the document’s own", "Of version": "1"}.items() <= told.items()  # fmt: skip
    summary = db.session.query(Summary).one()
    assert told["Prompt"] == f"built in, {summary.prompt_version}"
    assert (told["Tokens read"], told["Tokens written"]) == (
        f"{summary.tokens_in:,}",
        f"{summary.tokens_out:,}",
    )
    assert {"Took", "Finished"} <= set(told) and "Cost" not in told


def test_with_prices_the_foot_tells_the_cost(
    make_app: MakeApp, alice: Member, model_server: ModelServer
) -> None:
    prices = {"PRECIS_PRICE_IN": "2", "PRECIS_PRICE_OUT": "10", "PRECIS_CURRENCY": "EUR"}
    browser = Browser(make_app(**llm_environ(model_server), **prices))
    browser.sign_in(alice.email, PASSWORD)
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    work()
    with transaction():
        db.session.execute(update(Summary).values(tokens_in=1_000, tokens_out=200))
    cache.clear()
    assert facts(browser.open(f"/documents/{document_id}"))["Cost"] == "0.004 EUR"


def test_the_embedded_engine_says_that_no_model_was_asked(make_app: MakeApp, alice: Member) -> None:
    browser = Browser(make_app(PRECIS_PRICE_IN="2", PRECIS_PRICE_OUT="10"))
    browser.sign_in(alice.email, PASSWORD)
    document_id = alice.documents.add(title="Skerrymore", text=ARTICLE).id
    work()
    told = facts(browser.open(f"/documents/{document_id}"))
    assert "no model is asked" in told["Engine"]
    assert not {"Model", "Prompt", "Cost"} & set(told)
