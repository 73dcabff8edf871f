"""A prompt that is saved in one process is what all others ask by, from their next request on."""

from contextlib import closing
from pathlib import Path

from tests.browser.conftest import scripted_environ
from tests.conftest import ARTICLE
from tests.support.model_server import ModelServer
from tests.support.precis import Precis
from tests.support.visitor import Visitor

TASK = "Write one limerick that tells what the document says."


def test_a_save_in_one_process_is_seen_by_the_next_request_of_another(
    tmp_path: Path, model_server: ModelServer
) -> None:
    with Precis(tmp_path, scripted_environ(model_server)) as precis:
        account, there = precis.add_member("Alice", "admin"), precis.also_serve()
        with closing(Visitor(precis.address, account)) as alice, closing(Visitor(there, account)) as other:
            document_id = alice.save("Skerrymore", ARTICLE)
            for visitor in (alice, other):  # both know the prompts as they are
                visitor.pages_until(document_id, "complete")
            for edition, task in enumerate((TASK, f"{TASK} In French.")):
                save(alice, task, edition)
                assert "made by another prompt" in other.page(document_id)
                other.pages_until(document_id, "complete")
                assert task in model_server.requests[-1].prompt
        assert model_server.calls == 3


def save(visitor: Visitor, task: str, edition: int) -> None:
    form = {"csrf_token": visitor.token, "task": task, "edition": str(edition)}
    assert visitor.client.post("/prompts/key-points", data=form).status_code == 303
