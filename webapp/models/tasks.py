"""The team's own prompts as they stand: what each style asks a model for, known to every process at once.

Rows of `prompts` are only ever added. So their number tells whether what a process knows of them still holds; a request
reads it together with its sign-in, and no page costs a query more.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from flask import current_app, g
from sqlalchemy import ColumnElement, ScalarSelect, SQLColumnExpression, column, func, or_, select, table

from webapp.extensions import current_settings, db
from webapp.summarizing.engine import EXTRACT, Ask, Style

_prompts = table(
    "prompts",
    column("style"),
    column("edition"),
    column("task"),
    column("created_at"),
    column("member_id"),
)
_members = table("members", column("id"), column("name"))
FORMER = "a former member"


class Written(NamedTuple):
    """Who wrote a prompt, and when: seconds since 1970."""

    edition: int
    created_at: float
    author_name: str


@dataclass(frozen=True, slots=True)
class Tasks:
    """All that was ever saved, read at once: the newest of each style, and who wrote which."""

    number: int
    current: dict[str, str] = field(default_factory=dict)
    written: dict[tuple[str, str], Written] = field(default_factory=dict)


def number() -> ScalarSelect[int]:
    """How many prompts were saved so far, to be read beside something else."""
    return select(func.count()).select_from(_prompts).scalar_subquery()


def note(count: int | None) -> None:
    """Keep for the rest of the request what `number` was; None forgets it, and each question reads it anew."""
    g.prompts = count


def task_of(style: Style) -> str:
    """The team's own task for a style; "" for the built-in one, and for the embedded engine, which heeds none."""
    return "" if current_settings().engine == EXTRACT else tasks().current.get(style, "")


def written(style: str, prompt_hash: str) -> Written | None:
    """Who last saved the task with this hash; None where it was never saved."""
    return tasks().written.get((style, prompt_hash))


def is_saved(style: SQLColumnExpression[str], task: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """That this task is or was everybody's: the built-in one, or one that the team has saved. What was only tried is not."""
    saved = select(_prompts.c.task).where(_prompts.c.style == style, _prompts.c.task == task)
    return or_(task == "", saved.exists())


def tasks() -> Tasks:
    """What was saved by now; read from SQL once after each save."""
    count = g.get("prompts")
    if count is None:
        count = db.session.scalar(select(number()))
    kept: Tasks | None = current_app.extensions.get("tasks")
    if kept is None or kept.number != count:
        kept = current_app.extensions["tasks"] = _read()
        if "prompts" in g:
            note(kept.number)
    return kept


def _read() -> Tasks:
    rows = db.session.execute(
        select(_prompts, _members.c.name)
        .outerjoin(_members, _members.c.id == _prompts.c.member_id)
        .order_by(_prompts.c.edition)
    ).all()
    found = Tasks(len(rows))
    for row in rows:
        found.current[row.style] = row.task
        asked = Ask(Style(row.style), task=row.task)
        found.written[row.style, asked.prompt_hash] = Written(row.edition, row.created_at, row.name or FORMER)
    return found
