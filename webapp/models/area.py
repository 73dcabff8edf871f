"""What the summary area of a page shows: one reading of the state, from which one template draws it everywhere."""

import time
from typing import Any

from flask import current_app
from markupsafe import Markup
from sqlalchemy.exc import OperationalError

from webapp.extensions import current_settings, db
from webapp.models.asking import usual
from webapp.models.by_hand import label_of, with_words
from webapp.models.document import Document
from webapp.models.making import origin
from webapp.models.provenance import facts
from webapp.models.revision import Revision
from webapp.models.summary import Status, Summary
from webapp.models.summary_area import SummaryArea
from webapp.models.times import as_datetime
from webapp.models.under_way import under_way
from webapp.summarizing.engine import Ask
from webapp.summarizing.tree import Coverage

__all__ = ["SummaryArea", "look", "of_revision", "of_summary", "read"]

GRACE_SECONDS = 0.25  # the embedded engine takes milliseconds: a page may wait that long for it
GRACE_STEP_SECONDS = 0.004
VIEW_PATIENCE_SECONDS = 0.25  # with whoever holds the database, before a page opens without having asked


def look(
    document: Document, ask: Ask | None = None, *, is_polling: bool = False, is_own_save: bool = False
) -> SummaryArea:
    """Read the state for somebody who opened the page: what is missing is asked for, what waits is promoted.

    Right after one's own save (`is_own_save`) the wait for further edits is kept.
    """
    ask = ask or usual()
    _, status = _current(document, ask)
    if current_settings().summaries and status != Status.COMPLETE:
        _ask_or_promote(document, ask, status, is_own_save)
    area = read(document, ask, is_polling=is_polling)
    if area.state == "older" and not ask.instruction:
        _summarize_later(document, ask)
        area = read(document, ask, is_polling=is_polling)
    return _after_grace(document, area)


def read(document: Document, ask: Ask | None = None, *, is_polling: bool = False) -> SummaryArea:
    """Read the state, and change nothing."""
    ask = ask or usual()
    if not current_settings().summaries:
        return SummaryArea(document=document, status=Status.COMPLETE, state="off", ask=ask)
    return with_words(_generated(document, ask, is_polling))


def _generated(document: Document, ask: Ask, is_polling: bool) -> SummaryArea:
    """The state of what an engine writes, whatever people wrote."""
    current_id, status = _current(document, ask)
    if status == Status.COMPLETE:
        ready = _cached(document, ask, current_id) or _refilled(document, ask)
        if ready:
            return _complete(document, ask, ready)
    return _unfinished(document, ask, is_polling)


def of_revision(document: Document, revision: Revision) -> SummaryArea | None:
    """The newest finished summary of an old version's text, if there is one."""
    summary = Summary.newest(document.id, revision.content_hash) if current_settings().summaries else None
    if summary is None:
        return None
    return SummaryArea(
        document=document,
        status=Status.COMPLETE,
        state="complete",
        ask=summary.asked,
        is_past=True,
        **_shown(summary.ready()),
    )


def of_summary(document: Document, summary: Summary, *, is_polling: bool = False) -> SummaryArea:
    """The state of one row by itself, whatever the document shows."""
    is_complete = summary.status == Status.COMPLETE
    return SummaryArea(
        document=document,
        status=summary.status,
        ask=summary.asked,
        is_polling=is_polling,
        **({"state": "complete", **_shown(summary.ready())} if is_complete else under_way(summary)),
    )


def _current(document: Document, ask: Ask) -> tuple[int | None, str | None]:
    """The id and the status of the current summary; the document itself knows those of the usual one."""
    if ask == usual():
        return document.summary_id, document.summary_status
    summary = document.current_summary(ask)
    return (summary.id, summary.status) if summary else (None, None)


def _ask_or_promote(document: Document, ask: Ask, status: str | None, is_own_save: bool) -> None:
    if status is None and (document.is_short or ask.instruction):
        return  # in one's own words: who opens an address must not pay for what it says
    _summarize_later(document, ask, keeps_wait=is_own_save)


