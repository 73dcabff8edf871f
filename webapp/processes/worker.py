"""A worker process: one lane's queue, and as many threads as may write summaries at once. The warm one imports, too."""

import logging
import os
import sys
import threading
from collections.abc import Callable

from flask import Flask

from webapp import hints
from webapp.config import Settings
from webapp.models import presence
from webapp.processes import journal, keep_what_is_loaded
from webapp.processes.signals import stop_signal

BEAT_SECONDS = 5.0
IMPORT_THREADS = 2
SWITCH_SECONDS = 0.0005  # a thread whose words have come waits no longer for one that computes
FEW_THREADS = 16  # of more, each would be woken so often to see that it must wait that none gets on
CROWD = 32  # calls at once: of so many, one in AHEAD is made ready while all others are under way
AHEAD = 8
STOP_MS = 3_000
EXIT_SECONDS = 5.0

log = logging.getLogger(__name__)


def run(lane: str, settings: Settings) -> None:
    """Work on a lane until SIGTERM or SIGINT, then give back what is not finished and return within 5 seconds."""
    from tasks import ahead, imports, summaries
    from tasks.broker import make_broker
    from tasks.calls import Calls
    from tasks.hands import Hands

    journal.start(lane, settings.log_level)
    stopping = stop_signal()
    calls = settings.interactive_threads if lane == "interactive" else settings.warm_threads
    is_crowd = lane == "warm" and calls >= CROWD
    threads = calls + calls // AHEAD if is_crowd else calls
    sys.setswitchinterval(_switch_seconds(threads))
    app = summaries.make_app(settings)
    summaries.engine(settings)  # made now: it would take the first click's time
    broker = app.extensions["broker"]
    app.extensions["calls"] = Calls(calls, is_crowd=is_crowd)
    workers = [Hands(broker, lane, threads)]
    if lane == "warm":  # with threads and a broker of their own: no file waits until a model has spoken
        second = make_broker(broker.url)
        imports.declare(app, second)
        workers.append(Hands(second, hints.IMPORTS, IMPORT_THREADS))
    else:
        ahead.listen(app, broker.url)
    keep_what_is_loaded()
    for worker in workers:
        worker.start()
    threading.Thread(target=_beat, args=(app, lane, stopping), name="presence", daemon=True).start()
    stopping.wait()
    _exit_in_time()
    summaries.stop_all()
    imports.stop_all(app)
    for worker in workers:
        worker.end()
    for worker in workers:
        worker.stop(timeout=STOP_MS)
    _quietly(app, presence.leave)


def _switch_seconds(threads: int) -> float:
    """The longest that one computes while others wait: Python wakes all of those each time that it has passed."""
    return SWITCH_SECONDS * max(1.0, threads / FEW_THREADS)


def _beat(app: Flask, lane: str, stopping: threading.Event) -> None:
    while not stopping.is_set():
        _quietly(app, lambda: presence.beat(lane))
        stopping.wait(BEAT_SECONDS)


def _quietly(app: Flask, say: Callable[[], None]) -> None:
    """Presence is for people to read: that it can't be written must not end the work."""
    try:
        with app.app_context():
            say()
    except Exception as error:  # noqa: BLE001 - whatever it is
        log.warning("Nobody was told that this worker lives: %s", error)


def _exit_in_time() -> None:
    """A thread that hangs in a read or a lock does not hold up the exit: its lease ends."""
    timer = threading.Timer(EXIT_SECONDS, os._exit, args=[0])
    timer.daemon = True
    timer.start()
