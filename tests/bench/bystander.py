"""Somebody who looks at one page again and again, in a process of their own: what the views took, in seconds.

A crowd in the same process would be measured as well: it takes its time to send and to read.
"""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.model import end
from tests.support.precis import ROOT

PAUSE_SECONDS = 0.01


class Bystander:
    """Looks from the beginning of a `with` until `looked` is called."""

    def __init__(self, port: int, path: str, cookie: str) -> None:
        command = [sys.executable, "-m", "tests.bench.bystander", str(port), path, cookie]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def looked(self) -> list[float]:
        """What each view since the last time took."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("tell\n")
        self.process.stdin.flush()
        found: list[float] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def bystander(port: int, path: str, cookie: str) -> Iterator[Bystander]:
    found = Bystander(port, path, cookie)
    try:
        yield found
    finally:
        end(found.process)


def _main(port: int, path: str, cookie: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    views: list[float] = []
    lock = threading.Lock()

    def tell() -> None:
        for _ in sys.stdin:
            with lock:
                print(json.dumps(views), flush=True)
                views.clear()

    threading.Thread(target=tell, daemon=True).start()
    print("ready", flush=True)
    while True:
        begun_at = time.monotonic()
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == http.client.OK, answer.status
        with lock:
            views.append(time.monotonic() - begun_at)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    port, path, cookie = sys.argv[1:]
    _main(int(port), path, cookie)
