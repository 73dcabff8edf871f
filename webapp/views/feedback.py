"""What readers say of a summary: their own vote on its page, and a page of all for those who can change something."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from webapp.htmx import wants_fragment
from webapp.models.area import read
from webapp.models.asking import query_of
from webapp.models.document import Document
from webapp.models.feedback import Feedback, TooLong, may_be_judged
from webapp.security import current_member, editors_only
from webapp.views.asking import asked_or_404, page_of

blueprint = Blueprint("feedback", __name__)
VOTES = {"yes": True, "no": False}
WITHDRAWN = "none"


@blueprint.get("/feedback")
@editors_only
def index() -> str:
    said = Feedback.page(request.args.get("page", 1, int))
    return render_template("feedback/index.html", said=said, tallies=Feedback.by_recipe())


@blueprint.post("/documents/<int:document_id>/summary/feedback")
def create(document_id: int) -> BaseResponse | str | tuple[str, int]:
    """Vote, change one's vote or its note, or withdraw it."""
    document = current_member.documents.get_or_404(document_id)
    ask, vote = asked_or_404(), request.form.get("vote", "")
    summary_id = request.form.get("summary", 0, int)
    if not may_be_judged(document, summary_id):
        abort(404)
    shown: dict[str, Any] = {"document": document, "query": query_of(ask), "summary_id": summary_id}
    try:
        _take(summary_id, vote)
    except TooLong as error:
        shown |= {"feedback_error": str(error), "typed": request.form.get("note", "")}
        if wants_fragment():
            return render_template("feedback/_feedback.html", **shown), 422
        return render_template("summaries/show.html", area=read(document, ask), **shown), 422
    if wants_fragment():
        shown["document"] = current_member.documents.get_or_404(document_id)  # it counts one vote more
        return render_template("feedback/_feedback.html", **shown)
    return redirect(page_of(document, ask), 303)


def _take(summary_id: int, vote: str) -> None:
    if vote == WITHDRAWN:
        Feedback.withdraw(current_member, summary_id)
    elif vote in VOTES:
        note = request.form.get("note", "")
        Feedback.say(current_member, summary_id, is_useful=VOTES[vote], note=note)
    else:
        abort(400)


@blueprint.app_context_processor
def vote() -> dict[str, Callable[[Document, int], Feedback | None]]:
    """What templates ask: how the member voted."""
    return {"vote_on": lambda document, summary_id: Feedback.of(current_member, document, summary_id)}
