"""The broker, with a real Valkey and real worker threads. What waits here waits for a minute unless it is woken."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dramatiq
import pytest
from dramatiq import Worker
from dramatiq.broker import Consumer
from redis import RedisError

from tasks import broker as broker_module
from tasks.broker import MANY, Delayed, HintBroker, SentTooEarly, key_of, make_broker
from tasks.hands import IDLE_MS, Hands
from tests.support.valkey import Blackhole, Valkey, free_port
from webapp.away import AWAY_SECONDS

PATIENCE_SECONDS = 20.0
QUEUE = "warm"


@pytest.fixture
def server() -> Iterator[Valkey]:
    with Valkey() as valkey:
        yield valkey


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consumers that are not woken look again only after a minute."""
    monkeypatch.setattr(broker_module, "MOST_IDLE_SECONDS", 60.0)
    monkeypatch.setattr(broker_module, "PATIENCE_SECONDS", 90.0)


class SlowBroker(HintBroker):
    """Its consumers wait as long as the test says, while its worker's threads stop quickly."""

    idle_ms = 60_000

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 0) -> Consumer:
        return super().consume(queue_name, prefetch, self.idle_ms)


class Site:
    """A broker with one actor, `act`, which does what the test says; and its worker, if there is to be one."""

    def __init__(self, valkey: Valkey, act: Callable[[int], None]) -> None:
        self.broker = SlowBroker(valkey.url, lambda: False)
        self.actor = dramatiq.actor(actor_name="act", queue_name=QUEUE, broker=self.broker)(act)

    @contextmanager
    def working(self, threads: int = 1, idle_ms: int = 60_000) -> Iterator[Worker]:
        worker = Worker(self.broker, worker_threads=threads, worker_timeout=100)
        worker.queue_prefetch = threads
        self.broker.idle_ms = idle_ms
        worker.start()
        try:
            yield worker
        finally:
            for consumer in worker.consumers.values():
                consumer.stop()
            worker.stop(timeout=200)


