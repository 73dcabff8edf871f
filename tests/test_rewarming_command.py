"""`precis rewarm`: what it says, what it asks, and what it begins."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.conftest import ARTICLE, add_member
from tests.support.valkey import Valkey
from webapp import create_app
from webapp.cli import cli
from webapp.config import Settings
from webapp.extensions import db, transaction
from webapp.models import Presence, Rewarming, Summary
from webapp.processes.migrating import migrate

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `precis rewarm` on a library of three documents, each with its summary by the model `old`."""
    valkey.flush()
    environ = {"PRECIS_DATA": str(tmp_path), "REDIS_URL": valkey.url, "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
               "PRECIS_MODEL": "new", "SECRET_KEY": "for tests only"}  # fmt: skip
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    app = create_app(Settings.load(environ))
    migrate(app)
    with app.app_context():
        fill()

        def rewarm(*words: str, **options: str) -> Result:
            db.session.remove()
            with monkeypatch.context() as patch:
                patch.setattr("webapp.rewarming_command._is_at_a_terminal", lambda: "input" in options)
                return CliRunner().invoke(cli, ["rewarm", *words], **options)  # type: ignore[arg-type]

        yield rewarm
        db.session.remove()
        db.engine.dispose()


def fill() -> None:
    alice = add_member("Alice", "admin")
    for number in range(3):
        alice.documents.add(title="t", text=f"{ARTICLE} {number}.")
    with transaction():
        db.session.execute(
            db.update(Summary).values(status="complete", text="- x", finish_reason="stop", model="old",
                                      recipe_hash="o" * 64, base_hash="o" * 64))  # fmt: skip
        db.session.execute(
            db.text("UPDATE documents SET shown_summary_id = summary_id, summary_status = 'complete'")
        )


def begun() -> int:
    db.session.remove()
    return db.session.query(Rewarming).count()


def test_without_a_terminal_it_tells_the_estimate_and_begins_nothing(run: Run) -> None:
    done = run()
    assert done.exit_code == 2
    assert "Documents  3" in done.output
    assert re.search(r"Tokens     about [\d,]+ read, 900 written", done.output)
    assert "no prices are set" in done.output
    assert "Add --yes" in done.output
    assert begun() == 0


def test_yes_begins_one_and_says_that_nobody_is_at_work(run: Run) -> None:
    done = run("--yes")
    assert done.exit_code == 0, done.output
    assert "Begun: 3 documents." in done.output
    assert "No worker is alive" in done.output
    assert begun() == 1


def test_a_living_worker_is_not_missed(run: Run) -> None:
    with transaction():
        db.session.add(Presence(token="a", lane="warm", pid=1, seen_at=4e9))
    assert "No worker" not in run("--yes").output


@pytest.mark.parametrize(("answer", "number"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_at_a_terminal_it_asks(run: Run, answer: str, number: int) -> None:
    done = run(input=answer)
    assert "Begin? [y/N]" in done.output
    assert begun() == number


def test_dry_run_begins_nothing_whatever_else_is_said(run: Run) -> None:
    done = run("--dry-run", "--yes")
    assert (done.exit_code, begun()) == (0, 0)
    assert "Documents  3" in done.output


def test_unknown_choice_is_told_what_there_is(run: Run) -> None:
    done = run("--made-with", "openai:older", "--yes")
    assert done.exit_code == 1
    assert re.search(r"Nothing was made with openai:older\. There is: openai:old:\S+ \(3\)\.", done.output)
    assert begun() == 0


def test_choices_are_given_one_by_one_or_by_commas(run: Run) -> None:
    assert "Documents  3" in run("--made-with", "openai:old, openai", "--dry-run").output
    assert "Documents  3" in run("--made-with", "openai", "--made-with", "openai:old", "--dry-run").output


def test_it_is_paused_resumed_and_stopped(run: Run) -> None:
    assert run("--pause").exit_code == 1
    assert "No rewarming is under way." in run("--status").output
    run("--yes")
    assert "Running: 0 of 3 done." in run("--status").output
    assert "Paused: 0 of 3 done." in run("--pause").output
    assert "Running: 0 of 3 done." in run("--resume").output
    stopped = run("--stop")
    assert stopped.exit_code == 0
    assert "The last one: Stopped: 0 of 3 done." in stopped.output


def test_second_one_is_refused(run: Run) -> None:
    run("--yes")
    with transaction():
        db.session.execute(db.text("UPDATE documents SET summary_status = 'complete'"))
    done = run("--yes")
    assert (done.exit_code, begun()) == (1, 1)
    assert "under way already" in done.output


def test_nothing_to_do_is_no_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction():
        db.session.execute(db.text("UPDATE documents SET shown_summary_id = NULL"))
    done = run("--yes")
    assert (done.exit_code, begun()) == (0, 0)
    assert "Nothing is to be done" in done.output
    monkeypatch.setenv("PRECIS_SUMMARIES", "off")
    assert "turned off" in run("--yes").output
