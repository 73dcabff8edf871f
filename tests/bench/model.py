"""The scripted model server in a process of its own, which notes when it was asked and when it spoke.

Times are of the monotonic clock, which all processes of a machine share.
"""

import argparse
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from tests.support.model_server import SUMMARY, ModelServer, Request, Script
from tests.support.precis import ROOT

KEY = "sk-of-precis"
FIRST_WORD_SECONDS = 0.5
EVERY_SECONDS = 0.01
STOP_SECONDS = 10.0
ENDLESS_TIMES, ENDLESS_EVERY_SECONDS = 50, 0.1  # the summary again and again, word by word
LINES = 2  # of the scripted summary: enough to stream, and soon over


class Model:
    """The server's process, and the notes that it has sent so far: `what`, `at`, and whose `key` it was.

    It speaks at once of what the regular expression `at_once` finds itself in, and of what `endless` does for minutes.
    """

    def __init__(
        self,
        first_word_seconds: float = FIRST_WORD_SECONDS,
        every_seconds: float = EVERY_SECONDS,
        at_once: str = "",
        endless: str = "",
    ) -> None:
        self.notes: list[dict[str, Any]] = []
        self.url = ""
        self.body = b""
        self._arguments = [str(first_word_seconds), str(every_seconds), at_once, endless]

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.model", *self._arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        threading.Thread(target=self._read, name="notes", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    @property
    def settings(self) -> dict[str, str]:
        """Those of a Precis that asks this server."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": KEY, "PRECIS_MODEL": "scripted"}

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    def calls(self) -> int:
        """How often it was asked for a completion."""
        return self.count("asked")

    def count(self, what: str) -> int:
        """How often it has done this."""
        return sum(note["what"] == what for note in tuple(self.notes))

    def last(self, what: str, key: str = KEY) -> float:
        """When it last did this for whoever has the key."""
        return float(next(n["at"] for n in reversed(self.notes) if n["what"] == what and n["key"] == key))

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):
            for line in self._process.stdout:
                note = json.loads(line)
                self.body = json.dumps(note.pop("body")).encode() if "body" in note else self.body
                self.notes.append(note)


def end(process: "subprocess.Popen[str]") -> None:
    """Ask a process of ours to end, and see to it that it does."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _noting(what: str, request: Request) -> Callable[[], bool]:
    """An event of a script that takes no time: it notes when its turn has come."""

    def note() -> bool:
        body = {"body": request.body} if what == "asked" else {}
        at = request.at if what == "asked" else time.monotonic()
        print(json.dumps({"what": what, "at": at, "key": request.key, **body}), flush=True)
        return True

    return note


def _script(
    first_word_seconds: float, every_seconds: float, at_once: str, endless: str
) -> Callable[[Request], Script]:
    text = "\n".join(SUMMARY.splitlines()[:LINES])
    usual = Script.words(text, first_word=first_word_seconds, every=every_seconds)
    hurried = Script.words(text, first_word=0.0, every=every_seconds)
    long = Script.words(SUMMARY * ENDLESS_TIMES, every=ENDLESS_EVERY_SECONDS)

    def script(request: Request) -> Script:
        asked = json.dumps(request.body)
        if endless and re.search(endless, asked):
            return long
        _noting("asked", request)()
        words = hurried if at_once and re.search(at_once, asked) else usual
        head, rest = words.events[:2], words.events[2:]
        return words.but(events=(*head, _noting("spoke", request), *rest, _noting("ended", request)))

    return script


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("first_word", type=float)
    parser.add_argument("every", type=float)
    parser.add_argument("at_once")
    parser.add_argument("endless")
    given = parser.parse_args()
    with (
        ModelServer(_script(given.first_word, given.every, given.at_once, given.endless)) as server,
        suppress(KeyboardInterrupt),
    ):
        print(server.base_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
