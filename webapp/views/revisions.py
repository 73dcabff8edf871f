"""The versions of a document: their list, each as a page, and the way back to one."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from webapp.htmx import wants_fragment
from webapp.models.area import of_revision
from webapp.models.document import Document, StaleEdit
from webapp.models.rendition import Rendition
from webapp.models.revision import Revision
from webapp.security import current_member, editors_only, say
from webapp.views.documents import wanted_part

blueprint = Blueprint("revisions", __name__, url_prefix="/documents/<int:document_id>/revisions")


@blueprint.get("")
def index(document_id: int) -> str:
    document = current_member.documents.get_or_404(document_id)
    history = document.history.page(request.args.get("page", 1, int))
    return render_template("revisions/index.html", document=document, history=history)


@blueprint.get("/<int:version>")
def show(document_id: int, version: int) -> BaseResponse | str | tuple[str, int]:
    document = current_member.documents.get_or_404(document_id)
    revision = document.history.get_or_404(version)
    if wants_fragment():
        return _fragment(document, Rendition.of(revision))
    if version == document.version:
        part = request.args.get("part", None, int)
        return redirect(url_for("documents.show", document_id=document.id, part=part))
    return _page(document, revision)


@blueprint.post("")
@editors_only
def create(document_id: int) -> BaseResponse | tuple[str, int]:
    """A new version from an old one: nothing is lost."""
    document = current_member.documents.get_or_404(document_id)
    revision = document.history.get_or_404(request.form.get("from", 0, int))
    try:
        document.restore(current_member, revision, version=request.form.get("version", None, int))
    except StaleEdit:
        document = current_member.documents.get_or_404(document_id)
        return _page(document, revision, is_conflict=True), 409
    session["saved"] = document.id
    say(f"Version {revision.version} is the current one again.")
    return redirect(url_for("documents.show", document_id=document.id), 303)


def _page(document: Document, revision: Revision, *, is_conflict: bool = False) -> str:
    return render_template(
        "revisions/show.html",
        document=document,
        revision=revision,
        area=of_revision(document, revision),
        text=wanted_part(Rendition.of(revision)),
        is_conflict=is_conflict,
    )


def _fragment(document: Document, rendition: Rendition) -> str | tuple[str, int]:
    """The next part of a text; or, of one that waits to be laid out, whether that is done."""
    if request.args.get("typed") != "ready":
        return render_template("documents/_part.html", document=document, text=wanted_part(rendition))
    if not rendition.is_ready:
        return "", 204
    return render_template("documents/_waits.html", document=document, is_ready=True)
