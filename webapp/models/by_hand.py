"""People's words on the page: in the place of what an engine wrote, which is offered beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from sqlalchemy import select

from webapp.extensions import db
from webapp.models.chosen import PERSON
from webapp.models.member import Member
from webapp.models.provenance import facts
from webapp.models.tasks import FORMER
from webapp.models.times import as_datetime
from webapp.models.words import Words
from webapp.summarizing.engine import EXTRACT

if TYPE_CHECKING:
    from webapp.models.summary_area import SummaryArea


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What an engine wrote, where people's words have its place. Times are aware."""

    id: int
    html: Markup
    label: str
    written_at: datetime | None
    version: int | None
    is_newer: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """Words of a person that are put aside."""

    id: int
    author: str
    written_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Hand:
    """What people had to do with a summary. `beside` is None where there is nothing to be used instead."""

    is_shown: bool
    beside: Beside | None
    earlier: Sequence[Earlier]


def with_words(area: "SummaryArea") -> "SummaryArea":
    """The area with the words of a person in it, where they are to be shown."""
    if not area.document.choices:
        return area
    words = Words(area.document, area.ask)
    known, ready = words.known(), words.ready()
    names = _names(known)
    earlier = [
        Earlier(each["id"], _name(names, each["author_id"]), as_datetime(each["at"]), each["version"])
        for each in known["earlier"]
    ]
    if ready is None:
        return replace(area, hand=Hand(False, None, earlier))
    is_stale = ready["content_hash"] != area.document.content_hash
    hand = Hand(True, _beside(area, ready) if is_stale or not area.is_stale else None, earlier)
    return replace(
        area,
        state="complete" if area.state == "short" else area.state,
        html=Markup(ready["html"]),  # noqa: S704 - summary_html made it safe
        shown_id=ready["id"],
        engine_label=f"Edited by {_name(names, ready['author_id'])}",
        written_at=as_datetime(ready["finished_at"]),
        version=ready["version"],
        is_linked=ready["is_linked"],
        is_stale=is_stale,
        origin=None,
        provenance=facts(ready),
        coverage=None,
        hand=hand,
    )


def _beside(area: "SummaryArea", ready: dict[str, Any]) -> Beside | None:
    written_at = as_datetime(ready["finished_at"])
    if area.html is None or area.shown_id is None:
        return None
    return Beside(
        id=area.shown_id,
        html=area.html,
        label=area.engine_label or "",
        written_at=area.written_at,
        version=area.version,
        is_newer=bool(area.written_at and written_at and area.written_at > written_at),
    )


def label_of(engine: str, model: str, author_id: int | None = None) -> str:
    """Who wrote a summary, in words."""
    if engine == PERSON:
        return f"Edited by {_name(names_of([author_id]), author_id)}"
    return "Selected sentences" if engine == EXTRACT else f"Written by {model}"


def names_of(member_ids: Sequence[int | None]) -> dict[int, str]:
    """The names of these members, of those that there are."""
    wanted = {each for each in member_ids if each}
    if not wanted:
        return {}
    rows = db.session.execute(select(Member.id, Member.name).where(Member.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def _names(known: dict[str, Any]) -> dict[int, str]:
    shown = [known["words"]] if known["words"] else []
    return names_of([each["author_id"] for each in (*shown, *known["earlier"])])


def _name(names: dict[int, str], member_id: int | None) -> str:
    return names.get(member_id or 0, FORMER)
