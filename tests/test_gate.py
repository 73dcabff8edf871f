"""In which order requests begin: among greenlets of this process."""

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from webapp.processes import gate
from webapp.processes.gate import Gate

Greenlet = Any  # gevent has not typed it for one without a value


@pytest.fixture
def order() -> list[str]:
    """Who was let in, in this order."""
    return []


@pytest.fixture
def comes(order: list[str]) -> Iterator[Callable[..., Greenlet]]:
    """Somebody who comes, and may do something once let in."""
    ours, everybody = Gate(), list[Greenlet]()

    def come(name: str, then: Callable[[], object] = lambda: None, *, is_quick: bool = False) -> Greenlet:
        def run() -> None:
            ours.pass_through(is_quick)
            order.append(name)
            then()

        everybody.append(gevent.spawn(run))
        return everybody[-1]

    yield come
    gevent.killall(everybody)


def test_who_came_first_begins_first(comes: Callable[..., Greenlet], order: list[str]) -> None:
    gevent.joinall([comes(name) for name in "abcd"], timeout=10, raise_error=True)
    assert order == ["a", "b", "c", "d"]


def test_who_was_given_a_kept_page_goes_before_a_crowd(
    comes: Callable[..., Greenlet], order: list[str]
) -> None:
    crowd = [comes(f"crowd {number}") for number in range(50)]
    quick = comes("quick", is_quick=True)
    gevent.joinall([*crowd, quick], timeout=10, raise_error=True)
    assert order.index("quick") <= 1, "one of them may have begun"
    assert len(order) == 51


def test_who_comes_while_somebody_is_served_is_seen_before_the_next_begins(
    comes: Callable[..., Greenlet], order: list[str]
) -> None:
    came: list[Greenlet] = []

    def serve() -> None:
        came.append(comes("quick", is_quick=True))
        gevent.sleep(0)

    crowd = [comes("first", serve), *[comes(f"crowd {number}") for number in range(50)]]
    gevent.joinall(crowd, timeout=10, raise_error=True)
    gevent.joinall(came, timeout=10, raise_error=True)
    assert order.index("quick") <= 2


def test_who_has_waited_long_is_let_in_every_other_time(
    comes: Callable[..., Greenlet], order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE_SECONDS", -1.0)
    everybody = [comes(f"other {number}") for number in range(3)]
    everybody += [comes(f"quick {number}", is_quick=True) for number in range(6)]
    gevent.joinall(everybody, timeout=10, raise_error=True)
    assert [name.split()[0] for name in order[:6]].count("other") == 3


def test_who_is_told_to_end_while_waiting_holds_nobody_up(
    comes: Callable[..., Greenlet], order: list[str]
) -> None:
    everybody: list[Greenlet] = []
    everybody += [comes("first", lambda: gevent.kill(everybody[1])), comes("second"), comes("third")]
    gevent.joinall(everybody, timeout=10)
    assert order == ["first", "third"]
