"""What all who listen to a document are told alike: read and drawn once in each process, however many they are."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import current_app, render_template
from flask_wtf.csrf import generate_csrf

from webapp.extensions import db
from webapp.htmx import event, partial
from webapp.models.area import SummaryArea, read
from webapp.models.document import Document
from webapp.models.feedback import Feedback
from webapp.security import current_member
from webapp.summarizing.engine import Ask

MOST = 200  # documents of which the last reading is kept


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
    _drawn: dict[bool, tuple[str, str]] = field(default_factory=dict)

    def event(self) -> str:
        """The area as the signed-in member sees it, for a stream."""
        if current_member.id in self.voters:
            return self._draw()
        may_edit = current_member.can_edit
        if may_edit not in self._drawn:
            self._drawn[may_edit] = (self._draw(), generate_csrf())
        drawn, token = self._drawn[may_edit]
        return drawn.replace(token, generate_csrf())

    def _draw(self) -> str:
        if self.area is None:
            return event(partial(self.target, "outerHTML", render_template("summaries/_gone.html")))
        try:
            html = self.draw(self.area)
        finally:
            db.session.remove()
        return event(partial(self.target, "outerMorph", html), event_id(self.area))


@dataclass(eq=False, slots=True)
class _Place:
    """Where one reads for all others that come meanwhile."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    last: Reading | None = None


class Readings:
    """The last reading of each document that somebody listens to."""

    def __init__(self) -> None:
        self._places: OrderedDict[tuple[int, Ask], _Place] = OrderedDict()
        self._lock = threading.Lock()

    def since(self, moment: float, document_id: int, ask: Ask) -> Reading:
        """One that was begun at this moment of the monotonic clock, or later. Raises OperationalError."""
        place = self._place(document_id, ask)
        with place.lock:
            if place.last is None or place.last.begun_at < moment:
                place.last = _read(document_id, ask)
            return place.last

    def _place(self, document_id: int, ask: Ask) -> _Place:
        with self._lock:
            place = self._places.pop((document_id, ask), None) or _Place()
            self._places[document_id, ask] = place
            if len(self._places) > MOST:
                self._places.popitem(last=False)
        return place


def _read(document_id: int, ask: Ask) -> Reading:
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


def readings() -> Readings:
    """This application's."""
    found: Readings = current_app.extensions["readings"]
    return found
