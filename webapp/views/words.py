"""A person's words in the place of a summary, and the choice between summaries."""

from dataclasses import dataclass, field

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from webapp.extensions import current_settings
from webapp.models.area import SummaryArea, read
from webapp.models.asking import query_of
from webapp.models.document import Document, StaleEdit
from webapp.models.words import UnusableWords, Words, as_markdown
from webapp.security import current_member, editors_only, say
from webapp.views.asking import asked_or_404, page_of

blueprint = Blueprint("words", __name__, url_prefix="/documents/<int:document_id>/summary")


@dataclass
class Form:
    """What was typed, and what is wrong with it. `seen` tells what it began with."""

    text: str
    seen: str
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/words/new")
@editors_only
def new(document_id: int) -> str:
    document = current_member.documents.get_or_404(document_id)
    words = _words_or_404(document)
    shown = words.shown()
    return _page(words, Form(as_markdown(shown) if shown else "", words.seen))


@blueprint.post("/words")
@editors_only
def create(document_id: int) -> BaseResponse | tuple[str, int]:
    document = current_member.documents.get_or_404(document_id)
    words = _words_or_404(document)
    form = Form(request.form.get("text", ""), request.form.get("seen", ""))
    try:
        is_new = words.write(current_member, form.text, seen=form.seen)
    except UnusableWords as error:
        form.errors["text"] = str(error)
        return _page(words, form), 422
    except StaleEdit:
        words = _words_or_404(current_member.documents.get_or_404(document_id))
        form.seen = words.seen
        return _page(words, form, theirs=read(words.document, words.ask)), 409
    say("The summary has your words now." if is_new else "Nothing was changed.")
    return redirect(page_of(words.document, words.ask), 303)


@blueprint.post("/choice")
@editors_only
def choose(document_id: int) -> BaseResponse:
    """Show an engine's summary instead of a person's words, or these again."""
    document = current_member.documents.get_or_404(document_id)
    words = _words_or_404(document)
    try:
        words.choose(request.form.get("summary", 0, int), choices=request.form.get("choices", -1, int))
        say("The summary is the one that you chose. The other one is kept.")
    except StaleEdit:
        say("Nothing was changed: the summary is another one since you opened the page.", "error")
    return redirect(page_of(words.document, words.ask), 303)


def _words_or_404(document: Document) -> Words:
    ask = asked_or_404()
    return Words(document, ask) if current_settings().summaries else abort(404)


def _page(words: Words, form: Form, theirs: SummaryArea | None = None) -> str:
    return render_template(
        "words/new.html", document=words.document, query=query_of(words.ask), form=form, theirs=theirs
    )
