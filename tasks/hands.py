"""Dramatiq's worker, whose idle threads sleep until there is something to do: none looks now and then whether to stop."""

from queue import PriorityQueue
from typing import Any

from dramatiq import Broker, Worker

IDLE_MS = 60_000  # the longest that a thread sleeps


class Waiting(PriorityQueue[Any]):
    """Messages that wait for a thread. Whoever waits for one is woken at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._is_over = False

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next one. Raises Empty after `timeout` seconds, and at the end."""
        if block:
            with self.not_empty:
                self.not_empty.wait_for(lambda: self._is_over or self._qsize(), timeout)
        return super().get(block=False)

    def end(self) -> None:
        """Nobody shall wait any more. What is in it still can be had."""
        with self.mutex:
            self._is_over = True
            self.not_empty.notify_all()


class Hands(Worker):
    """So many threads for one queue. A message waits where any process can have it, not behind a busy thread."""

    def __init__(self, broker: Broker, queue: str, threads: int) -> None:
        super().__init__(broker, queues={queue}, worker_threads=threads, worker_timeout=IDLE_MS)
        self.queue_prefetch = threads
        self._waiting = self.work_queue = Waiting()

    def end(self) -> None:
        """Begin to stop: idle threads do at once, and beside them who looks for messages."""
        for worker in self.workers:
            worker.stop()
        for consumer in self.consumers.values():
            consumer.stop()
        self._waiting.end()

    def stop(self, timeout: int = 600_000) -> None:
        self.end()
        super().stop(timeout)
