"""Live streams on Redis: workers publish facts and words, and each web process listens on one connection.

An event is a hint to read the state again; only words travel in it. What is published while nobody listens is in
the summary's stream, and what was lost with Redis is in SQL.
"""

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import Any

from flask import Flask, current_app
from redis import Redis, RedisError

CHANNEL = "precis:live"
STREAM_SECONDS = 3600  # how long the words of a run can be replayed
ENDED_SECONDS = 120  # how long after its end
SEND_SECONDS = 0.5  # the longest wait for Redis to take something
MUTE_SECONDS = 1.0  # after a failure to publish, spare the run further waits
BACKLOG = 1_000  # events that a slow listener may owe before it is told to read the state anew
RECONNECT_SECONDS = 0.5
LOOK_SECONDS = 5.0  # between two looks whether the line is still there, while nothing comes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fact:
    """A document's summary changed: read it again. `kind` is "state", "words", "reset", "resync" or "end".

    "arrival" says that somebody has come to listen. Of words, `id` is "fence-sequence" and `words` what comes next; they
    belong to the run of `summary_id`. It came `at` a moment of the monotonic clock: what is read from then on knows of it.
    """

    kind: str
    document_id: int = 0
    summary_id: int = 0
    id: str = ""
    words: str = ""
    at: float = field(default_factory=time.monotonic, compare=False)


END = Fact("end")
ARRIVAL = Fact("arrival")
WORDS = ("words", "reset")


def redis() -> Redis:
    """This application's client for the live streams, with short time-outs."""
    client: Redis = current_app.extensions["live_redis"]
    return client


def tell(document_id: int, *, ended: "Pen | None" = None) -> None:
    """Publish that the state of a document's summary is another one. The words of a run that has ended are needed no
    longer.
    """
    try:
        with redis().pipeline(transaction=False) as pipe:
            if ended:
                pipe.expire(ended.key, ENDED_SECONDS)
            pipe.publish(CHANNEL, json.dumps({"kind": "state", "document_id": document_id}))
            pipe.execute()
    except RedisError as error:
        log.warning("Nobody was told of document %s: %s", document_id, error)


def stream_key(summary_id: int) -> str:
    return f"precis:words:{summary_id}"


def words_so_far(summary_id: int) -> tuple[str, str]:
    """(the words of the newest run so far, the id of the last of them); ("", "") if there are none."""
    try:
        entries: Any = redis().xrange(stream_key(summary_id))
    except RedisError:
        return "", ""
    text, last, fence = "", "", ""
    for entry_id, entry in entries:
        last = entry_id.decode()
        run = last.partition("-")[0]
        if run != fence or entry[b"kind"] == b"reset":
            text, fence = "", run
        text += entry.get(b"words", b"").decode()
    return text, last


def forget(summary_ids: Iterable[int]) -> None:
    """Delete the words of these summaries, whose document is deleted."""
    keys = [stream_key(summary_id) for summary_id in summary_ids]
    try:
        if keys:
            redis().delete(*keys)
    except RedisError as error:
        log.warning("Words of a deleted document stay for an hour: %s", error)


class Pen:
    """Writes the words of one run to its live stream. Never raises: the text itself goes to SQL."""

    def __init__(self, document_id: int, summary_id: int, fence: int) -> None:
        self._fact = {"document_id": document_id, "summary_id": summary_id}
        self.key = stream_key(summary_id)
        self._fence = fence
        self._sequence = 0
        self._muted_until = 0.0
        self._lost = ""

    def write(self, words: str, *, is_reset: bool = False) -> None:
        """Append words; with `is_reset` those before are void."""
        kind = "reset" if is_reset else "words"
        words = words if is_reset else self._lost + words
        if time.monotonic() < self._muted_until:
            self._lost = words
            return
        self._sequence += 1
        entry_id = f"{self._fence}-{self._sequence}"
        try:
            with redis().pipeline(transaction=False) as pipe:
                pipe.xadd(self.key, {"kind": kind, "words": words}, id=entry_id)
                pipe.publish(
                    CHANNEL, json.dumps({**self._fact, "kind": kind, "id": entry_id, "words": words})
                )
                if self._sequence == 1:
                    pipe.expire(self.key, STREAM_SECONDS)
                pipe.execute()
            self._lost = ""
        except RedisError as error:
            log.warning("Words of summary %s were not shown: %s", self._fact["summary_id"], error)
            self._lost, self._muted_until = words, time.monotonic() + MUTE_SECONDS


