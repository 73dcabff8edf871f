"""What the scripted model server says, chosen by the title of the document, with gates that a test opens."""

import re
import threading
from collections import defaultdict

from tests.support.model_server import Event, Request, Script, chunk

Gate = threading.Event


class Answers:
    """Scripts by title. Those of a title are used up in order, and the last one repeats; others get the usual summary."""

    def __init__(self) -> None:
        self._scripts: dict[str, list[Script]] = defaultdict(list)
        self._gates: list[Gate] = []

    def __call__(self, request: Request) -> Script:
        title = re.search(r"^Title: (.*)$", request.prompt, re.MULTILINE)
        scripts = self._scripts[title[1] if title else ""]
        return (scripts.pop(0) if len(scripts) > 1 else scripts[0]) if scripts else Script.words()

    def give(self, title: str, *scripts: Script) -> None:
        """What to say of the document with this title from now on."""
        self._scripts[title] = list(scripts)

    def gate(self) -> Gate:
        """A gate for `told`, closed until the test opens it by `set()`, or ends."""
        self._gates.append(Gate())
        return self._gates[-1]

    def open_all(self) -> None:
        for gate in self._gates:
            gate.set()


def told(*parts: str | Gate, every: float = 0.0) -> Script:
    """Stream words, `every` so many seconds, and wait at each gate until it is open."""
    events: list[Event] = [chunk({"role": "assistant", "content": ""})]
    for part in parts:
        if isinstance(part, str):
            for word in re.findall(r"\s*\S+|\s+\Z", part):
                events += [chunk({"content": word}), every]
        else:
            events.append(part.is_set)
    return Script(tuple(events))
