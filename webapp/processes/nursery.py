"""supervisord that has loaded the application, and forks our own processes from itself.

They start at once, and have in common the memory of what they have loaded. What is not ours is executed, as is all where a
fork without an exec is not safe. Run as a program: `python -m webapp.processes.nursery CONFIGURATION [--migrate]`.
"""

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import NoReturn

import click
from setproctitle import setproctitle
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

from webapp.config import Settings
from webapp.processes import keep_what_is_loaded, migration, setup_file, wait_for_others
from webapp.processes.supervision import CANNOT_START, OWN
from webapp.processes.tether import PARENT, tie
from webapp.processes.valkey import write_private

OF_SUPERVISORD = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGCHLD,
    signal.SIGUSR2,
)


class Options(ServerOptions):  # type: ignore[misc]  # it has no types
    """How a process that was forked becomes what it is to be."""

    def execve(self, filename: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        arguments = own_arguments(argv)
        if arguments is None or sys.platform != "linux":
            super().execve(filename, argv, env)
        else:
            _become(arguments, env)


class Nursery(Supervisor):  # type: ignore[misc]  # it has no types
    """Starts what loads itself, and meanwhile loads what it forks."""

    def __init__(self, options: Options, *, migrates: bool) -> None:
        super().__init__(options)
        self.migrates = migrates
        self.has_failed = False

    def runforever(self) -> None:
        try:
            self._start()
        except click.ClickException as error:
            self._fail(error.format_message())
        except Exception:  # noqa: BLE001 - whatever it is: what runs already is to end in its order
            self._fail(traceback.format_exc())
        super().runforever()

    def _start(self) -> None:
        """supervisord itself would begin with a second of waiting."""
        settings = Settings.load()
        with migration(settings.data) if self.migrates else nullcontext():
            self._start_those(are_own=False)
            if any(map(_is_own, self._configurations())):
                load(settings, migrates=self.migrates)
        self._start_those(are_own=True)

    def _start_those(self, *, are_own: bool) -> None:
        for group in sorted(self.process_groups.values()):
            if are_own == any(map(_is_own, group.config.process_configs)):
                group.transition()

    def _configurations(self) -> list[object]:
        return [each for group in self.process_groups.values() for each in group.config.process_configs]

    def _fail(self, reason: str) -> None:
        print(reason, flush=True)  # noqa: T201 - to the terminal, through whoever has started us
        self.has_failed = True
        self.options.mood = SupervisorStates.SHUTDOWN


def own_arguments(command: Sequence[str]) -> list[str] | None:
    """What a command line, tethered or not, gives to `precis`; None if that is not what it runs."""
    found = [place for place in range(len(command) - 1) if list(command[place : place + 2]) == OWN]
    return list(command[found[0] + 2 :]) if found else None


def _is_own(configuration: object) -> bool:
    return own_arguments(shlex.split(configuration.command)) is not None  # type: ignore[attr-defined]


def load(settings: Settings, *, migrates: bool) -> None:
    """Load what our processes have in common, and leave nothing open that they would share."""
    from sqlalchemy.orm import configure_mappers

    from tasks import hands, imports, summaries, upkeep  # noqa: F401 - so that they are loaded
    from webapp import cli  # noqa: F401 - as above
    from webapp.extensions import db
    from webapp.processes import sweeper, worker  # noqa: F401 - as above

    app = summaries.make_app(settings)
    configure_mappers()
    summaries.engine(settings)
    with app.app_context():
        if migrates:
            from webapp.models.setup import first_address
            from webapp.processes import migrating

            migrating.migrate(app)
            write_private(setup_file(settings.data), first_address(app) or "")
        db.engine.dispose()
    wait_for_others()
    keep_what_is_loaded()


def _become(arguments: list[str], environ: Mapping[str, str]) -> NoReturn:
    """Be one of our own processes from here on, as if it had been executed."""
    tie(int(environ[PARENT]), signal.SIGTERM)
    for number in OF_SUPERVISORD:
        signal.signal(number, signal.SIG_DFL)
    sys.argv = ["precis", *arguments]
    setproctitle(" ".join(sys.argv))
    os.environ.clear()
    os.environ.update({**environ, PARENT: str(os.getpid())})
    code = 1
    try:
        from webapp.cli import cli

        cli(arguments, prog_name="precis")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - it is the end of a process, and who started it can't know of it
        traceback.print_exc()
    os._exit(code)


def main() -> None:
    """Supervise until told to stop."""
    configuration, *more = sys.argv[1:]
    setproctitle("precis supervisor")
    options = Options()
    options.realize(["--configuration", configuration])
    options.first, options.test = True, False
    nursery = Nursery(options, migrates="--migrate" in more)
    with suppress(asyncore.ExitNow):
        nursery.main()
    options.close_httpservers()
    options.close_logger()
    sys.exit(CANNOT_START if nursery.has_failed else 0)


if __name__ == "__main__":
    main()
