"""Words in time, deadlines that hold, and nothing left behind."""

import threading
import time
from collections.abc import Callable, Generator, Iterator

import psutil
import pytest

from tests.summarizing.servers import DOCUMENT, engine_on, eventually
from tests.support.model_server import SUMMARY, Event, ModelServer, Script, chunk
from webapp.summarizing.engine import EngineFailure, FailureKind, Finished, Piece, Reset, Thinking, Words
from webapp.summarizing.pace import Batch, paced

DONE = Finished("scripted")
PINGS: list[Event] = [b": ping\n\n", 0.02] * 500


def run(pieces: Iterator[Piece], **changes: float) -> Generator[Batch, None, None]:
    seconds = {
        "first_word_seconds": 10.0,
        "silence_seconds": 10.0,
        "attempt_seconds": 20.0,
        "tick_seconds": 5.0,
    }
    return paced(pieces, **{**seconds, **changes})


def text_of(batches: list[Batch]) -> str:
    text = ""
    for batch in batches:
        text = batch.words if batch.reset else text + batch.words
    return text


def until(gate: threading.Event, *pieces: Piece) -> Iterator[Piece]:
    """The last piece waits for the gate."""
    yield from pieces[:-1]
    gate.wait(10)
    yield pieces[-1]


def test_first_words_come_at_once_and_the_rest_together() -> None:
    batches = list(run(iter([Words("a"), Words("b"), Words("c"), DONE]), flush_seconds=10.0))
    assert batches == [Batch("a"), Batch("bc", finished=DONE)]


def test_words_are_not_kept_until_the_next_ones_come() -> None:
    gate = threading.Event()
    batches = run(until(gate, Words("a"), Words("b"), DONE))
    assert next(batches) == Batch("a")
    assert next(batches) == Batch("b")
    gate.set()
    assert next(batches) == Batch(finished=DONE)
    assert list(batches) == []


def test_first_words_may_wait_for_those_behind_them() -> None:
    gate = threading.Event()
    batches = run(until(gate, Words("a"), Words("b"), DONE), first_flush_seconds=0.5)
    assert next(batch for batch in batches if batch) == Batch("ab")
    gate.set()
    assert list(batches) == [Batch(finished=DONE)]


def test_thread_is_kept_for_the_next_engine() -> None:
    def name() -> Iterator[Piece]:
        yield Words(str(threading.get_ident()))
        yield DONE

    first = text_of(list(run(name())))
    assert eventually(no_pump)
    assert text_of(list(run(name()))) == first


def test_ticks_come_while_nothing_else_does() -> None:
    gate = threading.Event()
    batches = run(until(gate, Thinking(), DONE), tick_seconds=0.01)
    assert [next(batches) for _ in range(3)] == [Batch()] * 3
    gate.set()
    assert [batch for batch in batches if batch] == [Batch(finished=DONE)]


def test_reset_forgets_the_words_before_it() -> None:
    batches = list(run(iter([Words("no"), Words("no"), Reset(), Words("yes"), DONE])))
    assert text_of(batches) == "yes"
    assert batches[-1].finished == DONE


def test_nothing_is_taken_after_the_end() -> None:
    assert text_of(list(run(iter([Words("a"), DONE, Words("b")])))) == "a"


def test_engine_that_ends_early_was_cut() -> None:
    with pytest.raises(EngineFailure, match="transient: cut"):
        list(run(iter([Words("a")])))


def test_engine_failure_passes_through() -> None:
    def pieces() -> Iterator[Piece]:
        yield Words("a")
        raise EngineFailure(FailureKind.PERMANENT, "refused")

    with pytest.raises(EngineFailure, match="refused"):
        list(run(pieces()))


