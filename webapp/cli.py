"""The `precis` command."""

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webapp.config import Settings, SettingsError
from webapp.processes import LANES
from webapp.summarizing.sanitizing import visible

if TYPE_CHECKING:
    from webapp.models.member import Member

BAD_SETTING = 2


class Sentence(click.ClickException):
    """What went wrong, and what to do, without a traceback."""

    def __init__(self, message: object, code: int = 1) -> None:
        super().__init__(str(message))
        self.code = code

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click has an attribute of the class, alike for all
        return self.code

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


def settings() -> Settings:
    """The settings. A bad one ends the command with its sentence."""
    try:
        return Settings.load()
    except SettingsError as error:
        raise Sentence(error, BAD_SETTING) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """A library in which every document already has its summary when you open it."""


@cli.command()
def up() -> None:
    """Run everything, until Ctrl-C."""
    from webapp.processes.up import DataInUse, run
    from webapp.processes.web import CannotListen

    try:
        sys.exit(run(settings()))
    except (CannotListen, DataInUse, SettingsError) as error:
        raise Sentence(error) from None


@cli.command()
def web() -> None:
    """Run the web site alone."""
    from webapp.processes.web import CannotListen, run

    try:
        run(settings())
    except CannotListen as error:
        raise Sentence(error) from None


@cli.command()
@click.option("--lane", type=click.Choice(LANES), help="One lane, in this process. Else both.")
def worker(lane: str | None) -> None:
    """Run the workers alone."""
    if lane is None:
        from webapp.processes.up import run_workers

        sys.exit(run_workers(settings()))
    from webapp.processes.signals import exit_at_once
    from webapp.processes.worker import run

    run(lane, settings())
    exit_at_once()


@cli.command()
@click.option("--once", is_flag=True, help="Sweep once, as from cron.")
def sweep(once: bool) -> None:
    """Run the sweeper alone, which brings back what was lost."""
    from webapp.processes.signals import exit_at_once
    from webapp.processes.sweeper import run

    run(settings(), once=once)
    exit_at_once()


@cli.command()
def doctor() -> None:
    """Check settings, connections and the library's invariants, and say what to do."""
    from webapp.doctor import examine

    findings = list(examine(settings()))
    for finding in findings:
        click.echo(str(finding))
    sys.exit(0 if all(finding.is_well for finding in findings) else 1)


@cli.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export_library(folder: Path) -> None:
    """Write the library into a new folder, for people to read and for `precis import`."""
    from webapp import create_app
    from webapp.models.archive import Refused, write
    from webapp.processes.migrating import migrate

    app, number = create_app(settings()), 0
    migrate(app)
    try:
        with app.app_context():
            for number, document in enumerate(write(folder), 1):
                for name in document.missing:
                    _tell(f"“{document.title}”: its original {name} is not in the data folder.")
                _count(number, "exported")
    except Refused as error:
        raise Sentence(error) from None
    click.echo(f"{_documents(number)} exported to {folder}.")


@cli.command("import")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option("--as", "email", help="Who brings files in. Else the first admin.")
def import_paths(paths: tuple[Path, ...], email: str | None) -> None:
    """Bring in files, folders of files, or the folder of an export with all that is in it."""
    from webapp.models.archive.folder import CHECKSUMS, is_archive

    if len(paths) == 1 and (is_archive(paths[0]) or (paths[0] / CHECKSUMS).is_file()):
        _import_library(paths[0])
    else:
        _import_files(paths, email)


def _import_files(paths: tuple[Path, ...], email: str | None) -> None:
    import logging

    from tasks import bulk
    from webapp import create_app
    from webapp.processes.migrating import migrate

    app = create_app(settings())
    migrate(app)
    logging.getLogger("webapp").setLevel(logging.ERROR)  # while nothing runs, nobody can be told: no news
    files, others = bulk.found(paths)
    with app.app_context(), click.progressbar(length=len(files), label="Importing") as progress:
        arrivals = []
        for arrival in bulk.bring_in(_importer(email), files):
            arrivals.append(arrival)
            progress.update(1)
    failed = [arrival for arrival in arrivals if arrival.problem]
    known = sum(arrival.is_known for arrival in arrivals)
    for arrival in failed:
        _tell(f"{arrival.path}: {arrival.problem}")
    click.echo(
        f"{_documents(len(arrivals) - known - len(failed))} imported, {known} were there already, "
        f"{len(failed)} could not be read, {others} files of other kinds were left out."
    )
    sys.exit(1 if failed else 0)


