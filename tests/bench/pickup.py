"""How soon an idle worker has a hint, beside the consumer that comes with Dramatiq.

Run as a program it is that worker, and says when it had each message.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import dramatiq
from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker

from tasks.broker import connect, make_broker
from tests.bench.model import end
from tests.bench.rows import Row, p50, p99
from tests.support.precis import ROOT
from tests.support.valkey import Valkey

ACTOR = "note"
ROUNDS = 60
PAUSE_SECONDS = (0.1, 0.4)
P50_MS, P99_MS = 5.0, 10.0
PATIENCE_SECONDS = 5.0
THREADS = 8


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Both get the same messages at the same times."""
    with Valkey() as valkey, _worker("woken", valkey.url) as woken, _worker("stock", valkey.url) as stock:
        found = {"woken": _Sender("woken", valkey.url, woken), "stock": _Sender("stock", valkey.url, stock)}
        for _ in range(rounds):
            for sender in found.values():
                sender.send()
            for sender in found.values():
                sender.wait()
            time.sleep(random.uniform(*PAUSE_SECONDS))
    ours, theirs = found["woken"].milliseconds, found["stock"].milliseconds
    return [
        Row("Pick-up of a hint: p50", p50(ours), "ms", P50_MS),
        Row("Pick-up of a hint: p99", p99(ours), "ms", P99_MS),
        Row("  Dramatiq's own consumer: p50", p50(theirs), "ms"),
        Row("  Dramatiq's own consumer: p99", p99(theirs), "ms"),
    ]


class _Sender:
    """Sends messages that carry their moment, and learns from the worker how old they were."""

    def __init__(self, kind: str, url: str, worker: "subprocess.Popen[str]") -> None:
        self.milliseconds: list[float] = []
        self._kind = kind
        self._broker = broker_of(kind, url)
        self._worker = worker

    def send(self) -> None:
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=self._kind, actor_name=ACTOR, args=(time.monotonic(),), kwargs={}, options={}
        )
        self._broker.enqueue(message)

    def wait(self) -> None:
        assert self._worker.stdout is not None
        self.milliseconds.append(1000 * float(self._worker.stdout.readline()))


def broker_of(kind: str, url: str) -> dramatiq.Broker:
    """Ours, or a RedisBroker as it comes."""
    if kind == "woken":
        return make_broker(url)
    return RedisBroker(client=connect(url, PATIENCE_SECONDS), namespace=kind)  # type: ignore[no-untyped-call]


@contextmanager
def _worker(kind: str, url: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.bench.pickup", kind, url]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        end(process)


def main(kind: str, url: str) -> None:
    broker = broker_of(kind, url)

    @dramatiq.actor(actor_name=ACTOR, queue_name=kind, broker=broker)
    def note(sent_at: float) -> None:
        print(time.monotonic() - sent_at, flush=True)

    Worker(broker, queues={kind}, worker_threads=THREADS).start()
    print("ready", flush=True)
    Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
