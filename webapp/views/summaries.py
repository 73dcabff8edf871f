"""The summary of a document: its area, and its live stream."""

import time
from collections.abc import Iterator
from functools import lru_cache

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from webapp.events import END, Fact, Listener, hub, words_so_far
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
from webapp.views.readings import Reading, Readings, event_id, readings
from webapp.views.streams import follow

blueprint = Blueprint("summaries", __name__, url_prefix="/documents/<int:document_id>/summary")
blueprint.record_once(lambda state: state.app.extensions.update(readings=Readings()))
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
    return follow(Stream(document_id, ask, request.headers.get("Last-Event-ID", "")).events())


class Stream:
    """One page's view of a document's summary: the current state first, then what follows, until it is final."""

    def __init__(self, document_id: int, ask: Ask, last_event_id: str) -> None:
        self._document_id = document_id
        self._ask = ask
        self._last_event_id = last_event_id
        self._area: SummaryArea | None = None
        self._text = ""
        self._words_id = ""
        self._owes_words = False
        self._sent = 0
        self._sent_at = 0.0

    def events(self) -> Iterator[str | None]:
        """Fragments to swap. Ends after the final state, or when the document is gone."""
        with hub().listen([self._document_id]) as listener:
            yield from self._state(time.monotonic())
            while self._area is not None and self._area.is_live:
                fact = self._next(listener)
                if fact is END:
                    return
                if fact is not None and fact.kind in ("words", "reset"):
                    yield from self._take(fact)
                    if listener.has_more:
                        continue
                elif fact is not None or not self._owes_words:
                    if fact is None:
                        yield None
                    yield from self._state(fact.at if fact else time.monotonic() - STALE_SECONDS)
                yield from self._words()

    def _next(self, listener: Listener) -> Fact | None:
        """The next fact. Until the writing has begun, states follow upon each other: the last of them tells all.

        To read and draw each of them would take the processor from the worker that is to begin.
        """
        fact = listener.wait(self._patience_seconds)
        while fact is not None and fact.kind == "state" and not self._is_written:
            later = listener.wait(SETTLE_SECONDS)
            if later is None:
                break
            fact = later
        return fact

    @property
    def _is_written(self) -> bool:
        return self._area is not None and self._area.state == "writing"

    def _state(self, since: float) -> Iterator[str]:
        """The whole area as it was at that moment or later, if it is another one than the browser has."""
        reading = self._reading(since)
        area = reading.area
        is_news = self._area is None or area is None or area.seen != self._area.seen
        self._area = area
        if area is None:
            yield reading.event()
        elif is_news:
            self._text, self._words_id, self._owes_words = area.written, area.event_id, False
            if not area.is_live or event_id(area) != self._last_event_id:
                yield reading.event()
        self._last_event_id = ""

    def _reading(self, since: float) -> Reading:
        return readings().since(since, self._document_id, self._ask)

    def _take(self, fact: Fact) -> Iterator[str]:
        """Add words to those so far; the first ones of a run bring the state of being written."""
        area = self._area
        if area is None or fact.summary_id != area.summary_id or not self._append(fact):
            return
        if area.state == "writing" and fact.id.partition("-")[0] == str(area.fence):
            self._owes_words = True
        else:
            yield from self._state(fact.at)

    @property
    def _patience_seconds(self) -> float:
        """How long to wait for the next fact: words that are owed are due as often as an eye can tell."""
        if not self._owes_words:
            return PATIENCE_SECONDS
        every = max(WORDS_EVERY_SECONDS, hub().count * CROWD_SECONDS)
        is_first = self._sent < FIRST_WORDS and every == WORDS_EVERY_SECONDS
        return 0.0 if is_first else max(0.0, self._sent_at + every - time.monotonic())

    def _words(self) -> Iterator[str]:
        """All words so far, where some are owed and due."""
        area = self._area
        if area is None or not self._owes_words or self._patience_seconds > 0:
            return
        self._owes_words, self._sent, self._sent_at = False, self._sent + 1, time.monotonic()
        words = partial(self._words_target(area), "innerMorph", _rendered(self._text, area.format))
        yield event(words, f"{event_id(area)}.{self._words_id}")

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
