"""What an unfinished summary does at the moment: the fields of a summary area that tell it."""

import time
from typing import Any

from markupsafe import Markup

from webapp import events
from webapp.extensions import current_settings
from webapp.models import queue
from webapp.models.model_server import ModelServer
from webapp.models.presence import live_lanes
from webapp.models.reasons import reason
from webapp.models.summary import Status, Summary
from webapp.summarizing.rendering import summary_html


def under_way(summary: Summary) -> dict[str, Any]:
    """The fields of an unfinished summary, its words so far among them."""
    fields: dict[str, Any] = {
        "summary_id": summary.id, "fence": summary.fence, "attempts": summary.attempts,
        "max_attempts": current_settings().max_attempts, **_what_happens(summary)}  # fmt: skip
    return fields | (_words(summary) if fields["state"] == "writing" else {})


def _what_happens(summary: Summary) -> dict[str, Any]:
    """The state of an unfinished summary, the reason, the time of the next try, and the button."""
    if summary.status == Status.FAILED:
        return {"state": "failed", "reason": reason(summary.error_code), "action": "retry"}
    if summary.lane not in live_lanes():
        return {"state": "no-worker", "reason": reason("no_worker")}
    if summary.is_reading:
        return {"state": "reading", "parts_done": summary.parts_done, "parts_total": summary.parts_total}
    if summary.status == Status.PROCESSING:
        return {"state": "writing"}
    pause = ModelServer.pause()
    if pause:
        return {
            "state": "paused",
            "reason": reason(pause.reason),
            "next_attempt_at": pause.next_probe_at,
            "action": "now",
        }
    if summary.error_code:
        told = {
            "reason": reason(summary.error_code),
            "next_attempt_at": summary.next_attempt,
            "action": "now",
        }
        return {"state": "retrying", **told}
    if summary.next_attempt_at > time.time():
        return {"state": "settling", "next_attempt_at": summary.next_attempt, "action": "now"}
    return {"state": "waiting", "before": queue.before(summary)}


def _words(summary: Summary) -> dict[str, Any]:
    text, last = events.words_so_far(summary.id)
    if last.partition("-")[0] != str(summary.fence):
        return {}
    words = Markup(summary_html(text, summary.live_format))  # noqa: S704 - as above
    return {"words": words, "written": text, "event_id": last, "format": summary.live_format}