def test_fault_of_ours_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        list(run(Words("a" * (1 // zero)) for zero in (1, 0)))


@pytest.mark.parametrize(
    ("pieces", "changes", "code"),
    [
        ([DONE], {"first_word_seconds": 0.05}, "silent_start"),
        ([Words("a"), DONE], {"silence_seconds": 0.05}, "silent"),
        ([Thinking(), DONE], {"silence_seconds": 0.05}, "silent"),
        ([Words("a"), DONE], {"attempt_seconds": 0.05}, "too_slow"),
    ],
)
def test_silence_has_an_end(pieces: list[Piece], changes: dict[str, float], code: str) -> None:
    gate = threading.Event()
    with pytest.raises(EngineFailure) as raised:
        list(run(until(gate, *pieces), **changes))
    assert (raised.value.kind, raised.value.code) == (FailureKind.TRANSIENT, code)
    gate.set()
    assert eventually(no_pump)


def test_thinking_without_end_has_one() -> None:
    def pieces() -> Iterator[Piece]:
        while True:
            yield Thinking()

    with pytest.raises(EngineFailure, match="too_slow"):
        list(run(pieces(), attempt_seconds=0.05))
    assert eventually(no_pump)


def test_caller_that_takes_long_is_no_silence() -> None:
    batches = run(iter([Words("a"), Words("b"), DONE]), silence_seconds=0.05)
    assert next(batches) == Batch("a")
    assert eventually(no_pump)
    time.sleep(0.1)
    assert text_of(list(batches)) == "b"


def test_thread_ends_when_the_caller_leaves() -> None:
    gate = threading.Event()
    closed = threading.Event()

    def pieces() -> Iterator[Piece]:
        try:
            yield Words("a")
            gate.wait(10)
            yield Words("b")
            yield Words("c")
        finally:
            closed.set()

    batches = run(pieces())
    next(batches)
    batches.close()
    gate.set()
    assert closed.wait(5)
    assert eventually(no_pump)


# --- with the real engine and a real server


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def written(server: ModelServer, **changes: float) -> list[Batch]:
    return list(run(engine_on(server).write(DOCUMENT, title="Ada"), **changes))


def test_summary_arrives_in_batches(server: ModelServer) -> None:
    server.script(Script.words(every=0.002))
    batches = written(server)
    assert text_of(batches) == SUMMARY
    assert len(batches) > 1
    assert batches[0].words == "- Ada"[: len(batches[0].words)]


@pytest.mark.parametrize(
    ("script", "changes", "code"),
    [
        (Script.silent(), {"first_word_seconds": 0.2}, "silent_start"),
        (Script.raw(None), {"first_word_seconds": 0.2}, "silent_start"),
        (
            Script.raw(chunk({"role": "assistant", "content": ""}), None),
            {"first_word_seconds": 0.2},
            "silent_start",
        ),
        (Script.stall(3), {"silence_seconds": 0.2}, "silent"),
        (
            Script.thoughts("hm", "").but(events=(chunk({"reasoning": "hm"}), None)),
            {"silence_seconds": 0.2},
            "silent",
        ),
        (Script.drip(0.02), {"attempt_seconds": 0.3}, "too_slow"),
        (
            Script.raw(*PINGS),
            {"first_word_seconds": 0.5, "attempt_seconds": 0.8},
            "too_slow",
        ),
    ],
)
def test_server_that_keeps_us_waiting_is_left(
    server: ModelServer, script: Script, changes: dict[str, float], code: str
) -> None:
    server.script(script)
    with pytest.raises(EngineFailure) as raised:
        written(server, **changes)
    assert (raised.value.kind, raised.value.code) == (FailureKind.TRANSIENT, code)
    assert eventually(lambda: server.requests[-1].outcome == "disconnected")
    assert eventually(no_pump)


@pytest.mark.parametrize("script", [Script.silent(), Script.raw(None), Script.stall(2)])
def test_nothing_leaks_when_callers_leave(server: ModelServer, script: Script) -> None:
    engine = engine_on(server)
    server.script(script)
    before = open_sockets()
    calls = server.calls
    running = [run(engine.write(DOCUMENT, title="Ada"), tick_seconds=0.01) for _ in range(8)]
    for batches in running:
        next(batches)
    assert eventually(lambda: server.calls == calls + 8)
    for batches in running:
        batches.close()
    assert eventually(no_pump)
    assert eventually(lambda: server.running == 0)
    assert eventually(lambda: open_sockets() <= before)


def test_caller_that_leaves_in_the_middle_stops_the_server(server: ModelServer) -> None:
    server.script(Script.words(every=0.01))
    batches = run(engine_on(server).write(DOCUMENT, title="Ada"))
    next(batches)
    batches.close()
    assert eventually(lambda: server.requests[-1].outcome == "disconnected")


def test_many_attempts_leave_nothing_behind(server: ModelServer) -> None:
    before = open_sockets()
    scripts: list[Callable[[], Script]] = [Script.words, lambda: Script.cut(200), lambda: Script.status(500)]
    for count in range(30):
        server.script(scripts[count % 3]())
        try:
            written(server)
        except EngineFailure:
            continue
    assert eventually(no_pump)
    assert eventually(lambda: open_sockets() <= before + 2)


def no_pump() -> bool:
    return not any(thread.name == "pump" for thread in threading.enumerate())


def open_sockets() -> int:
    return len(psutil.Process().net_connections("tcp"))
