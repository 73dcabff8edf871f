"""From a file to its text, without trusting either: the file is parsed in a confined process of its own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import Any, NamedTuple

from webapp.importing.extracted import MESSAGES, Extracted, ImportFailure
from webapp.importing.limits import Limits, Page

__all__ = ["Limits", "Page", "extract"]

ROOT = Path(__file__).resolve().parents[2]
LONGEST_NAME_CHARS = 255
LONGEST_DETAIL_CHARS = 500
BYTES_A_CHARACTER = 6  # of JSON, at most: "\u0001"
BYTES_BESIDE_THE_TEXT = 100_000
SAID = ("title", "author", "date", "language")

# The package's own __init__ makes the web application, for half a second that no file needs: an empty one will do.
_START = (
    "import sys, types; package = types.ModuleType('webapp'); package.__path__ = [sys.argv[1]]; "
    "sys.modules['webapp'] = package; from webapp.importing.child import main; main()"
)
_MEMORY_SIGNALS = {signal.SIGTRAP, signal.SIGILL, signal.SIGABRT}  # how PDFium and Haskell end without memory
_TIME_SIGNALS = {signal.SIGXCPU, signal.SIGALRM}
_NO_LIMITS = Limits()


class _Ended(NamedTuple):
    answer: bytes
    returncode: int
    was_stopped: bool


def extract(path: Path, *, name: str, limits: Limits = _NO_LIMITS, page: Page | None = None) -> Extracted:
    """The text of a file and what it says of itself. `name`, as the user has it, only hints at Markdown.

    With `page` it is what a link led to and its site called HTML: its article, or nothing.

    Blocks for up to `limits.seconds`. Raises ImportFailure with a code of MESSAGES, and OSError if there is no
    such file.
    """
    size = path.stat().st_size
    if not size:
        raise ImportFailure("empty")
    if size > limits.most_bytes_in:
        raise ImportFailure("too_large", f"{size} bytes")
    question = {
        "path": str(path.resolve()),
        "name": name[-LONGEST_NAME_CHARS:],
        "limits": asdict(limits),
        "page": asdict(page) if page else None,
    }
    return _understood(_run(question, limits), limits)


def _run(question: dict[str, Any], limits: Limits) -> _Ended:
    """Have the child read the file. It is gone, with all that it started, when this returns or raises."""
    command = [sys.executable, "-P", "-s", "-c", _START, str(ROOT / "webapp")]
    began_at, child = monotonic(), _started(command)
    timer = Timer(limits.seconds, _stop, [child])
    with child:
        try:
            timer.start()
            answer = _asked(child, json.dumps(question).encode(), _most_bytes(limits))
            was_late = monotonic() - began_at >= limits.seconds
        finally:
            timer.cancel()
            _stop(child)
    return _Ended(answer, child.returncode, was_late)


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the file's path and name go by standard input
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
    )


def _asked(child: subprocess.Popen[bytes], question: bytes, most_bytes: int) -> bytes:
    if child.stdin is None or child.stdout is None:
        raise ValueError("the child has no pipes")
    with suppress(BrokenPipeError), child.stdin as asking:
        asking.write(question)
    with child.stdout as answering:
        return answering.read(most_bytes + 1)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's process group. Not yet waited for, its number can be nobody else's."""
    if child.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def _most_bytes(limits: Limits) -> int:
    return BYTES_A_CHARACTER * limits.most_characters_out + BYTES_BESIDE_THE_TEXT


def _understood(ended: _Ended, limits: Limits) -> Extracted:
    if ended.was_stopped:
        raise ImportFailure("too_slow", f"more than {limits.seconds} s")
    if len(ended.answer) > _most_bytes(limits):
        raise ImportFailure("too_much_text", "the answer is too long")
    try:
        answer = json.loads(ended.answer)
    except ValueError:
        raise _crash(ended.returncode) from None
    if not isinstance(answer, dict):
        raise ImportFailure("damaged", "a strange answer")
    if "code" in answer:
        raise _failure(answer)
    return _extracted(answer, limits)


def _crash(returncode: int) -> ImportFailure:
    detail = f"the child ended with {returncode}"
    if -returncode in _TIME_SIGNALS:
        return ImportFailure("too_slow", detail)
    return ImportFailure("too_much_memory" if -returncode in _MEMORY_SIGNALS else "damaged", detail)


def _failure(answer: dict[str, Any]) -> ImportFailure:
    code, detail = answer["code"], str(answer.get("detail", ""))[:LONGEST_DETAIL_CHARS]
    return ImportFailure(code if isinstance(code, str) and code in MESSAGES else "damaged", detail)


def _extracted(answer: dict[str, Any], limits: Limits) -> Extracted:
    """The answer of a process that a file may have taken over: anything may be in it."""
    text, pages, notes = answer.get("text"), answer.get("pages"), answer.get("notes")
    is_plain, kind = answer.get("format") == "plain", answer.get("kind")
    if not (isinstance(text, str) and isinstance(kind, str)):
        raise ImportFailure("damaged", "a strange answer")
    if len(text) > limits.most_characters_out:
        raise ImportFailure("too_much_text", f"{len(text)} characters")
    said = {name: value for name in SAID if isinstance(value := answer.get(name), str)}
    return Extracted(
        text=text,
        format="plain" if is_plain else "markdown",
        kind=kind,
        **said,
        pages=pages if isinstance(pages, int) else None,
        notes=tuple(str(note) for note in notes) if isinstance(notes, list) else (),
    )
