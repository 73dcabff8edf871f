"""The sweeper process: brings back what was lost, every few seconds."""

import logging
import time

from webapp.config import Settings
from webapp.processes import journal
from webapp.processes.signals import stop_signal

TICK_SECONDS = 1.0  # how late a row may be found whose wait is over
BUSY_TICK_SECONDS, BUSY_SECONDS = 0.2, 20.0  # workers that take a batch in less time wait for the next one
log = logging.getLogger(__name__)


def run(settings: Settings, *, once: bool = False) -> None:
    """Sweep until SIGTERM or SIGINT, or once. Between sweeps, hints go out for what has become due.

    What goes wrong in the loop is logged and tried again.
    """
    from tasks.summaries import make_app
    from tasks.upkeep import hint_now, sweep_now

    journal.start("sweep", settings.log_level)
    stopping = stop_signal()
    app = make_app(settings)
    sweep_at = busy_until = 0.0
    while not stopping.is_set():
        is_sweep = time.monotonic() >= sweep_at
        try:
            with app.app_context():
                is_more = sweep_now() if is_sweep else hint_now()
            busy_until = time.monotonic() + BUSY_SECONDS if is_more else busy_until
        except Exception:
            if once:
                raise
            log.exception("The sweep failed, and is tried again.")
        if once:
            return
        sweep_at = time.monotonic() + settings.sweep_seconds if is_sweep else sweep_at
        tick_seconds = BUSY_TICK_SECONDS if time.monotonic() < busy_until else TICK_SECONDS
        stopping.wait(min(tick_seconds, settings.sweep_seconds))
