"""Rows 1 and 2: the page of a document that has its summary, signed in, against the same server with a constant answer."""

import asyncio

from tests.bench import library
from tests.bench.constant import constant
from tests.bench.house import precis
from tests.bench.load import Load, load, request
from tests.bench.model import Model
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Person
from tests.support.precis import Precis

DOCUMENTS = 50
RUNS = 5
CONNECTIONS = 32
SECONDS, WARM_UP_SECONDS = 4.0, 2.0
PATH = f"/documents/{DOCUMENTS // 2}"


def measure() -> list[Line]:
    """Whole pages."""
    runs = _runs(is_unchanged=False)
    return [
        Line(1, f"Warm page of a document, {CONNECTIONS} connections", [Run(page.rate, limit.rate) for page, limit in runs],
             "a second", Reach(0.6, at_least=True)),
        Line(1, "its p99, against its p50", [Run(page.p99, page.p50) for page, _ in runs], "ms", Reach(4.0)),
    ]  # fmt: skip


def measure_unchanged() -> list[Line]:
    """The same page for browsers that have it already."""
    runs = _runs(is_unchanged=True)
    return [
        Line(2, "The same page, unchanged (304)", [Run(page.rate, limit.rate) for page, limit in runs],
             "a second", Reach(0.8, at_least=True)),
    ]  # fmt: skip


def _runs(*, is_unchanged: bool) -> list[tuple[Load, Load]]:
    """The page and the constant answer, in turns."""
    with Model() as model, precis(model.settings, finished=DOCUMENTS) as house:
        headers, status = asyncio.run(_visit(house, is_unchanged))
        page = _loaded(house.port, headers, WARM_UP_SECONDS)
        assert set(page.statuses) == {status}, page.statuses
        with constant(house, page.answer_bytes) as port:
            _loaded(port, headers, WARM_UP_SECONDS)
            return [
                (_loaded(house.port, headers, SECONDS), _loaded(port, headers, SECONDS)) for _ in range(RUNS)
            ]


def _loaded(port: int, headers: dict[str, str], seconds: float) -> Load:
    return load(port, request(PATH, headers), connections=CONNECTIONS, seconds=seconds)


async def _visit(house: Precis, is_unchanged: bool) -> tuple[dict[str, str], str]:
    """What a browser sends with each request from then on, and the status that comes."""
    person = await Person.sign_in(house.port, library.EMAIL, library.PASSWORD)
    headers = {"Cookie": person.cookie, "Accept": "text/html", "Accept-Encoding": "gzip, deflate, br"}
    answer = await (await person.connect()).get(PATH)
    assert answer.status == 200 and 'data-status="complete"' in answer.text, answer
    if not is_unchanged:
        return headers, "200"
    packed = await (await person.connect()).ask("GET", PATH, headers=headers)
    return {**headers, "If-None-Match": packed.headers.get("etag", '"none"')}, "304"
