"""What readers said of the summaries of an archive: it goes along with each, and comes in where its member is one here."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.extensions import db
from webapp.models.archive.folder import Damaged
from webapp.models.archive.identity import author_id
from webapp.models.archive.rows import checked, told
from webapp.models.document import Document
from webapp.models.feedback import Feedback
from webapp.models.summary import Summary


def votes_on(session: Session, summary: Summary, emails: Mapping[int, str]) -> list[dict[str, Any]]:
    """Each vote on a summary, beside the address of its member."""
    rows = select(Feedback).where(Feedback.summary_id == summary.id)
    found = sorted(session.scalars(rows), key=lambda vote: emails.get(vote.member_id, ""))
    return [told(vote) | {"author": emails.get(vote.member_id)} for vote in found]


def take_votes(document: Document, summary: Summary, given: object) -> None:
    """The votes on a summary that was just taken. An older Precis tells of none. Raises Damaged."""
    votes = given.get("votes", []) if isinstance(given, dict) else None
    if not isinstance(votes, list):
        raise Damaged("It has votes that are no list.")
    members: dict[int, dict[str, Any]] = {}
    for each in votes:
        row = checked(Feedback, each)
        if (member_id := author_id(each)) is not None:
            members[member_id] = row
    db.session.add_all(
        Feedback(**row, summary_id=summary.id, member_id=each) for each, row in members.items()
    )
    document.votes += len(members)
    db.session.flush()