@dataclass(eq=False)
class Listener:
    """A queue of facts, of one open page or of all that listen to the same."""

    facts: "Queue[Fact]" = field(default_factory=lambda: Queue(BACKLOG))

    def put(self, fact: Fact) -> None:
        try:
            self.facts.put_nowait(fact)
        except Full:
            self._start_over(fact)

    def _start_over(self, fact: Fact) -> None:
        """Too slow to keep up: forget the backlog, which the state makes up for."""
        while True:
            try:
                self.facts.get_nowait()
            except Empty:
                break
        self.facts.put_nowait(fact if fact is END else Fact("resync"))

    @property
    def has_more(self) -> bool:
        """Whether facts wait already."""
        return not self.facts.empty()

    @property
    def has_more_than_words(self) -> bool:
        """Whether a fact waits that makes words old."""
        return any(fact is not ARRIVAL and fact.kind not in WORDS for fact in tuple(self.facts.queue))

    def wait(self, seconds: float) -> Fact | None:
        """The next fact, or None after `seconds`."""
        try:
            return self.facts.get(timeout=seconds) if seconds > 0 else self.facts.get_nowait()
        except Empty:
            return None


class Hub:
    """All of a web process's listeners behind one Redis connection, which is opened with the first of them."""

    def __init__(self, client: Redis, most: int) -> None:
        self._client = client
        self._most = most
        self._all: set[Listener] = set()
        self._listeners: dict[int, set[Listener]] = defaultdict(set)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pages = 0
        self.is_draining = False

    @property
    def count(self) -> int:
        """How many pages are open."""
        return self._pages

    @property
    def is_full(self) -> bool:
        return self.is_draining or self.count >= self._most

    @contextmanager
    def listen(self, document_ids: Iterable[int], *, pages: int = 1) -> Iterator[Listener]:
        """Hear the facts about these documents from here on. Read the state only after this."""
        listener, ids = Listener(), set(document_ids)
        self.add_pages(pages)
        with self._lock:
            self._all.add(listener)
            for document_id in ids:
                self._listeners[document_id].add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        if self.is_draining:
            listener.put(END)
        try:
            yield listener
        finally:
            self._forget(listener, ids)
            self.add_pages(-pages)

    def add_pages(self, number: int) -> None:
        """So many pages were opened, or closed, if it is below zero."""
        with self._lock:
            self._pages += number

    def drain(self) -> None:
        """End all streams: browsers connect again, to a process that stays."""
        self.is_draining = True
        self._to_all(END)

    def _forget(self, listener: Listener, ids: set[int]) -> None:
        with self._lock:
            self._all.discard(listener)
            for document_id in ids:
                self._listeners[document_id].discard(listener)
                if not self._listeners[document_id]:
                    del self._listeners[document_id]

    def _run(self) -> None:
        """Listen until the end. After a break in the line everybody reads the state anew."""
        while not self.is_draining:
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]  # redis has not typed it
                    channel.subscribe(CHANNEL)
                    channel.get_message(ignore_subscribe_messages=False, timeout=1.0)
                    self._to_all(Fact("resync"))
                    self._pass_on(channel)
            except RedisError as error:
                log.warning("Live pages wait for Redis: %s", error)
            except Exception:
                log.exception("Live pages lost their line to Redis, and take a new one.")
            time.sleep(RECONNECT_SECONDS)

    def _pass_on(self, channel: Any) -> None:
        while not self.is_draining:
            message = channel.get_message(timeout=LOOK_SECONDS)
            if message is not None and message["type"] == "message":
                self._deliver(message["data"])

    def _deliver(self, data: bytes) -> None:
        try:
            fact = Fact(**json.loads(data))
        except (TypeError, ValueError):
            log.warning("An event was not understood.")
            return
        for listener in tuple(self._listeners.get(fact.document_id, ())):
            listener.put(fact)

    def _to_all(self, fact: Fact) -> None:
        with self._lock:
            listeners = tuple(self._all)
        for listener in listeners:
            listener.put(fact)


_hubs: list[Hub] = []


def init_app(app: Flask, url: str, client: Redis, most_streams: int) -> None:
    """Give the application its client, which must never wait long, and its hub, which listens all the time."""
    app.extensions["live_redis"] = client
    listening = Redis.from_url(
        url, socket_connect_timeout=SEND_SECONDS, socket_timeout=5.0, health_check_interval=10
    )
    app.extensions["hub"] = Hub(listening, most_streams)
    _hubs.append(app.extensions["hub"])


def hub() -> Hub:
    found: Hub = current_app.extensions["hub"]
    return found


def drain() -> None:
    """End every open stream of this process, as before it stops."""
    for each in _hubs:
        each.drain()
