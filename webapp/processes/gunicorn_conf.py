"""How gunicorn serves the application. Read by its path, for nothing of the application, nor what it imports, may be
loaded before gevent has patched the standard library.

That happens here, in the arbiter: it loads what its workers have in common, and they share the memory of it. What the
arbiter itself lives on, signals and forks, stays as it is.
"""

import os
import resource
from contextlib import nullcontext, suppress
from typing import Any

from gevent import monkey, sleep, socket, spawn
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

OPEN_FILES = 65_536


class Journal(Logger):
    """gunicorn's own lines, in the form of ours."""

    error_fmt = "%(asctime)s web         %(levelname)-7s %(message)s"
    datefmt = "%Y-%m-%d %H:%M:%S"


class DrainingWorker(GeventWorker):
    """Stops within a second or two: open streams and idle connections would otherwise hold it up.

    Nor is it held up by who sends or reads slowly: see `webapp.processes.line`.
    """

    made_with: Any = None  # the settings of the application that the arbiter has made

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._idle: set[Any] = set()
        self._line: Any = None

    def patch(self) -> None:
        """All is patched. What we listen on was made before."""
        self.sockets = [_patched(each) for each in self.sockets]

    def load_wsgi(self) -> None:
        from webapp.config import Settings
        from webapp.processes import is_migrating, journal
        from webapp.processes.gate import Gate
        from webapp.processes.line import Line

        settings = Settings.load()
        while is_migrating(settings.data) and self.alive:
            self.notify()
            sleep(0.02)
        journal.start("web", settings.log_level)
        gate = Gate()
        self._line = lambda client: Line(client, settings.patience_seconds, gate.pass_through)
        if settings != self.made_with:
            self.app.callable = None  # by now others are set
        super().load_wsgi()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        line = self._line(client)
        self._idle.add(line)
        try:
            super().handle(listener, line, addr)
        finally:
            self._idle.discard(line)

    def timeout_ctx(self) -> Any:
        """The line has deadlines of its own."""
        return nullcontext()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        self._idle.discard(sock)
        sock.receive(req)
        is_kept = super().handle_request(listener_name, req, sock, addr)
        if sock.is_given_away:
            raise StopIteration  # to gunicorn: this connection is over
        sock.wait()
        self._idle.add(sock)
        if not self.alive:
            _hang_up(sock)
        return is_kept

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        spawn(self._drain)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Ctrl-C is as gentle."""
        self.handle_exit(sig, frame)

    def _drain(self) -> None:
        from webapp import events

        events.drain()
        for client in tuple(self._idle):
            _hang_up(client)


def _hang_up(client: Any) -> None:
    """Read no more requests from a client: it seems to have hung up. What is being written to it still is.

    gevent's own shutdown would make an error of it for who reads.
    """
    with suppress(OSError):
        client._sock.shutdown(socket.SHUT_RD)


def _patched(listener: Any) -> Any:
    """gunicorn's socket as one that lets others run while it waits."""
    family, kind = listener.FAMILY, socket.SOCK_STREAM
    return socket.socket(family, kind, fileno=listener.sock.detach())


def on_starting(server: Any) -> None:
    """Make what all web workers have in common, the application with it. It opens nothing before it is asked."""
    from sqlalchemy.orm import configure_mappers

    from webapp.config import Settings
    from webapp.processes import keep_what_is_loaded, wait_for_others

    DrainingWorker.made_with = Settings.load()
    server.app.wsgi()
    configure_mappers()
    wait_for_others()
    keep_what_is_loaded()


def post_worker_init(worker: Any) -> None:
    """If the arbiter is killed, its workers hold the port: they end with it, so that the next one can have it."""
    import signal

    from webapp.processes import keep_what_is_loaded
    from webapp.processes.tether import tie

    tie(worker.ppid, signal.SIGKILL)
    keep_what_is_loaded()


def worker_exit(server: Any, worker: Any) -> None:
    """A worker that was told to stop, and has, need not take its interpreter apart. The arbiter calls this too."""
    if worker.pid == os.getpid() and worker.booted and not worker.alive:
        os._exit(0)


monkey.patch_all(os=False, signal=False)

_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = OPEN_FILES if _hard == resource.RLIM_INFINITY else min(OPEN_FILES, _hard)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(_soft, _wanted), _hard))

worker_class = DrainingWorker
worker_connections = 10_000  # a library that listens has one; with the default of 1,000 others would hang
http_parser = "fast"  # gunicorn-h1c
keepalive = 15  # whether, not how long: that is the line's
timeout = 60
graceful_timeout = 2
accesslog = None
loglevel = "warning"
logger_class = Journal
forwarded_allow_ips = ""  # nobody; PRECIS_TRUSTED_PROXIES says which headers the application believes
proxy_allow_ips = ""
control_socket_disable = True
