"""Rewarmings, for admins: what it takes to make the library's summaries anew, and how that goes."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from webapp.extensions import current_settings
from webapp.htmx import wants_fragment
from webapp.models.making import makings
from webapp.models.rewarming import Busy, NothingToDo, Rewarming, State
from webapp.models.rewarmings_page import RewarmingsPage, chosen
from webapp.security import admins_only, current_member, say

blueprint = Blueprint("rewarmings", __name__, url_prefix="/rewarm")
CHANGES = {
    State.RUNNING: Rewarming.resume,
    State.PAUSED: Rewarming.pause,
    State.STOPPED: Rewarming.stop,
}


@blueprint.get("")
@admins_only
def index() -> str | tuple[str, int]:
    page = RewarmingsPage.of(request.args.getlist("made-with"), is_chosen="chosen" in request.args)
    if not wants_fragment():
        return render_template("rewarmings/index.html", page=page)
    if request.args.get("seen") == page.seen:
        return "", 204
    return render_template("rewarmings/_rewarmings.html", page=page)


@blueprint.post("")
@admins_only
def create() -> BaseResponse:
    if not current_settings().summaries:
        abort(404)
    choice = chosen(request.form.getlist("made-with"), makings(), is_chosen="chosen" in request.form)
    try:
        Rewarming.start(choice, current_member.name)
    except Busy:
        say("Another one is under way already: here it is.", "error")
    except NothingToDo:
        say("Nothing is left that would be made anew.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<int:rewarming_id>")
@admins_only
def update(rewarming_id: int) -> BaseResponse:
    """Pause it, let it go on, or stop it: `state` is the one that it is to have."""
    rewarming = Rewarming.get_or_404(rewarming_id)
    state = request.form.get("state", "")
    if state not in CHANGES:
        abort(400)
    CHANGES[State(state)](rewarming)
    return redirect(url_for(".index"), 303)
