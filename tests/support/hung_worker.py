"""A worker process that takes a message and never finishes it: `python -m tests.support.hung_worker REDIS_URL`."""

import sys
import time

import dramatiq
from dramatiq import Worker
from redis import Redis

from tasks.broker import make_broker


def main(url: str) -> None:
    broker = make_broker(url)

    @dramatiq.actor(actor_name="act", queue_name="warm", broker=broker)
    def act(number: int) -> None:
        Redis.from_url(url).set("hung", number)
        time.sleep(3600)

    Worker(broker, worker_threads=1).start()
    time.sleep(3600)


if __name__ == "__main__":
    main(sys.argv[1])
