"""The summary of a document: its area, and its live stream."""

import time
from functools import lru_cache

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from webapp.events import ARRIVAL, WORDS, Fact, Listener, hub, words_so_far
from webapp.extensions import current_settings
from webapp.htmx import dom_id, event, partial, wants_fragment
from webapp.models.area import SummaryArea, look, read
from webapp.models.document import Document
from webapp.models.queue import TooManyWait, admit
from webapp.models.wishes import UnusableWish, Wishes
from webapp.security import current_member
from webapp.summarizing.engine import Ask
from webapp.summarizing.rendering import summary_html
from webapp.views.asking import asked_or_404, come_again, page_of
from webapp.views.audiences import Attendance, Audiences
from webapp.views.readings import Reading, event_id, read_anew

blueprint = Blueprint("summaries", __name__, url_prefix="/documents/<int:document_id>/summary")
blueprint.record_once(lambda state: state.app.extensions.update(audiences=Audiences()))
PATIENCE_SECONDS = 5.0  # after which SQL is read again, should an event have been lost
STALE_SECONDS = 1.0  # how old a state may be that is read again without a reason
SETTLE_SECONDS = 0.025  # of silence, before the state of a run that has not begun is read again
WORDS_EVERY_SECONDS = 0.06  # as often as an eye can tell
CROWD_SECONDS = 0.0002  # for each who listens, where many do: words must not hold up what comes last
HEAD_START_SECONDS = 0.012  # in which a worker asks the model server, before the click is answered
FIRST_WORDS = 6  # which come as they are written, since somebody waits for them


@blueprint.get("")
def show(document_id: int) -> str | tuple[str, int]:
    document = current_member.documents.get_or_404(document_id)
    area = look(document, asked_or_404(), is_polling="poll" in request.args)
    if not wants_fragment():
        return render_template("summaries/show.html", document=document, area=area)
    if request.args.get("seen") == area.seen:
        return "", 204
    return render_template("summaries/_summary.html", area=area)


@blueprint.post("")
def create(document_id: int) -> BaseResponse | tuple[str, int] | tuple[str, int, dict[str, str]]:
    document = current_member.documents.get_or_404(document_id)
    if not current_settings().summaries:
        abort(404)
    ask = asked_or_404()
    try:
        _ask_again(document, ask)
    except TooManyWait as error:
        return come_again(document, ask, error)
    if not wants_fragment():
        return redirect(page_of(document, ask), 303)
    time.sleep(HEAD_START_SECONDS)
    document = current_member.documents.get_or_404(document_id)
    return render_template("summaries/_summary.html", area=read(document, ask)), 202


def _ask_again(document: Document, ask: Ask) -> None:
    admit(document, ask)
    if not ask.instruction:
        document.summarize_later(ask, again=True)
        return
    try:
        Wishes(document).ask(ask, again=True)
    except UnusableWish as error:
        abort(429, str(error))


@blueprint.get("/events")
def events(document_id: int) -> BaseResponse | str:
    document = current_member.documents.get_or_404(document_id)
    ask = asked_or_404()
    if hub().is_full:
        return render_template("summaries/_summary.html", area=read(document, ask, is_polling=True))
    return Attendance((document_id, ask), lambda: Stream(document_id, ask))


class Stream:
    """A document's summary, as it is followed for all who listen: the state, and the words that come, until it is final."""

    reading: Reading
    owes_words = False  # whether some have come that not everybody was told

    def __init__(self, document_id: int, ask: Ask) -> None:
        self.document_id = document_id
        self._ask = ask
        self._area: SummaryArea | None = None
        self._text = ""
        self._words_id = ""
        self._sent = 0
        self._sent_at = 0.0

    @property
    def is_live(self) -> bool:
        """Whether something will come."""
        return self._area is not None and self._area.is_live

    @property
    def seen(self) -> str | None:
        """The event id of who has what there is, and waits for what will come."""
        return event_id(self._area) if self._area is not None and self._area.is_live else None

    def next(self, listener: Listener) -> Fact | None:
        """The next fact. Until the writing has begun, states follow upon each other: the last of them tells all.

        To read and draw each of them would take the processor from the worker that is to begin.
        """
        fact = listener.wait(self._patience_seconds)
        while fact is not None and fact.kind == "state" and not self._is_written:
            later = listener.wait(SETTLE_SECONDS)
            if later is None or later is ARRIVAL:  # whoever has come waits
                break
            fact = later
        return fact

    def hear(self, fact: Fact | None) -> bool:
        """Take what was heard, or that nothing was. True if the state is another one."""
        if fact is not None and fact.kind in WORDS:
            return self._take(fact)
        if fact is None and self.owes_words:
            return False
        return self.read(fact.at if fact else time.monotonic() - STALE_SECONDS)

    def read(self, since: float) -> bool:
        """The state as it was at that moment or later. True if it is another one than before."""
        if self._area is None or self.reading.begun_at < since:
            self.reading = self._read()
        area, before = self.reading.area, self._area
        self._area = area
        if area is None:
            return True
        is_news = before is None or area.seen != before.seen
        if is_news or _order(area.event_id) > _order(self._words_id):
            self._text, self._words_id, self.owes_words = area.written, area.event_id, not is_news
        return is_news

    def words(self, *, may_wait: bool) -> bytes:
        """All words so far, where some are owed and due; with `may_wait` not if the next ones are there already."""
        area = self._area
        if area is None or not self.owes_words or self._patience_seconds > 0 or may_wait:
            return b""
        self.owes_words, self._sent, self._sent_at = False, self._sent + 1, time.monotonic()
        words = partial(self._words_target(area), "innerMorph", _rendered(self._text, area.format))
        return event(words, f"{event_id(area)}.{self._words_id}").encode()

    @property
    def _is_written(self) -> bool:
        return self._area is not None and self._area.state == "writing"

    def _read(self) -> Reading:
        return read_anew(self.document_id, self._ask)

    def _take(self, fact: Fact) -> bool:
        """Add words to those so far; the first ones of a run bring the state of being written."""
        area = self._area
        if area is None or fact.summary_id != area.summary_id or not self._append(fact):
            return False
        if area.state == "writing" and fact.id.partition("-")[0] == str(area.fence):
            self.owes_words = True
            return False
        return self.read(fact.at)

    @property
    def _patience_seconds(self) -> float:
        """How long to wait for the next fact: words that are owed are due as often as an eye can tell."""
        if not self.owes_words:
            return PATIENCE_SECONDS
        every = max(WORDS_EVERY_SECONDS, hub().count * CROWD_SECONDS)
        is_first = self._sent < FIRST_WORDS and every == WORDS_EVERY_SECONDS
        return 0.0 if is_first else max(0.0, self._sent_at + every - time.monotonic())

    def _words_target(self, area: SummaryArea) -> str:
        return dom_id(area.document, area.part("words"))

    def _append(self, fact: Fact) -> bool:
        """Add the fact's words, in order and once. False if they were here already."""
        run, sequence = _order(fact.id)
        if (run, sequence) <= _order(self._words_id):
            return False
        if sequence > 1 and (run, sequence - 1) != _order(self._words_id):
            self._text, self._words_id = words_so_far(fact.summary_id)
            return True
        self._text = fact.words if sequence == 1 or fact.kind == "reset" else self._text + fact.words
        self._words_id = fact.id
        return True


@lru_cache(maxsize=256)
def _rendered(text: str, format: str) -> str:
    """Words as HTML: once for all who listen."""
    return summary_html(text, format)


def _order(words_id: str) -> tuple[int, int]:
    fence, _, sequence = words_id.partition("-")
    return (int(fence or 0), int(sequence or 0))
