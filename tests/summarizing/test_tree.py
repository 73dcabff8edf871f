"""A long document is read part by part, paid for once, and after an edit only where it was edited."""

import itertools
import random
import threading
from collections.abc import Mapping, Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.summarizing.servers import eventually
from tests.summarizing.test_chunks import edited, paragraph, paragraphs
from webapp.summarizing.crew import Crew, IsUnwanted
from webapp.summarizing.engine import EngineFailure, FailureKind, Recipe
from webapp.summarizing.parts import Kind, PartNotes, PartRequest
from webapp.summarizing.tokens import LARGEST, Budget, estimated_tokens
from webapp.summarizing.tree import Node, Notes, grouped, run

RECIPE = Recipe(engine="openai", model="scripted", prompt_version="1")
SMALL = Budget(2_048)  # parts of 250 tokens
LATER = 10.0  # seconds, for what comes at once


class Store:
    """Notes in memory."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def get(self, keys: Sequence[str]) -> Mapping[str, str]:
        return {key: self.notes[key] for key in keys if key in self.notes}

    def put(self, key: str, notes: str, tokens_in: int | None, tokens_out: int | None) -> None:
        assert key not in self.notes
        assert (tokens_in, tokens_out) == (7, 3)
        self.notes[key] = notes


class Model:
    """Takes the first words of each passage for its notes. `asked` holds what it was asked."""

    def __init__(self) -> None:
        self.asked: list[PartRequest] = []

    def write(self, request: PartRequest, _is_unwanted: IsUnwanted) -> PartNotes:
        self.asked.append(request)
        share = max(1, request.words // len(request.passages))
        notes = (" ".join(passage.split()[:share]).lstrip("- ") for passage in request.passages)
        return PartNotes("- " + " ".join(notes), 7, 3)

    def count(self, kind: Kind) -> int:
        return sum(request.kind is kind for request in self.asked)


def read(
    text: str,
    store: Store | None = None,
    model: Model | None = None,
    *,
    budget: Budget = SMALL,
    workers: int = 1,
) -> Notes:
    crew = Crew(write_part=(model or Model()).write, workers=workers)
    return run(text, budget=budget, recipe=RECIPE, store=store or Store(), crew=crew)


def document(count: int, seed: int = 0) -> str:
    return "\n\n".join(paragraphs(count, seed))


@cache
def first_reading() -> tuple[Store, Notes]:
    store = Store()
    return store, read(document(1_600), store)


def test_text_that_fits_in_one_call_is_sent_as_it_is() -> None:
    text, model = document(2), Model()
    notes = read(text, model=model)
    assert (notes.text, notes.nodes, notes.calls, model.asked) == (text, 0, 0, [])
    assert notes.coverage.is_whole


def test_blank_lines_make_no_text_long() -> None:
    notes = read("One.\n" + "\n" * 100_000 + "Two.")
    assert (notes.text, notes.calls) == ("One.\n\nTwo.", 0)


def test_notes_of_a_long_text_fit_in_one_call() -> None:
    store, notes = first_reading()
    assert estimated_tokens(notes.text) <= SMALL.notes_tokens
    assert notes.calls == notes.nodes == len(store.notes)
    assert (notes.tokens_in, notes.tokens_out) == (7 * notes.calls, 3 * notes.calls)
    assert notes.coverage.parts > 450
    assert notes.coverage.is_whole
    assert notes.coverage.characters_read == notes.coverage.characters == len(document(1_600))


def test_no_part_and_no_merge_is_larger_than_a_call() -> None:
    model = Model()
    read(document(300), model=model)
    assert model.count(Kind.LEAF) > 80
    assert model.count(Kind.MERGE) > 20
    for request in model.asked:
        assert estimated_tokens("\n\n".join(request.passages)) <= LARGEST * SMALL.chunk_tokens


def test_notes_keep_the_order_of_the_text() -> None:
    text = "\n\n".join(f"Number{index:04d} {each}" for index, each in enumerate(paragraphs(300)))
    words = [word for word in read(text, workers=4).text.split() if word.startswith("Number")]
    assert len(words) > 3
    assert words == sorted(words)


def test_reading_again_costs_nothing() -> None:
    store, notes = first_reading()
    again = read(document(1_600), store)
    assert (again.text, again.nodes, again.calls, again.tokens_in) == (notes.text, notes.nodes, 0, 0)


def test_result_does_not_depend_on_how_many_work() -> None:
    one, many = (read(document(120), workers=workers) for workers in (1, 8))
    assert one == many


@given(st.sampled_from(["insert", "delete", "replace"]), st.integers(0, 1_599), st.integers(0))
@settings(deadline=None, max_examples=15)
def test_an_edit_of_500_parts_asks_for_its_leaf_and_its_ancestors(kind: str, place: int, seed: int) -> None:
    store, notes = first_reading()
    kept = Store()
    kept.notes = dict(store.notes)
    model = Model()
    read("\n\n".join(edited(paragraphs(1_600), kind, place, seed)), kept, model)
    assert model.count(Kind.LEAF) <= 6
    assert model.count(Kind.MERGE) <= 24
    assert len(model.asked) < notes.calls / 20


@pytest.mark.parametrize("place", range(25, 1_600, 225))
def test_word_changed_inside_a_part_asks_for_its_leaf_and_its_ancestors_alone(place: int) -> None:
    store, _ = first_reading()
    kept, model, changed = Store(), Model(), list(paragraphs(1_600))
    kept.notes = dict(store.notes)
    changed[place] = changed[place].removesuffix(".") + "s."
    read("\n\n".join(changed), kept, model)
    assert model.count(Kind.LEAF) == 1
    assert model.count(Kind.MERGE) > 1
    for below, above in itertools.pairwise(model.asked):
        assert kept.notes[below.key] in above.passages


def test_passage_that_two_documents_share_is_read_once() -> None:
    chapter, model, store = document(200, seed=9), Model(), Store()
    read(f"{document(40, seed=1)}\n\n{chapter}", store, model)
    first = model.count(Kind.LEAF)
    read(f"{document(40, seed=2)}\n\n{chapter}", store, model)
    assert model.count(Kind.LEAF) - first < first / 3


def test_same_part_twice_in_a_document_is_asked_for_once() -> None:
    model = Model()
    notes = read("x y z\n" * 20_000, model=model)
    assert notes.coverage.parts > 10 * model.count(Kind.LEAF)
    assert len({request.key for request in model.asked}) == len(model.asked)


def test_hidden_and_blank_parts_ask_for_nothing() -> None:
    model = Model()
    read("\u200b\u2060" * 3_000, model=model)
    assert model.asked == []


def test_edit_at_the_end_of_the_last_part_is_read() -> None:
    store = Store()
    read(document(100), store)
    model = Model()
    read(document(100) + " Then it rained.", store, model)
    assert "Then it rained." in "".join(model.asked[0].passages)


def test_progress_begins_with_what_is_there_and_ends_with_all() -> None:
    store, told = Store(), list[tuple[int, int]]()
    for _ in range(2):
        told.clear()
        crew = Crew(write_part=Model().write, workers=2)
        notes = run(
            document(40),
            budget=SMALL,
            recipe=RECIPE,
            store=store,
            crew=crew,
            on_progress=lambda *now: told.append(now),
        )
        assert told[-1] == (notes.nodes, notes.nodes)
        assert told == sorted(told)
    assert told[0][0] == told[0][1] > 10


def test_what_is_beyond_the_cap_is_told() -> None:
    text = document(100)
    crew = Crew(write_part=Model().write, workers=1)
    notes = run(text, budget=SMALL, recipe=RECIPE, store=Store(), crew=crew, most_parts=10)
    assert not notes.coverage.is_whole
    assert notes.coverage.parts_read == 10 < notes.coverage.parts
    assert 0 < notes.coverage.characters_read < notes.coverage.characters == len(text)


class Dying(Model):
    """Fails at its call number `at`, counted from 0."""

    def __init__(self, at: int, failure: BaseException) -> None:
        super().__init__()
        self._at = at
        self._failure = failure

    def write(self, request: PartRequest, _is_unwanted: IsUnwanted) -> PartNotes:
        if len(self.asked) == self._at:
            raise self._failure
        return super().write(request, _is_unwanted)


@pytest.mark.parametrize("failure", [EngineFailure(FailureKind.TRANSIENT, "cut"), RuntimeError("a bug")])
def test_after_a_failure_only_what_is_missing_is_paid_for(failure: Exception) -> None:
    store, model = Store(), Model()
    with pytest.raises(type(failure)) as raised:
        read(document(60), store, Dying(8, failure))
    assert raised.value is failure
    assert len(store.notes) == 8
    notes = read(document(60), store, model)
    assert len(model.asked) == notes.calls == notes.nodes - 8


class Waiting(Model):
    """Its calls wait for the gate, or until nobody wants them; `most` is how many did so at once."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.running = self.most = self.given_up = 0
        self._lock = threading.Lock()

    def write(self, request: PartRequest, is_unwanted: IsUnwanted) -> PartNotes:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            while not self.gate.wait(0.01):
                if is_unwanted():
                    self.given_up += 1
                    raise EngineFailure(FailureKind.TRANSIENT, "cancelled")
            return super().write(request, is_unwanted)
        finally:
            with self._lock:
                self.running -= 1


