"""The one door to pandoc, a program of its own, which turns most formats into Markdown.

It is run in the process that has been confined, whose limits it inherits. Its sandbox keeps its readers from
other files and from the network.
"""

import re
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from webapp.importing.extracted import ImportFailure
from webapp.importing.limits import Limits

TIDY = Path(__file__).with_name("tidy.lua")
WRITER = "commonmark+pipe_tables+strikeout-raw_html"
HEAP_EXHAUSTED = 251  # the exit code of a Haskell program that may have no more

_BETWEEN_LISTS = re.compile(r"^ *&nbsp;\n\n?", re.MULTILINE)
_MEBIBYTE = 1024 * 1024


def markdown(source: bytes, reader: str, limits: Limits) -> str:
    """`source`, in one of pandoc's input formats, as CommonMark with pipe tables: no raw HTML, no images.

    Raises ImportFailure: "damaged", "too_much_memory", "too_slow", "no_reader".
    """
    command = [
        program(),
        "--sandbox",
        "--from",
        reader,
        "--to",
        WRITER,
        "--wrap=none",
        "--lua-filter",
        str(TIDY),
    ]
    if reader == "docx":  # what is in the styles of a title is no part of its body
        command.append("--metadata=with_title:true")
    command += ["+RTS", f"-M{limits.memory_bytes // 2 // _MEBIBYTE}m", "-RTS"]
    done = subprocess.run(  # noqa: S603 - nothing of it comes from the file
        command, input=source, capture_output=True, check=False, env={"LC_ALL": "C.UTF-8"}, cwd="/"
    )
    if done.returncode:
        raise _failure(done)
    return _BETWEEN_LISTS.sub("", done.stdout.decode("utf-8", "replace"))


def program() -> str:
    """The path of pandoc: of the one that pypandoc brings, else of the system's.

    Raises ImportFailure: "no_reader".
    """
    brought = find_spec("pypandoc")
    for folder in (brought.submodule_search_locations or ()) if brought else ():
        if (path := Path(folder, "files", "pandoc")).is_file():
            return str(path)
    if found := shutil.which("pandoc", path="/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"):
        return found
    raise ImportFailure("no_reader", "pandoc is not installed")


def _failure(done: subprocess.CompletedProcess[bytes]) -> ImportFailure:
    detail = f"pandoc ended with {done.returncode}"
    if done.returncode == HEAP_EXHAUSTED or b"memory" in done.stderr:
        return ImportFailure("too_much_memory", detail)
    if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
        return ImportFailure("too_slow", detail)
    return ImportFailure("damaged", detail)
