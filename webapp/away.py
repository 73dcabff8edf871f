"""What a process knows of a Redis that is away: after one wait in vain, all are spared theirs for a second.

A page asks Redis for several things. Each of them has its time-out, and together they would be felt.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from redis import Redis
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import MaxConnectionsError
from redis.exceptions import TimeoutError as NoAnswer

AWAY_SECONDS = 1.0


class Away:
    """Shared by all who speak to one Redis in one process."""

    def __init__(self) -> None:
        self._until = 0.0

    @contextmanager
    def spared(self) -> Iterator[None]:
        """Raises ConnectionError of redis at once, if it was found away a moment ago."""
        if time.monotonic() < self._until:
            raise NoConnection("Redis was away a moment ago.")
        try:
            yield
        except MaxConnectionsError:
            raise  # which says more about us
        except (NoConnection, NoAnswer):
            self._until = time.monotonic() + AWAY_SECONDS
            raise


class SparingRedis(Redis):
    """A client whose single commands spare their callers the wait. Pipelines and subscriptions do not."""

    away = Away()

    @classmethod
    def to(cls, url: str, away: Away, **options: Any) -> "SparingRedis":
        client = cast("SparingRedis", cls.from_url(url, **options))
        client.away = away
        return client

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with self.away.spared():
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis has not typed it