class Stopped(Exception):
    """As a worker that is told to stop raises."""


def test_stopping_ends_the_calls_under_way_and_starts_no_more() -> None:
    model = Waiting()

    def stop() -> None:
        if model.running == 3:
            raise Stopped

    crew = Crew(write_part=model.write, workers=3, on_tick=stop)
    with pytest.raises(Stopped):
        run(document(60), budget=SMALL, recipe=RECIPE, store=Store(), crew=crew)
    assert eventually(lambda: model.running == 0)
    assert model.given_up == 3
    assert model.asked == []


def test_first_failure_ends_the_others_and_is_the_one_that_is_raised() -> None:
    model, failure = Waiting(), EngineFailure(FailureKind.LIMITED, "rate_limited", retry_after=7.0)

    def write(request: PartRequest, is_unwanted: IsUnwanted) -> PartNotes:
        if threading.current_thread().name.endswith("_0"):
            assert eventually(lambda: model.running == 2)
            raise failure
        return model.write(request, is_unwanted)

    with pytest.raises(EngineFailure) as raised:
        run(document(60), budget=SMALL, recipe=RECIPE, store=Store(), crew=Crew(write_part=write, workers=3))
    assert raised.value is failure
    assert model.given_up == 2
    assert model.asked == []


def test_notes_that_came_while_others_were_cancelled_are_kept() -> None:
    store, calls, is_second_there = Store(), itertools.count(), threading.Event()

    def write(_request: PartRequest, is_unwanted: IsUnwanted) -> PartNotes:
        if next(calls) == 0:
            assert is_second_there.wait(LATER)
            raise EngineFailure(FailureKind.TRANSIENT, "cut")
        is_second_there.set()
        assert eventually(is_unwanted)
        return PartNotes("- Late.", 7, 3)

    with pytest.raises(EngineFailure, match="cut"):
        run(document(60), budget=SMALL, recipe=RECIPE, store=store, crew=Crew(write_part=write, workers=2))
    assert "- Late." in store.notes.values()


