"""The history of a library under faults: what people did and saw, and the proof from that alone that nothing was lost.

Each document's text is known by a mark in it, which the summary repeats, and is edited by one person only. A write whose
answer never came may have happened, at any time since it was sent, or not at all: both are taken for possible.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
SAVE, EDIT, DELETE, READ, LISTEN, LAST_READ = "save", "edit", "delete", "read", "listen", "last read"
WRITES = (SAVE, EDIT)
COMPLETE, GONE, OPEN = "complete", "gone", "open to all"


@dataclass(frozen=True)
class Operation:
    """What one person did with one document, from `began` to `ended` on the monotonic clock.

    `document` names it, before it has a number and ever after. `mark` is that of the text that was written, or seen.
    Of a page, `status` is that of the summary area, `summary` the mark that is in the summary which it shows as
    current, `is_whole` whether its last words are there, too.
    """

    kind: str
    person: str
    document: str
    began: float
    ended: float
    outcome: str
    mark: str = ""
    status: str = ""
    summary: str = ""
    is_whole: bool = True
    detail: str = ""


@dataclass
class History:
    """Operations as they end, and the calls that the model server got; kept in a file too, if there is one."""

    path: Path | None = None
    operations: list[Operation] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, operation: Operation) -> None:
        with self._lock:
            self.operations.append(operation)
            if self.path:
                with self.path.open("a") as file:
                    file.write(json.dumps(asdict(operation)) + "\n")

    def called(self, mark: str) -> None:
        """The model server was asked about the text with this mark."""
        with self._lock:
            self.calls[mark] = self.calls.get(mark, 0) + 1

    @classmethod
    def read(cls, path: Path) -> "History":
        """A history from its file, without the calls."""
        return cls(operations=[Operation(**json.loads(line)) for line in path.read_text().splitlines()])


def broken(history: History, *, most_calls: int) -> list[str]:
    """A sentence for each thing in the history that must not be. `most_calls` is how many one text may cost."""
    found = list(_too_many_calls(history, most_calls))
    by_document: dict[str, list[Operation]] = defaultdict(list)
    for operation in history.operations:
        by_document[operation.document].append(operation)
    for document, operations in by_document.items():
        found += _Register(document, operations).broken()
    return found


def _too_many_calls(history: History, most: int) -> Iterator[str]:
    for mark, calls in history.calls.items():
        if calls > most:
            yield f"The text {mark} cost {calls} calls, and {most} is the most."


class _Register:
    """One document: a register that one person writes and everybody reads."""

    def __init__(self, document: str, operations: Sequence[Operation]) -> None:
        self._document = document
        self._reads = [each for each in operations if each.kind in (READ, LISTEN, LAST_READ)]
        self._writes = [each for each in operations if each.kind in WRITES and each.outcome != FAILED]
        self._deletes = [each for each in operations if each.kind == DELETE and each.outcome != FAILED]

    def broken(self) -> Iterator[str]:
        for read in self._reads:
            if read.outcome == OK:
                yield from (f"{self._document}: {sentence} {read}" for sentence in self._wrong(read))
        last = [read for read in self._reads if read.kind == LAST_READ]
        if _done(self._writes) and len(last) != 1:
            yield f"{self._document}: it was read {len(last)} times at the end, and not once."

    def _wrong(self, read: Operation) -> Iterator[str]:
        if read.status == OPEN:
            yield "Somebody who is not signed in could see it."
        elif read.status == GONE:
            if not self._may_be_gone(read):
                yield "It is gone, and nobody has deleted it."
        elif self._must_be_gone(read):
            yield "It is there after it was deleted."
        else:
            yield from self._wrong_content(read)

    def _wrong_content(self, read: Operation) -> Iterator[str]:
        possible = self._possible(read)
        if read.mark and read.mark not in possible:
            yield f"It shows another text than {possible}."
        if read.status == COMPLETE and read.summary not in ({read.mark} if read.mark else possible):
            yield "The summary of another text is shown as current."
        if read.status == COMPLETE and not read.is_whole:
            yield "A part of a summary is shown as complete."
        if read.kind == LAST_READ and read.status != COMPLETE:
            yield "It has no summary at the end."

    def _possible(self, read: Operation) -> set[str]:
        """The marks that a read may see: of writes that had begun, and that no later one had replaced for certain."""
        return {
            write.mark
            for write in self._writes
            if write.began < read.ended
            and not any(self._replaces(other, write, read) for other in self._writes)
        }

    @staticmethod
    def _replaces(other: Operation, write: Operation, read: Operation) -> bool:
        return other.outcome == OK and other.began > _end(write) and other.ended < read.began

    def _may_be_gone(self, read: Operation) -> bool:
        """Whether a delete had begun, or it may not have been saved yet."""
        is_saved = any(write.outcome == OK and write.ended < read.began for write in self._writes)
        return any(delete.began < read.ended for delete in self._deletes) or not is_saved

    def _must_be_gone(self, read: Operation) -> bool:
        return any(delete.outcome == OK and delete.ended < read.began for delete in self._deletes)


def _done(writes: Iterable[Operation]) -> bool:
    return any(write.outcome == OK for write in writes)


def _end(write: Operation) -> float:
    """When a write has happened for certain: one without an answer may happen at any later time."""
    return write.ended if write.outcome == OK else inf
