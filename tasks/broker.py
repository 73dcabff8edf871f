"""Dramatiq's broker on Redis, with a consumer that a message wakes, and senders that never wait long.

A message is a hint to look into SQL: it may be lost, doubled or late without harm. So nothing is retried, delayed or
limited in time here. Dramatiq's own Lua fetches and acknowledges; `WokenConsumer` only waits in a better way. It leans
on a private class of dramatiq 2.2.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from dramatiq import Broker, Message, MessageProxy
from dramatiq.broker import Consumer
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware, MiddlewareError
from redis import BlockingConnectionPool, Redis, RedisError

from webapp.away import Away

SEND_SECONDS = 0.5  # the longest wait of a save: for a free connection, for connecting, and for the answer
PATIENCE_SECONDS = 5.0  # of a worker's connections; longer than the blocking wait
MOST_IDLE_SECONDS = 2.0
RECONNECT_SECONDS = 0.5
HEARTBEAT_TIMEOUT_MS = 15_000  # a worker not heard of for so long is dead: its messages go back to the queue
MOST_HINTS = (
    1_000  # that wait in a queue: SQL has what is due beyond them, and the sweeper sends it in its turn
)
ALWAYS = 1_000_000  # of a million commands, how many look for dead workers; by default it takes minutes

log = logging.getLogger(__name__)


class SentTooEarly(MiddlewareError):
    """A message was sent inside a write transaction: a worker could read the row before it is there."""


class Delayed(MiddlewareError):
    """A message was sent with a delay. Waits belong into SQL, where a restart does not lose them."""


class CommitFirst(Middleware):
    """Refuses what may not be sent. A MiddlewareError is the only one that dramatiq lets through."""

    def __init__(self, is_writing: Callable[[], bool]) -> None:
        self._is_writing = is_writing

    def before_enqueue(self, broker: Broker, message: Message[Any], delay: int | None) -> None:
        if delay is not None:
            raise Delayed("Nothing is delayed here: a row's next attempt is in SQL.")
        if self._is_writing():
            raise SentTooEarly(f"Commit first, then send {message}.")


class _Line(RedisBroker):
    """dramatiq's broker as we set it. Of Lua's stack it takes less than there is, for it would ask how much under a
    lock, and all senders would wait for a Redis that does not answer, one after the other.
    """

    _max_unpack_size_val = 1_000  # type: ignore[assignment]  # None until it has asked

    def __init__(self, client: Redis, middleware: list[Middleware]) -> None:
        super().__init__(
            client=client,
            middleware=middleware,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
            maintenance_chance=ALWAYS,
        )


class WakingBroker(_Line):
    """A RedisBroker whose senders give up soon, whose consumers are woken, and which has no queues for delays."""

    def __init__(self, url: str, is_writing: Callable[[], bool], away: Away | None = None) -> None:
        self.url = url
        self._away = away or Away()
        # dramatiq's default middleware is left out: SQL counts tries and says when to try again (Retries, AgeLimit),
        # engines have deadlines of their own that reach into a blocked read (TimeLimit), the actor asks whether to
        # stop (ShutdownNotifications), and with Callbacks and Pipelines whoever can write to Redis could chain calls.
        super().__init__(connect(url, SEND_SECONDS), [CommitFirst(is_writing)])

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, and none for its delayed messages: that would cost a thread which polls for nothing."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Send a message, unless MOST_HINTS wait before it. Raises RedisError: at once, if Redis was found away a moment
        ago; else soon.
        """
        with self._away.spared():
            if self.client.llen(f"{self.namespace}:{message.queue_name}") >= MOST_HINTS:
                return message
            return super().enqueue(message, delay=delay)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 1000) -> Consumer:
        """Make a consumer, whose idle wait lasts `timeout` milliseconds at the most."""
        return WokenConsumer(self, queue_name, prefetch, timeout)


class WokenConsumer(_RedisConsumer):
    """Waits on the queue itself, or for room if it holds all that it may; and outlives a Redis that goes away."""

    def __init__(self, broker: WakingBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self._client = connect(broker.url, PATIENCE_SECONDS)
        super().__init__(_patient(broker, self._client), queue_name, prefetch, timeout=0)
        self._key = f"{broker.namespace}:{queue_name}"
        self._idle_seconds = min(timeout / 1000, MOST_IDLE_SECONDS)
        self._room = threading.Event()
        self._owed: deque[tuple[Callable[[MessageProxy], None], MessageProxy]] = deque()
        self._is_away = False

    def __next__(self) -> MessageProxy | None:
        """The next message, or None after a wait. The base class does not wait, as its time-out is 0."""
        try:
            self._settle_owed()
            message: MessageProxy | None = super().__next__()
            if message is None and self._wait():
                message = super().__next__()
        except (ConnectionClosed, RedisError) as error:
            self._wait_for_redis(error)
            return None
        if self._is_away:
            log.warning("Redis is back.")
            self._is_away = False
        return message

    def ack(self, message: MessageProxy) -> None:
        self._settle(super().ack, message)

    def nack(self, message: MessageProxy) -> None:
        self._settle(super().nack, message)

    def requeue(self, messages: Any) -> None:
        """Give messages back to the queue. Raises ConnectionClosed; then they are back once the heartbeats end."""
        try:
            super().requeue(messages)
        except RedisError as error:
            raise ConnectionClosed(error) from None

    def close(self) -> None:
        self._client.close()

    def _wait(self) -> bool:
        """Until there may be something to fetch; whether there is. To move the queue's head to its head blocks while
        it is empty.
        """
        self._room.clear()
        if self.outstanding_message_count < self.prefetch:
            moved = self._client.execute_command(
                "BLMOVE", self._key, self._key, "LEFT", "LEFT", self._idle_seconds
            )
            return moved is not None
        if not self._room.wait(self._idle_seconds):
            self.broker.do_fetch(self.queue_name, 0)  # a heartbeat, which otherwise comes with each fetch
        return False

    def _settle(self, settle: Callable[[MessageProxy], None], message: MessageProxy) -> None:
        """Acknowledge now, or once Redis is back: the thread that did the work has better things to do than wait."""
        try:
            settle(message)
        except (ConnectionClosed, RedisError):
            self._owed.append((settle, message))
        finally:
            self._room.set()

    def _settle_owed(self) -> None:
        while self._owed:
            settle, message = self._owed[0]
            settle(message)
            self._owed.popleft()

    def _wait_for_redis(self, error: Exception) -> None:
        if not self._is_away:
            log.warning("Redis is away: %s", error)
        self._is_away = True
        time.sleep(RECONNECT_SECONDS)


def make_broker(
    url: str, *, is_writing: Callable[[], bool] = lambda: False, away: Away | None = None
) -> WakingBroker:
    """The broker on the Redis at `url` (redis, rediss or unix), in the database after the one that it names.

    A database of its own, since the search for dead workers goes through all of its keys. Nothing connects before it
    has to. While `is_writing()`, sending raises SentTooEarly.
    """
    return WakingBroker(url, is_writing, away)


def connect(url: str, seconds: float) -> Redis:
    """A client for the broker's database whose every wait is bounded by `seconds`, without retries."""
    pool = BlockingConnectionPool.from_url(url, timeout=seconds)
    database = int(pool.connection_kwargs.get("db") or 0) + 1
    pool.connection_kwargs.update(db=database, socket_timeout=seconds, socket_connect_timeout=seconds)
    return Redis(connection_pool=pool)


def _patient(broker: WakingBroker, client: Redis) -> _Line:
    """The same broker to Redis, but speaking through `client`."""
    patient = _Line(client, [])
    patient.broker_id = broker.broker_id
    return patient