def test_never_more_calls_at_once_than_workers() -> None:
    model = Waiting()

    def open_when_full() -> None:
        if model.running == 4:
            model.gate.set()

    crew = Crew(write_part=model.write, workers=4, on_tick=open_when_full)
    run(document(60), budget=SMALL, recipe=RECIPE, store=Store(), crew=crew)
    assert model.most == 4


def test_documents_that_share_slots_share_the_limit() -> None:
    model, slots = Waiting(), threading.Semaphore(3)

    def read_one(seed: int) -> None:
        crew = Crew(write_part=model.write, workers=3, slots=slots)
        run(document(30, seed), budget=SMALL, recipe=RECIPE, store=Store(), crew=crew)

    threads = [threading.Thread(target=read_one, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: model.running == 3)
    model.gate.set()
    for thread in threads:
        thread.join(60)
    assert model.most == 3
    assert all(slots.acquire(blocking=False) for _ in range(3))


def test_waiting_for_a_slot_ends_when_stopped() -> None:
    slots, ticks = threading.Semaphore(0), list[int]()

    def stop() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            raise Stopped

    crew = Crew(write_part=Model().write, workers=2, slots=slots, on_tick=stop)
    with pytest.raises(Stopped):
        run(document(60), budget=SMALL, recipe=RECIPE, store=Store(), crew=crew)
    assert eventually(lambda: not any(thread.name.startswith("part") for thread in threading.enumerate()))


class Reader(Model):
    """A server with a context of its own, which says so or not."""

    def __init__(self, context: int, *, tells: bool) -> None:
        super().__init__()
        self._context = context
        self._tells = tells

    def write(self, request: PartRequest, _is_unwanted: IsUnwanted) -> PartNotes:
        if (
            sum(estimated_tokens(turn["content"]) for turn in request.messages("[[document 1]]"))
            > self._context
        ):
            detail = f"maximum context length is {self._context} tokens" if self._tells else ""
            raise EngineFailure(FailureKind.PERMANENT, "too_long", detail=detail)
        return super().write(request, _is_unwanted)


@pytest.mark.parametrize("tells", [True, False])
def test_parts_shrink_to_what_the_server_takes(tells: bool) -> None:
    notes = read(document(400), model=Reader(2_500, tells=tells), budget=Budget(None, 1_024))
    assert notes.budget.context_tokens == (2_500 if tells else 2_048)
    assert notes.coverage.is_whole
    assert notes.coverage.parts > 50


def test_server_that_takes_nothing_is_a_failure() -> None:
    with pytest.raises(EngineFailure, match="too_long"):
        read(document(400), model=Reader(10, tells=False))


class Rambling(Model):
    """Its notes on anything are `words` long."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self._words = words

    def write(self, request: PartRequest, _is_unwanted: IsUnwanted) -> PartNotes:
        self.asked.append(request)
        chance = random.Random(request.key if request.kind is Kind.LEAF else "merge")
        words = self._words if request.kind is Kind.LEAF else min(self._words, request.words)
        return PartNotes("- " + " ".join(paragraph(chance) for _ in range(words // 30)), 7, 3)


def test_notes_longer_than_a_call_are_read_in_pieces() -> None:
    model = Rambling(900)
    notes = read(document(20), model=model)
    assert estimated_tokens(notes.text) <= SMALL.notes_tokens
    for request in model.asked:
        assert estimated_tokens("\n\n".join(request.passages)) <= LARGEST * SMALL.chunk_tokens


class Copying(Model):
    """Its notes are what it was sent."""

    def write(self, request: PartRequest, _is_unwanted: IsUnwanted) -> PartNotes:
        return PartNotes("\n\n".join(request.passages), 7, 3)


def test_notes_that_get_no_shorter_are_a_failure_and_no_loop() -> None:
    with pytest.raises(EngineFailure, match="length"):
        read(document(40), model=Copying())


def test_empty_notes_are_a_failure() -> None:
    store = Store()
    crew = Crew(write_part=lambda _request, _is_unwanted: PartNotes(" \n"), workers=1)
    with pytest.raises(EngineFailure, match="empty"):
        run(document(40), budget=SMALL, recipe=RECIPE, store=store, crew=crew)
    assert store.notes == {}


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 2**40)), max_size=60))
@settings(deadline=None)
def test_groups_hold_all_nodes_in_order(sizes: list[tuple[int, int]]) -> None:
    nodes = [Node(f"{number}", "word " * size, rank) for number, (size, rank) in enumerate(sizes)]
    groups = grouped(nodes, 250)
    assert [node for group in groups for node in group] == nodes
    assert all(groups)


def test_groups_begin_where_they_did_when_what_is_in_them_is_written_anew() -> None:
    chance = random.Random(3)
    nodes = [Node(f"{number}", "word " * 40, chance.getrandbits(40)) for number in range(200)]
    anew = [node._replace(key=f"{node.key} anew") for node in nodes]
    before, after = ([len(group) for group in grouped(some, 250)] for some in (nodes, anew))
    assert before == after
    assert len(before) > 20
