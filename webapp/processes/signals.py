"""Being told to stop."""

import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn


def stop_signal() -> threading.Event:
    """An event that SIGTERM, SIGINT and SIGHUP set; a SIGHUP that is ignored, as under nohup, still is."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGTERM:
            signal.signal(number, stop)
    return stopping


def exit_at_once() -> NoReturn:
    """End well, without taking the interpreter apart: that takes longer than all that has to be done."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
