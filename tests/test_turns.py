"""The turn to write goes through a process's threads in the order in which they asked, and is never lost."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.precis import until
from webapp.turns import Turns

LONG_SECONDS = 30.0


def _waiting(turns: Turns, count: int) -> Callable[[], bool]:
    return lambda: len(turns._waiting) == count


def test_who_asked_first_is_served_first() -> None:
    turns, served = Turns(), list[int]()

    def ask(number: int) -> None:
        with turns.taken(LONG_SECONDS) as has_turn:
            assert has_turn
            served.append(number)

    with ThreadPoolExecutor(20) as pool, turns.taken(LONG_SECONDS):
        for number in range(20):
            pool.submit(ask, number)
            until(_waiting(turns, number + 1), "it waits")
    assert served == list(range(20))


@pytest.mark.parametrize("number", [1, 4])
def test_of_many_so_many_at_a_time_have_the_turn(number: int) -> None:
    turns, guard, inside, most = Turns(number), threading.Lock(), 0, 0

    def work(_: int) -> bool:
        nonlocal inside, most
        with turns.taken(LONG_SECONDS) as has_turn:
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.0005)
            with guard:
                inside -= 1
            return has_turn

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(200)))
    assert most == number


def test_who_has_waited_too_long_leaves_the_line_to_the_others() -> None:
    turns = Turns()
    with turns.taken(LONG_SECONDS):
        with turns.taken(0.01) as has_turn:
            assert not has_turn
        assert not turns._waiting
    with turns.taken(0.0) as has_turn:
        assert has_turn


def test_turn_goes_on_after_an_error() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.taken(LONG_SECONDS):
        raise ZeroDivisionError
    with turns.taken(0.0) as has_turn:
        assert has_turn


def test_none_is_lost_between_those_who_give_up_and_those_who_are_given_it() -> None:
    """Waits end at the very moment at which the turn is passed on, again and again."""
    turns, stopping = Turns(), threading.Event()

    def hurry() -> None:
        while not stopping.is_set():
            with turns.taken(0.0005) as has_turn:
                if has_turn:
                    time.sleep(0.0005)

    threads = [threading.Thread(target=hurry) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    stopping.set()
    for thread in threads:
        thread.join()
    with turns.taken(0.0) as has_turn:
        assert has_turn
