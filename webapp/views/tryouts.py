"""A prompt that is tried on a document before it is saved: the page of what it writes, and its live stream."""

from functools import partial

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from webapp.events import hub
from webapp.extensions import db
from webapp.htmx import wants_fragment
from webapp.models.area import SummaryArea, of_summary, read
from webapp.models.asking import asking
from webapp.models.document import Document
from webapp.models.summary import Summary
from webapp.models.tryout import TooManyTryOuts, TryOut, TryOuts, can_try
from webapp.security import current_member, editors_only
from webapp.summarizing.engine import Style
from webapp.views.audiences import Attendance
from webapp.views.prompts import Form, page, style_or_404
from webapp.views.readings import Reading
from webapp.views.summaries import Stream

blueprint = Blueprint("tryouts", __name__, url_prefix="/prompts/<style>/tryouts")
TOO_MANY = "Three try-outs of yours are still running. Wait until one of them is done."


@blueprint.post("")
@editors_only
def create(style: str) -> BaseResponse | tuple[str, int]:
    form = Form.received(style_or_404(style))
    if not can_try():
        abort(404)
    document = form.chosen()
    if document is None or form.errors:
        return page(form), 422
    try:
        tried = TryOut.begin(current_member, document, form.style, form.task, edition=form.edition)
    except TooManyTryOuts:
        form.errors["task"] = TOO_MANY
        return page(form), 422
    return redirect(url_for(".show", style=form.style.slug, tryout_id=tried.id, _anchor="tried"), 303)


@blueprint.get("/<int:tryout_id>")
@editors_only
def show(style: str, tryout_id: int) -> str | tuple[str, int]:
    tried, document = _tried_or_404(style, tryout_id)
    area = tried.area(document, is_polling="poll" in request.args)
    if wants_fragment():
        return ("", 204) if request.args.get("seen") == area.seen else _drawn(tried, area)
    form = Form(tried.style, tried.text, tried.edition, document.id, task=tried.summary.task)
    return page(form, tried=tried, area=area, document=document, present=_present(document, tried.style))


@blueprint.get("/<int:tryout_id>/events")
@editors_only
def events(style: str, tryout_id: int) -> BaseResponse | str:
    tried, document = _tried_or_404(style, tryout_id)
    if hub().is_full:
        return _drawn(tried, tried.area(document, is_polling=True))
    return Attendance(("tryout", tried.id), lambda: TryOutStream(tried))


class TryOutStream(Stream):
    """The same as of any summary, but that it is of one row."""

    def __init__(self, tried: TryOut) -> None:
        super().__init__(tried.document_id, tried.summary.asked)
        self._tried = tried
        self._target = f"tryout-{tried.id}"

    def _read(self) -> Reading:
        try:
            tried = db.session.get(TryOut, self._tried.id, populate_existing=True)
            document = db.session.get(Document, self.document_id, populate_existing=True)
            area = tried.area(document) if tried and document else None
        finally:
            db.session.remove()
        return Reading(self._target, area, draw=partial(_drawn, self._tried))

    def _words_target(self, area: SummaryArea) -> str:
        return f"{self._target}-words"


def _tried_or_404(style: str, tryout_id: int) -> tuple[TryOut, Document]:
    tried = TryOuts(current_member).get_or_404(tryout_id, style_or_404(style))
    return tried, current_member.documents.get_or_404(tried.document_id)


def _present(document: Document, style: Style) -> SummaryArea | None:
    """What the document shows in this style now, without links: they would lead away from what is typed."""
    shown = db.session.get(Summary, read(document, asking(style)).shown_id or 0)
    return of_summary(document, shown) if shown else None


def _drawn(tried: TryOut, area: SummaryArea) -> str:
    return render_template("tryouts/_tryout.html", tried=tried, area=area)