def _summarize_later(document: Document, ask: Ask, *, keeps_wait: bool = False) -> None:
    """See to its summary, if that is possible at once: a page opens though another process holds the database.

    The page that says how things are asks again before long.
    """
    try:
        document.summarize_later(ask, keeps_wait=keeps_wait, patience=VIEW_PATIENCE_SECONDS)
    except OperationalError as error:
        current_app.logger.warning(
            "The view of document %d asked for no summary: %s", document.id, error.orig
        )
    document.reread()


def _after_grace(document: Document, area: SummaryArea) -> SummaryArea:
    """With the embedded engine the summary is there before the page is: give it its milliseconds."""
    end = time.monotonic() + GRACE_SECONDS
    while (
        current_settings().engine == "extract"
        and area.state in ("waiting", "writing")
        and time.monotonic() < end
    ):
        db.session.commit()
        time.sleep(GRACE_STEP_SECONDS)
        area = read(document.reread(), area.ask, is_polling=area.is_polling)
    return area


def _cached(document: Document, ask: Ask, current_id: int | None) -> dict[str, Any] | None:
    """What the cache has of the current summary. Between its commit and its filling it has the edition before."""
    ready = Summary.cached(document.id, document.content_hash, ask)
    return ready if ready and ready["id"] == current_id else None


def _refilled(document: Document, ask: Ask) -> dict[str, Any] | None:
    """A cache miss: fill it from SQL, if the current summary is by the current recipe."""
    summary = document.current_summary(ask)
    if summary is None or summary.status != Status.COMPLETE:
        return None
    return summary.fill_cache() if summary.answers(ask) else None


def _complete(document: Document, ask: Ask, ready: dict[str, Any]) -> SummaryArea:
    """A finished summary. The embedded engine would select the same sentences again, so it offers no other one."""
    action = None if ready["engine"] == "extract" else "regenerate"
    if ready["is_linked"] and not document.reads_as(ready["version"]):
        ready = _unlinked(ready)
    return SummaryArea(
        document=document, status=Status.COMPLETE, state="complete", ask=ask, action=action, **_shown(ready)
    )


def _unlinked(ready: dict[str, Any]) -> dict[str, Any]:
    """The same summary without its links: blanks were changed, or the format, and they would lead astray."""
    summary = db.session.get(Summary, ready["id"])
    return summary.ready() if summary else ready


def _shown(ready: dict[str, Any], *, is_stale: bool = False) -> dict[str, Any]:
    """The fields of a finished summary that is shown."""
    return {
        "html": Markup(ready["html"]),  # noqa: S704 - summary_html made it safe
        "shown_id": ready["id"],
        "engine_label": label_of(ready["engine"], ready["model"], ready.get("author_id")),
        "written_at": as_datetime(ready["finished_at"]),
        "version": ready["version"],
        "is_linked": ready["is_linked"],
        "provenance": facts(ready),
        "is_stale": is_stale,
        "coverage": Coverage.from_json(ready.get("coverage")),
    }


def _unfinished(document: Document, ask: Ask, is_polling: bool) -> SummaryArea:
    current = document.current_summary(ask)
    shown = _last_shown(document, ask)
    if current is None:
        return _nothing_asked(document, ask, shown)
    if current.status == Status.COMPLETE:
        return SummaryArea(
            document=document, status=current.status, state="older", ask=ask, action="regenerate", **shown
        )
    return SummaryArea(
        document=document,
        status=current.status,
        ask=ask,
        is_polling=is_polling,
        **shown,
        **under_way(current),
    )


def _nothing_asked(document: Document, ask: Ask, shown: dict[str, Any]) -> SummaryArea:
    state = "short" if document.is_short else "unasked"
    return SummaryArea(
        document=document, status=Status.COMPLETE, state=state, ask=ask, action="generate", **shown
    )


def _last_shown(document: Document, ask: Ask) -> dict[str, Any]:
    """The fields of the last finished summary, for the time until the current one is."""
    last = document.shown_summary(ask)
    if last is None or last.text is None:
        return {}
    is_stale = last.content_hash != document.content_hash
    return {**_shown(last.ready(), is_stale=is_stale), "origin": origin(last)}
