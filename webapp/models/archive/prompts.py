"""The team's prompts in an archive: the library that takes it asks as this one did, and so needs no model again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.extensions import db, transaction
from webapp.models import tasks
from webapp.models.archive.folder import PROMPTS, Damaged, as_json, content, parsed, saved
from webapp.models.archive.identity import author_id
from webapp.models.archive.rows import checked, told
from webapp.models.prompt import Prompt
from webapp.summarizing.engine import Style
from webapp.summarizing.prompt import checked_task

PROMPTS_BYTES = 64_000_000


def write_prompts(folder: Path, session: Session, emails: Mapping[int, str]) -> dict[str, str]:
    """Write all that were saved, if any were. Returns the SHA-256 of the file by its name, for the manifest."""
    rows = session.scalars(select(Prompt).order_by(Prompt.style, Prompt.edition)).all()
    if not rows:
        return {}
    entries = [told(row) | {"author": emails.get(row.member_id or 0)} for row in rows]
    return {PROMPTS: saved(folder / PROMPTS, as_json({"prompts": entries}))}


def take_prompts(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Take over the prompts of each style that the team has none of its own for. Raises Damaged."""
    if PROMPTS not in manifest:
        return
    entries = parsed(content(folder, PROMPTS, PROMPTS_BYTES, str(manifest[PROMPTS])), PROMPTS).get("prompts")
    if not isinstance(entries, list):
        raise Damaged(f"{PROMPTS} lacks its prompts.")
    rows = [Prompt(**checked(Prompt, entry), member_id=author_id(entry)) for entry in entries]
    for style in {row.style for row in rows}:
        _check(style, sorted((row for row in rows if row.style == style), key=lambda row: row.edition))
    with transaction():
        own = set(db.session.scalars(select(Prompt.style).distinct()))
        db.session.add_all([row for row in rows if row.style not in own])
    tasks.note(None)


def _check(style: str, rows: list[Prompt]) -> None:
    """That these are the prompts of a style as they could have been saved."""
    try:
        is_whole = all(checked_task(Style(style), row.task) == row.task for row in rows)
    except ValueError:
        is_whole = False
    if not is_whole or [row.edition for row in rows] != list(range(1, len(rows) + 1)):
        raise Damaged(f"{PROMPTS} has prompts that nobody can have saved.")
