"""Asking for a summary in one's own words. Only this form does: to open the address of one never asks for it."""

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from webapp.extensions import current_settings
from webapp.models.area import read
from webapp.models.asking import takes_wishes
from webapp.models.queue import TooManyWait, admit
from webapp.models.wishes import UnusableWish, Wishes, wished
from webapp.security import current_member
from webapp.views.asking import asked_or_404, come_again, page_of

blueprint = Blueprint("wishes", __name__, url_prefix="/documents/<int:document_id>/summary/wishes")


@blueprint.post("")
def create(document_id: int) -> BaseResponse | tuple[str, int] | tuple[str, int, dict[str, str]]:
    document = current_member.documents.get_or_404(document_id)
    if not (current_settings().summaries and takes_wishes()):
        abort(404)
    ask, words = asked_or_404(), request.form.get("instruction", "")
    try:
        wish = wished(ask, words)
        admit(document, wish)
        Wishes(document).ask(wish)
    except TooManyWait as error:
        return come_again(document, ask, error, words)
    except UnusableWish as error:
        area = read(document, ask)
        page = {"document": document, "area": area, "wished": words, "wish_error": str(error)}
        return render_template("summaries/show.html", **page), 422
    return redirect(page_of(document, wish), 303)
