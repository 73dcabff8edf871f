"""What `precis rewarm` says and does, on the library of the application that runs."""

import sys
from collections.abc import Iterator, Sequence

import click

from webapp.extensions import current_settings
from webapp.models import Lane, Rewarming, presence
from webapp.models.estimate import Estimate
from webapp.models.making import Choice, Making, UnknownMaking, makings
from webapp.models.rewarming import Busy, NothingToDo
from webapp.summarizing.engine import EXTRACT

STARTED_BY = "the command line"
NONE = "No rewarming is under way."
NOTHING = "Nothing is to be done: no summary is left that would be made anew."
CHANGES = {"pause": Rewarming.pause, "resume": Rewarming.resume, "stop": Rewarming.stop}


class Refused(Exception):
    """It can't be done. The message says why, and what to do; `code` is the command's exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def run(change: str | None, names: Sequence[str], *, is_sure: bool, is_dry: bool) -> Iterator[str]:
    """Yield what there is to say. Raises Refused."""
    if change:
        yield status() if change == "status" else changed(change)
        return
    known = makings()
    choice = choose(names, known)
    yield from told(choice, known)
    if not is_dry:
        if not is_sure:
            _ask()
        yield start(choice)


def _ask() -> None:
    if not _is_at_a_terminal():
        raise Refused("Nothing was begun. Add --yes to begin.", 2)
    if not click.confirm("Begin?"):
        raise Refused("Nothing was begun.")


def _is_at_a_terminal() -> bool:
    return sys.stdin.isatty()


def status() -> str:
    current = Rewarming.current()
    last = current or next(iter(Rewarming.past(1)), None)
    told = [str(current) if current else NONE]
    if last is not None and current is None:
        told.append(f"The last one: {last}")
    return "\n".join([*told, *(_no_worker() if current else ())])


def changed(name: str) -> str:
    """Pause, resume or stop the one that is under way. Raises Refused."""
    current = Rewarming.current()
    if current is None:
        raise Refused(NONE)
    CHANGES[name](current)
    return status()


def choose(names: Sequence[str], known: Sequence[Making]) -> Choice:
    """What `--made-with` means. Raises Refused."""
    if not current_settings().summaries:
        raise Refused("Summaries are turned off. Set PRECIS_SUMMARIES to on.")
    try:
        return Choice.of([name.strip() for each in names for name in each.split(",") if name.strip()], known)
    except UnknownMaking as error:
        raise Refused(str(error)) from None


def told(choice: Choice, known: Sequence[Making]) -> Iterator[str]:
    """The estimate, and what there is to choose from. Raises Refused where nothing is to be done."""
    estimate = Estimate.of(choice)
    yield "What the summaries that are shown were made with:"
    for making in known:
        yield f"  {making.documents:>7,}  {making.name}{'  (as today)' if making.is_todays else ''}"
    if not estimate.documents:
        raise Refused(NOTHING, 0)
    recipe = current_settings().recipe
    yield f"To be made anew, by {recipe.engine}:{recipe.model}:{recipe.prompt_version}:"
    yield f"  Documents  {estimate.documents:,}"
    if current_settings().engine != EXTRACT:
        yield f"  Calls      {estimate.calls:,}"
        yield f"  Tokens     about {estimate.tokens_in:,} read, {estimate.tokens_out:,} written"
        yield f"  Money      {estimate.money}"
    yield f"  Time       {estimate.time}"


def start(choice: Choice) -> str:
    """Begin. Raises Refused."""
    try:
        begun = Rewarming.start(choice, STARTED_BY)
    except Busy:
        raise Refused("A rewarming is under way already: see `precis rewarm --status`, or stop it.") from None
    except NothingToDo:
        raise Refused(NOTHING, 0) from None
    return "\n".join(
        [f"Begun: {begun.chosen:,} documents. `precis rewarm --status` tells how it goes.", *_no_worker()]
    )


def _no_worker() -> Iterator[str]:
    if Lane.WARM not in presence.live_lanes():
        yield "No worker is alive: it goes on once Precis runs."