def until(is_so: Callable[[], object]) -> None:
    """Wait for a fact, much longer than it should take."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.005)


def blocked(valkey: Valkey) -> int:
    """How many consumers are blocked on a queue."""
    with valkey.client() as client:
        return sum(each["cmd"] == "blpop" and "b" in each["flags"] for each in client.client_list())


def queued(valkey: Valkey) -> int:
    with valkey.client() as client:
        return int(client.llen(key_of(QUEUE)))


# --- waking ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("long_waits")
def test_a_message_wakes_an_idle_consumer(server: Valkey) -> None:
    done: list[int] = []
    site = Site(server, done.append)
    with site.working():
        until(lambda: blocked(server) == 1)
        site.actor.send(7)
        until(lambda: done == [7])
        until(lambda: blocked(server) == 1)
        site.actor.send(8)
        until(lambda: done == [7, 8])


@pytest.mark.usefixtures("long_waits")
def test_all_of_several_idle_consumers_are_woken(server: Valkey) -> None:
    together = threading.Barrier(4)
    sites = [Site(server, lambda number: _meet(together)) for _ in range(3)]
    with sites[0].working(), sites[1].working(), sites[2].working():
        until(lambda: blocked(server) == 3)
        for number in range(3):
            sites[0].actor.send(number)
        together.wait(PATIENCE_SECONDS)  # each of the three waits there for the other two


def _meet(together: threading.Barrier) -> None:
    together.wait(PATIENCE_SECONDS)


# --- when a worker has all that it may hold --------------------------------------------------------------------


@pytest.mark.usefixtures("long_waits")
def test_a_full_consumer_waits_for_room_without_asking_redis(server: Valkey) -> None:
    begun, room = threading.Semaphore(0), threading.Semaphore(0)

    def act(number: int) -> None:
        begun.release()
        room.acquire(timeout=PATIENCE_SECONDS)

    site = Site(server, act)
    for number in range(3):
        site.actor.send(number)
    with site.working():
        assert begun.acquire(timeout=PATIENCE_SECONDS)
        before = sum(server.calls().values())
        time.sleep(0.3)
        asked = sum(server.calls().values()) - before
        room.release(3)
        assert begun.acquire(timeout=PATIENCE_SECONDS), "room did not wake it"
        assert begun.acquire(timeout=PATIENCE_SECONDS), "room did not wake it"
    assert asked < 20, "it asks Redis over and over"  # a busy loop asks thousands of times


def test_messages_come_in_their_order(server: Valkey) -> None:
    done: list[int] = []
    site = Site(server, done.append)
    for number in range(5):
        site.actor.send(number)
    with site.working():
        until(lambda: done == [0, 1, 2, 3, 4])


def test_what_is_no_message_is_passed_over(server: Valkey) -> None:
    done: list[int] = []
    site = Site(server, done.append)
    with server.client() as client:
        client.rpush(key_of(QUEUE), "{", "[]", b"\xff", '{"queue_name": 1}')
    site.actor.send(1)
    with site.working():
        until(lambda: done == [1])


def test_no_thread_and_no_queue_is_there_for_delayed_messages(server: Valkey) -> None:
    site = Site(server, lambda number: None)
    with site.working(idle_ms=50) as worker:
        assert list(worker.consumers) == [QUEUE]


# --- when something dies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [False, True])
def test_messages_sent_after_redis_was_restarted_are_processed(server: Valkey, empty: bool) -> None:
    done: list[int] = []
    site = Site(server, done.append)
    with site.working(idle_ms=1_000):
        site.actor.send(1)
        until(lambda: done == [1])
        server.restart(empty=empty)
        time.sleep(AWAY_SECONDS)
        until(lambda: _sent(site, 2))
        until(lambda: done[-1] == 2)


def _sent(site: Site, number: int) -> bool:
    try:
        site.actor.send(number)
    except RedisError:
        return False
    return True


def test_a_worker_that_stops_gives_back_what_it_has_not_begun(server: Valkey) -> None:
    begun, room = threading.Event(), threading.Event()

    def act(number: int) -> None:
        begun.set()
        room.wait(PATIENCE_SECONDS)

    site = Site(server, act)
    for number in range(3):
        site.actor.send(number)
    worker = Hands(site.broker, QUEUE, 1)
    worker.queue_prefetch = 3
    worker.start()
    assert begun.wait(PATIENCE_SECONDS)
    until(lambda: queued(server) == 0)
    threading.Timer(0.2, room.set).start()
    worker.stop(timeout=int(PATIENCE_SECONDS * 1000))
    with server.client() as client:
        left = [json.loads(each)["args"] for each in client.lrange(key_of(QUEUE), 0, -1)]
    assert left == [[1], [2]]


def test_who_has_room_for_many_takes_them_together_and_gives_back_what_is_left(server: Valkey) -> None:
    site = Site(server, print)
    site.broker.idle_ms = 50
    for number in range(2 * MANY):
        site.actor.send(number)
    consumer = site.broker.consume(QUEUE, prefetch=MANY)
    first = next(consumer)
    assert first is not None
    assert queued(server) == MANY
    assert [given.args for _ in range(MANY - 2) if (given := next(consumer))] == [
        (number,) for number in range(1, MANY - 1)
    ]
    consumer.close()
    with server.client() as client:
        left = [json.loads(each)["args"] for each in client.lrange(key_of(QUEUE), 0, -1)]
    assert left == [[number] for number in range(MANY - 1, 2 * MANY)]


def test_who_has_room_for_many_takes_no_more_than_that(server: Valkey) -> None:
    site = Site(server, print)
    site.broker.idle_ms = 50
    for number in range(2 * MANY):
        site.actor.send(number)
    consumer = site.broker.consume(QUEUE, prefetch=MANY)
    given = [next(consumer) for _ in range(MANY)]
    assert next(consumer) is None
    assert given[0] is not None
    consumer.ack(given[0])
    more = next(consumer)
    assert more is not None
    assert more.args == (MANY,)
    assert next(consumer) is None


def test_idle_threads_end_without_having_looked_whether_they_are_to(server: Valkey) -> None:
    worker = Hands(Site(server, lambda number: None).broker, QUEUE, 4)
    worker.start()
    until(lambda: blocked(server) == 1)
    worker.stop(timeout=IDLE_MS // 2)
    assert not any(thread.is_alive() for thread in (*worker.workers, *worker.consumers.values()))


def test_many_messages_at_once_are_all_done(server: Valkey) -> None:
    done: list[int] = []
    site = Site(server, done.append)
    worker = Hands(site.broker, QUEUE, 2)
    worker.start()
    for number in range(50):
        site.actor.send(number)
    until(lambda: len(done) == 50)
    worker.stop()
    assert sorted(done) == list(range(50))


# --- sending ----------------------------------------------------------------------------------------------------


def send(broker: HintBroker) -> None:
    broker.enqueue(dramatiq.Message(queue_name=QUEUE, actor_name="act", args=(1,), kwargs={}, options={}))


def test_sending_fails_soon_when_nothing_listens() -> None:
    broker = make_broker(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(RedisError):
        send(broker)


def test_senders_do_not_queue_up_before_a_redis_that_never_answers() -> None:
    with Blackhole() as hole:
        broker = make_broker(hole.url)
        began = time.monotonic()
        for _ in range(40):
            with pytest.raises(RedisError):
                send(broker)
        took = time.monotonic() - began
    assert took < 10 * broker_module.SEND_SECONDS  # one by one they would wait 40 times as long


def test_sending_works_again_after_redis_was_away(server: Valkey) -> None:
    broker = make_broker(server.url)
    server.kill()
    with pytest.raises(RedisError):
        send(broker)
    server.start()
    time.sleep(AWAY_SECONDS)
    send(broker)
    assert queued(server) == 1


def test_under_gevent_others_go_on_while_senders_wait() -> None:
    with Blackhole() as hole:
        done = subprocess.run(
            [sys.executable, "-c", GREENLETS, hole.url], capture_output=True, text=True, check=False
        )
    assert done.stdout.split() == ["100", "refused", "others", "ticked", "together"], done.stderr


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys, time, gevent, dramatiq
from redis import RedisError
from tasks.broker import make_broker

broker, refused, ticks, began = make_broker(sys.argv[1]), [], [], time.monotonic()

def send():
    try:
        broker.enqueue(dramatiq.Message(queue_name="warm", actor_name="act", args=(), kwargs={}, options={}))
    except RedisError:
        refused.append(1)

def tick():
    while True:
        gevent.sleep(0.01)
        ticks.append(1)

ticker = gevent.spawn(tick)
gevent.joinall([gevent.spawn(send) for _ in range(100)])
print(len(refused), "refused")
print("others", "ticked" if len(ticks) > 5 else "stood still")
print("together" if time.monotonic() - began < 15 else "one by one, which takes 50 seconds")
"""


def test_nothing_is_sent_inside_a_write_transaction(server: Valkey) -> None:
    broker = make_broker(server.url, is_writing=lambda: True)
    with pytest.raises(SentTooEarly):
        send(broker)
    assert queued(server) == 0


def test_nothing_is_sent_with_a_delay(server: Valkey) -> None:
    site = Site(server, lambda number: None)
    with pytest.raises(Delayed):
        site.actor.send_with_options(args=(1,), delay=1_000)


def test_the_broker_takes_tcp_addresses_too() -> None:
    with Valkey(port=free_port()) as valkey:
        send(make_broker(valkey.url))
        assert queued(valkey) == 1


def test_queue_holds_so_many_hints_and_no_sender_hears_of_it(
    server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "MOST_HINTS", 100)
    site = Site(server, lambda number: None)
    for number in range(150):
        site.actor.send(number)
    assert queued(server) == 100
