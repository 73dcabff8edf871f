"""Failpoints: what Python runs first in every process of a test that has put this folder on its path.

Nothing of this is in the application. Once a module with a place in it is imported, the function there is wrapped;
whether something happens is decided at each call, by the shots that lie in the folder `PRECIS_TEST_SHOTS`.
`tests/support/failpoints.py` names the places and lays the shots.
"""

import functools
import importlib.util
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

SHOTS = Path(os.environ.get("PRECIS_TEST_SHOTS", ""))
PLACES: dict[str, dict[str, list[str]]] = json.loads(os.environ.get("PRECIS_TEST_PLACES", "{}"))
MOST_PAGES = 4294967294
CLOCK = os.environ.get("PRECIS_TEST_CLOCK", "")
passed: Counter[str] = Counter()


class Finder:
    """Finds what the others find, and has it wrapped once it is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in PLACES:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module
            spec.loader.exec_module = functools.partial(_load, load, PLACES[name])  # type: ignore[method-assign]
        return spec


def _load(load: Callable[[ModuleType], None], places: dict[str, list[str]], module: ModuleType) -> None:
    load(module)
    for place, (way, moment) in places.items():
        *owners, name = way.split(".")
        owner: Any = functools.reduce(getattr, owners, module)
        found = vars(owner)[name]
        kind = type(found) if isinstance(found, classmethod | staticmethod) else None
        wrapped = _wrapped(found.__func__ if kind else found, place, moment)
        setattr(owner, name, kind(wrapped) if kind else wrapped)


def _wrapped(function: Callable[..., Any], place: str, moment: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if moment == "before":
            _pass(place, args)
        result = function(*args, **kwargs)
        if moment == "after":
            _pass(place, (*args, result))
        if moment == "room":
            _make_room(place, args[0])
        return result

    return wrapper


def _pass(place: str, values: tuple[Any, ...]) -> None:
    """Come by a place: take a shot that lies there, if it is meant for this process and these values."""
    folder = SHOTS / place
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        try:
            shot = json.loads(path.read_text())
        except (OSError, ValueError):
            continue  # another process has taken it
        if shot["process"] in " ".join(sys.argv) and _is_meant(values, shot):
            passed[path.name] += 1
            if passed[path.name] >= shot["nth"] and _is_first(path):
                _shoot(shot)
            return


def _is_meant(values: tuple[Any, ...], shot: dict[str, Any]) -> bool:
    """Whether one of the values is a claim, pen or row of its document, or a hint of its summary."""
    if shot["summary"] is not None:
        return any(tuple(getattr(each, "args", ())) == (shot["summary"],) for each in values)
    return shot["document"] is None or any(_document_id(each) == shot["document"] for each in values)


def _document_id(value: Any) -> object:
    return getattr(value, "document_id", None) or getattr(value, "_fact", {}).get("document_id")


def _is_first(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


def _shoot(shot: dict[str, Any]) -> None:
    if shot["do"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif shot["do"] == "redis":
        from redis.exceptions import ConnectionError as RedisIsAway

        raise RedisIsAway("a failpoint")
    elif shot["do"] == "database":
        from sqlalchemy.exc import OperationalError

        raise OperationalError("a failpoint", {}, Exception("a failpoint"))
    else:
        raise RuntimeError("a failpoint")


def _make_room(place: str, connection: Any) -> None:
    """For this writer SQLite has as much room as there is, or none beyond what it has, while a shot lies there."""
    folder = SHOTS / place
    pages = 1 if folder.is_dir() and any(folder.iterdir()) else MOST_PAGES
    connection.connection.dbapi_connection.execute(f"PRAGMA max_page_count={pages}")


def _put_clock(seconds: float) -> None:
    """This process's own clock goes wrong by so much."""
    right = time.time
    time.time = lambda: right() + seconds


if CLOCK:
    _put_clock(float(CLOCK))
if PLACES:
    sys.meta_path.insert(0, Finder())
