"""The sweeper process: brings back what was lost, every few seconds."""

import logging

from webapp import create_app
from webapp.config import Settings
from webapp.processes import journal
from webapp.processes.worker import stop_signal

log = logging.getLogger(__name__)


def run(settings: Settings, *, once: bool = False) -> None:
    """Sweep until SIGTERM or SIGINT, or once. What goes wrong in the loop is logged and tried again."""
    from tasks.upkeep import sweep_now

    journal.start("sweep", settings.log_level)
    stopping = stop_signal()
    app = create_app(settings)
    while not stopping.is_set():
        try:
            with app.app_context():
                sweep_now()
        except Exception:
            if once:
                raise
            log.exception("The sweep failed, and is tried again.")
        stopping.wait(0 if once else settings.sweep_seconds)
        if once:
            return
