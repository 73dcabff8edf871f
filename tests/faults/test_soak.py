"""A hundred kills while people work. `make soak` is the same with a thousand."""

import os
import secrets
from pathlib import Path

import pytest

from tests.faults.history import History, broken
from tests.faults.house import House
from tests.faults.soak import MOST_CALLS, soak
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.slow
KILLS = 100


@pytest.mark.timeout(900)
def test_no_promise_is_broken_by_a_hundred_kills(tmp_path: Path) -> None:
    seed = os.environ.get("PRECIS_TEST_SEED") or secrets.token_hex(4)
    history = History(tmp_path / "history.jsonl")
    with ModelServer() as model, House(tmp_path / "precis", model) as house:
        soak(house, kills=KILLS, seed=seed, history=history)
        found = broken(history, most_calls=MOST_CALLS) + house.violations()
    assert found == [], f"PRECIS_TEST_SEED={seed}, and see {history.path}"
    assert sum(each.outcome == "ok" for each in history.operations) > KILLS
