"""Dramatiq's broker for hints: a list in Redis for each queue, on which consumers wait, and senders that never wait long.

A message is a hint to look into SQL: it may be lost, doubled or late without harm. So it is taken off its list in the
one command that waits for it, and nothing is acknowledged, retried, delayed or limited in time here. That spares each
click three ways to Redis and the wait between two looks of the RedisBroker which comes with Dramatiq. What a killed
worker had taken, the sweeper finds in SQL.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, cast

from dramatiq import Broker, Message, MessageProxy
from dramatiq.broker import Consumer
from dramatiq.errors import ConnectionClosed, DecodeError
from dramatiq.middleware import Middleware, MiddlewareError
from redis import BlockingConnectionPool, Redis, RedisError

from webapp.away import Away

SEND_SECONDS = 0.5  # the longest wait of a save: for a free connection, for connecting, and for the answer
PATIENCE_SECONDS = 5.0  # of a worker's connections; longer than the blocking wait
MOST_IDLE_SECONDS = 2.0
RECONNECT_SECONDS = 0.5
BEGIN_SECONDS = 0.003  # in which whoever has got a message begins, undisturbed by the look for the next one
MANY = 50  # messages that a consumer has room for: from there on it takes all that wait together
MOST_HINTS = (
    1_000  # that wait in a queue: SQL has what is due beyond them, and the sweeper sends it in its turn
)

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


class HintBroker(Broker):
    """A broker whose senders give up soon, whose consumers are woken, and which has no queues for delays.

    dramatiq's default middleware is left out: SQL counts tries and says when to try again (Retries, AgeLimit), engines
    have deadlines of their own that reach into a blocked read (TimeLimit), the actor asks whether to stop
    (ShutdownNotifications), and with Callbacks and Pipelines whoever can write to Redis could chain calls.
    """

    def __init__(self, url: str, is_writing: Callable[[], bool], away: Away | None = None) -> None:
        super().__init__([CommitFirst(is_writing)])
        self.url = url
        self.client = connect(url, SEND_SECONDS)
        self._away = away or Away()

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, and none for its delayed messages: that would cost a thread which polls for nothing."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = key_of(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Send a message, unless MOST_HINTS wait before it. Raises RedisError: at once, if Redis was found away a moment
        ago; else soon.
        """
        self.emit_before("enqueue", message, delay)
        with self._away.spared():
            key = key_of(message.queue_name)
            if int(self.client.rpush(key, message.encode())) > MOST_HINTS:
                self.client.ltrim(key, 0, MOST_HINTS - 1)
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 1000) -> Consumer:
        """Make a consumer, whose idle wait lasts `timeout` milliseconds at the most."""
        return HintConsumer(self.url, key_of(queue_name), prefetch, timeout)

    def flush(self, queue_name: str) -> None:
        """Drop all the messages from a queue."""
        self.client.delete(key_of(queue_name))

    def waiting(self, queue_name: str) -> int:
        """How many messages wait on a queue. Raises RedisError."""
        return int(self.client.llen(key_of(queue_name)))


class HintConsumer(Consumer):
    """Waits on the queue itself, or for room if it holds all that it may; and outlives a Redis that goes away."""

    def __init__(self, url: str, key: str, prefetch: int, timeout: int) -> None:
        self._client = connect(url, PATIENCE_SECONDS)
        self._key = key
        self._room = threading.Semaphore(prefetch)
        self._takes_many = prefetch >= MANY
        self._at_hand: deque[bytes] = deque()  # what was taken together, with room for each
        self._idle_seconds = min(timeout / 1000, MOST_IDLE_SECONDS)
        self._is_away = self._has_given = False

    def __next__(self) -> MessageProxy | None:
        """The next message, or None after a wait."""
        if self._at_hand:
            return self._read(self._at_hand.popleft())
        if self._has_given:
            time.sleep(BEGIN_SECONDS)
        message = self._next()
        self._has_given = message is not None and not self._at_hand
        return message

    def _next(self) -> MessageProxy | None:
        if not self._room.acquire(timeout=self._idle_seconds):
            return None
        data = self._taken()
        if data is None:
            self._room.release()
            return None
        if self._takes_many:
            self._take_more()
        return self._read(data)

    def _take_more(self) -> None:
        """Take what waits and there is room for: to fetch two hundred messages one by one takes a second."""
        room = 0
        while room < MANY and self._room.acquire(blocking=False):
            room += 1
        with suppress(RedisError):  # which the next look tells of
            if room:
                self._at_hand.extend(cast("list[bytes] | None", self._client.lpop(self._key, room)) or ())
        if room > len(self._at_hand):
            self._room.release(room - len(self._at_hand))

    def ack(self, message: MessageProxy) -> None:
        """It is done with, one way or the other: there is room for the next."""
        self._room.release()

    nack = ack

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give messages back to the head of the queue. Raises ConnectionClosed; then the sweeper looks for them."""
        given_back = [message.encode() for message in messages]
        try:
            if given_back:
                self._client.lpush(self._key, *reversed(given_back))
        except RedisError as error:
            raise ConnectionClosed(error) from None

    def close(self) -> None:
        with suppress(RedisError):
            if self._at_hand:
                self._client.lpush(self._key, *reversed(self._at_hand))
        self._client.close()

    def _taken(self) -> bytes | None:
        try:
            found: Any = self._client.blpop([self._key], self._idle_seconds)
        except RedisError as error:
            self._wait_for_redis(error)
            return None
        if self._is_away:
            log.warning("Redis is back.")
            self._is_away = False
        return found[1] if found else None

    def _read(self, data: bytes) -> MessageProxy | None:
        try:
            return MessageProxy(Message.decode(data))
        except (DecodeError, TypeError):
            log.warning("A hint was not understood.")
            self._room.release()
            return None

    def _wait_for_redis(self, error: Exception) -> None:
        if not self._is_away:
            log.warning("Redis is away: %s", error)
        self._is_away = True
        time.sleep(RECONNECT_SECONDS)


def key_of(queue_name: str) -> str:
    """Where Redis has a queue."""
    return f"precis:hints:{queue_name}"


def make_broker(
    url: str, *, is_writing: Callable[[], bool] = lambda: False, away: Away | None = None
) -> HintBroker:
    """The broker on the Redis at `url` (redis, rediss or unix). Nothing connects before it has to.

    While `is_writing()`, sending raises SentTooEarly.
    """
    return HintBroker(url, is_writing, away)


def connect(url: str, seconds: float) -> Redis:
    """A client whose every wait is bounded by `seconds`, without retries."""
    pool = BlockingConnectionPool.from_url(url, timeout=seconds)
    pool.connection_kwargs.update(socket_timeout=seconds, socket_connect_timeout=seconds)
    return Redis(connection_pool=pool)