def _importer(email: str | None) -> "Member":
    from webapp.models.member import Member

    member = Member.with_email(email) if email else Member.first_admin()
    if member is None or not member.can_edit:
        raise Sentence(
            "Nobody with this address may add documents." if email else "Add an admin first: precis user add."
        )
    return member


def _import_library(path: Path) -> None:
    """Bring the documents of an export into the library, with their summaries."""
    from webapp import create_app
    from webapp.models.archive import Refused, read
    from webapp.processes.migrating import migrate

    app, new, known, damaged = create_app(settings()), 0, 0, 0
    migrate(app)
    try:
        with app.app_context():
            for number, arrival in enumerate(read(path), 1):
                new += arrival.problem is None and not arrival.is_known
                known += arrival.is_known
                damaged += arrival.problem is not None
                if arrival.problem:
                    _tell(f"{arrival.name}: {arrival.problem}")
                for name in arrival.missing:
                    _tell(f"{arrival.name}: the export has no original {name}.")
                _count(number, "read")
    except Refused as error:
        raise Sentence(error) from None
    click.echo(f"{_documents(new)} imported, {known} were there already, {damaged} could not be read.")
    sys.exit(1 if damaged else 0)


def _tell(words: str) -> None:
    """Say what is wrong. Names come from anywhere, and must not steer the terminal."""
    click.echo(" ".join(visible(words).split()), err=True)


def _count(number: int, done: str) -> None:
    """A sign of life now and then."""
    if number % 1_000 == 0:
        click.echo(f"{_documents(number)} {done} so far.")


def _documents(number: int) -> str:
    return "1 document" if number == 1 else f"{number:,} documents"


@cli.command()
@click.option("--made-with", multiple=True, help="ENGINE[:MODEL[:PROMPT]], several by commas. Else all.")
@click.option("--yes", "is_sure", is_flag=True, help="Begin without asking.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Tell the estimate, and begin nothing.")
@click.option("--status", "change", flag_value="status", help="Tell how it goes.")
@click.option("--pause", "change", flag_value="pause", help="Ask for no more for now.")
@click.option("--resume", "change", flag_value="resume", help="Go on.")
@click.option("--stop", "change", flag_value="stop", help="End it; the rest stays as it is.")
def rewarm(made_with: tuple[str, ...], is_sure: bool, is_dry: bool, change: str | None) -> None:
    """Make the summaries anew that another model or an earlier prompt made."""
    from webapp import create_app, rewarming_command
    from webapp.processes.migrating import migrate

    app = create_app(settings())
    migrate(app)
    try:
        with app.app_context():
            for line in rewarming_command.run(change, made_with, is_sure=is_sure, is_dry=is_dry):
                click.echo(line)
    except rewarming_command.Refused as error:
        raise Sentence(error, error.code) from None


@cli.group()
def user() -> None:
    """The members of the team."""


@user.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice(["admin", "editor", "reader"]), required=True)
@click.option("--name", default="", help="Else the part of the address before the @.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)
def add_user(email: str, role: str, name: str, password_stdin: bool) -> None:
    """Add a member."""
    from webapp import create_app
    from webapp.models.member import Member
    from webapp.processes.migrating import migrate

    app = create_app(settings())
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else getpass.getpass()
    migrate(app)
    try:
        with app.app_context():
            Member.add(email=email, name=name or email.partition("@")[0], password=password, role=role)
    except ValueError as error:
        raise Sentence(error) from None
    click.echo(f"{email} is a member now: {role}.")


def main() -> None:
    """Run the command. A bad setting is one sentence and exit code 2."""
    cli(prog_name="precis")


if __name__ == "__main__":
    main()
