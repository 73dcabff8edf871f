"""What all who listen to a document are told alike: read and drawn once, however many they are."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import g, render_template
from flask_wtf.csrf import generate_csrf

from webapp.extensions import db
from webapp.htmx import event, partial
from webapp.models.area import SummaryArea, read
from webapp.models.document import Document
from webapp.models.feedback import Feedback
from webapp.models.member import Member
from webapp.summarizing.engine import Ask


def _summary(area: SummaryArea) -> str:
    return render_template("summaries/_summary.html", area=area)


@dataclass(eq=False, slots=True)
class Reading:
    """The state of a document's summary, read at `begun_at` on the monotonic clock or later; None if it is gone.

    What the area tells is the same for all but three things: what the role allows, the token of the forms, and the vote of
    who has voted.
    """

    target: str
    area: SummaryArea | None
    draw: Callable[[SummaryArea], str] = _summary
    voters: frozenset[int] = frozenset()
    begun_at: float = field(default_factory=time.monotonic)
    _drawn: dict[bool, list[bytes]] = field(default_factory=dict)

    def event(self, member: Member, token: str) -> bytes:
        """The area as a member sees it, for a stream, with this token in its forms."""
        return token.encode().join(self._drawn_for(member))

    def _drawn_for(self, member: Member) -> list[bytes]:
        """What comes between the places of the token."""
        if member.id in self.voters:
            return self._parts(member)
        if member.can_edit not in self._drawn:
            self._drawn[member.can_edit] = self._parts(member)
        return self._drawn[member.can_edit]

    def _parts(self, member: Member) -> list[bytes]:
        g.member = member
        return self._draw().encode().split(generate_csrf().encode())

    def _draw(self) -> str:
        if self.area is None:
            return event(partial(self.target, "outerHTML", render_template("summaries/_gone.html")))
        try:
            html = self.draw(self.area)
        finally:
            db.session.remove()
        return event(partial(self.target, "outerMorph", html), event_id(self.area))


def read_anew(document_id: int, ask: Ask) -> Reading:
    begun_at = time.monotonic()
    try:
        document = db.session.get(Document, document_id, populate_existing=True)
        area = read(document, ask) if document else None
        shown = area and area.shown_id
        voters = Feedback.voters(document, shown) if document and shown else frozenset()
        return Reading(f"document-{document_id}-summary", area, voters=voters, begun_at=begun_at)
    finally:
        db.session.remove()


def event_id(area: SummaryArea) -> str:
    """What a browser has seen once it has this."""
    return f"{area.seen}.{area.event_id}"
