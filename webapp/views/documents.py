"""Documents: the library, and the pages of one document."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as BaseResponse

from webapp import kept_pages, uploads
from webapp.events import hub
from webapp.extensions import current_settings, db
from webapp.htmx import dom_id, event, partial, size_in_words
from webapp.importing.extracted import ImportFailure, message
from webapp.importing.guard import Guard
from webapp.models import reads
from webapp.models.area import look
from webapp.models.document import Document, StaleEdit
from webapp.models.library import PAGE_SIZE, Library, Row, seen_of
from webapp.models.receipt import new_form
from webapp.models.rendition import Rendition, Shown
from webapp.models.revision import FORMATS, TITLE_CHARACTERS
from webapp.originals import Incoming
from webapp.security import current_member, editors_only, say
from webapp.summarizing.sanitizing import visible
from webapp.views import streams
from webapp.views.asking import asked_or_404

blueprint = Blueprint("documents", __name__)


@dataclass
class Form:
    """What was typed into the form of a document, and what is wrong with it."""

    title: str = ""
    text: str = ""
    format: str = "plain"
    version: int | None = None
    document: Document | None = None
    errors: dict[str, str] = field(default_factory=dict)
    is_conflict: bool = False
    url: str = ""
    files: list[tuple[str, Incoming]] = field(default_factory=list)
    token: str = field(default_factory=new_form)

    @classmethod
    def of(cls, document: Document) -> "Form":
        last = document.revision
        return cls(last.title, last.text, last.format, last.version, document)

    @classmethod
    def received(cls, document: Document | None = None) -> "Form":
        version = request.form.get("version", "")
        form = cls(
            title=" ".join(visible(request.form.get("title", "")).split()),
            text=request.form.get("text", ""),
            format=_format(document),
            version=int(version) if version.isdecimal() else None,
            document=document,
            url="" if document else request.form.get("url", "").strip(),
            files=[] if document else uploads.received(),
            token=request.form.get("form", ""),
        )
        form.errors = dict(form._wrong())
        return form

    @property
    def has_text(self) -> bool:
        return bool(self.text.strip("\0 \t\r\n"))

    @property
    def brings(self) -> bool:
        """Whether files or a link come with it."""
        return bool(self.files or self.url)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        yield from self._wrong_files()
        if self.url:
            yield from self._wrong_link()
        if self.has_text or not self.brings:
            yield from self._wrong_text()

    def _wrong_files(self) -> Iterator[tuple[str, str]]:
        for name, file in self.files:
            if file.is_too_large:
                yield "file", f"Leave “{name}” out or split it: {_most()} is the most that a file may have."
            elif not file.size:
                yield "file", f"Leave “{name}” out: there is nothing in it."

    def _wrong_link(self) -> Iterator[tuple[str, str]]:
        address = self.url if "://" in self.url else f"https://{self.url}"
        try:
            self.url = Guard(networks=current_settings().fetch_networks).checked(address)
        except ImportFailure as failure:
            yield "url", message(failure.code)

    def _wrong_text(self) -> Iterator[tuple[str, str]]:
        settings = current_settings()
        if not (self.document or self.title or self.has_text):
            yield "text", "Paste a text, choose a file or give a link."
            return
        if not self.title:
            yield "title", "Give the document a title."
        elif len(self.title) > TITLE_CHARACTERS:
            yield "title", f"Shorten the title to {TITLE_CHARACTERS} characters; it has {len(self.title)}."
        if not self.has_text:
            yield "text", "Paste or type the text of the document."
        elif len(self.text.encode()) > settings.max_text_bytes:
            yield "text", f"Split the text: it is longer than {settings.max_text_bytes // 1000:,} kB."


def _format(document: Document | None) -> str:
    """What was chosen; or else a document keeps the format that it has."""
    chosen = request.form.get("format")
    return chosen if chosen in FORMATS else document.revision.format if document else "plain"


@blueprint.get("/")
def index() -> str:
    library = current_member.documents.page(request.args.get("page", 1, int))
    return render_template("documents/index.html", library=library)


@blueprint.get("/documents/new")
@editors_only
def new() -> str:
    return render_template("documents/new.html", form=Form(), most=_most())


@blueprint.post("/documents")
@editors_only
def create() -> BaseResponse | tuple[str, int]:
    form = Form.received()
    if form.errors:
        return render_template("documents/new.html", form=form, most=_most()), 422
    if form.files:
        current_member.imports.add_files(form.files, form.token)
    if form.url:
        current_member.imports.add_link(form.url, form.token)
    if form.brings and not form.has_text:
        return redirect(url_for("imports.index"), 303)
    document = current_member.documents.add(
        title=form.title, text=form.text, format=form.format, form=form.token
    )
    if form.brings:
        say(f"“{document.title}” is saved.")
        return redirect(url_for("imports.index"), 303)
    session["saved"] = document.id
    return redirect(url_for(".show", document_id=document.id), 303)


@blueprint.get("/documents/<int:document_id>")
def show(document_id: int) -> str:
    document = current_member.documents.get_or_404(document_id)
    reads.count(document.id)
    area = look(
        document, asked_or_404(), is_own_save="saved" in session and session.pop("saved") == document.id
    )
    text = wanted_part(document.rendition)
    if area.is_settled and not text.waits:
        kept_pages.keep(current_member, document)
    return render_template(
        "documents/show.html", document=document, area=area, text=text, can_edit=current_member.can_edit
    )


@blueprint.get("/documents/<int:document_id>/edit")
@editors_only
def edit(document_id: int) -> str:
    document = current_member.documents.get_or_404(document_id)
    form = Form.of(document)
    return render_template("documents/edit.html", form=form)


@blueprint.post("/documents/<int:document_id>")
@editors_only
def update(document_id: int) -> BaseResponse | tuple[str, int]:
    document = current_member.documents.get_or_404(document_id)
    form = Form.received(document)
    if form.errors:
        return render_template("documents/edit.html", form=form), 422
    try:
        document.revise(
            current_member, title=form.title, text=form.text, format=form.format, version=form.version
        )
    except StaleEdit:
        form.is_conflict, form.document = True, current_member.documents.get_or_404(document_id)
        form.version = form.document.version
        return render_template("documents/edit.html", form=form), 409
    session["saved"] = document.id
    return redirect(url_for(".show", document_id=document.id), 303)


@blueprint.get("/documents/<int:document_id>/delete")
@editors_only
def confirm(document_id: int) -> str:
    return render_template(
        "documents/confirm.html", document=current_member.documents.get_or_404(document_id)
    )


@blueprint.post("/documents/<int:document_id>/delete", endpoint="remove")
@blueprint.delete("/documents/<int:document_id>")
@editors_only
def destroy(document_id: int) -> BaseResponse:
    document = current_member.documents.get_or_404(document_id)
    document.remove()
    say(f"“{document.title}” is deleted.")
    return redirect(url_for(".index"), 303)


@blueprint.get("/documents/events")
def events() -> Response:
    """The statuses of the documents that a page of the library lists, live."""
    if hub().is_full:
        return Response(status=204)
    asked = [int(part) for part in request.args.get("ids", "").split(",")[:PAGE_SIZE] if part.isdecimal()]
    library = current_member.documents
    ids = [row.id for row in library.those(asked)]
    return streams.follow(_changes(library, ids, request.args.get("seen", "")))


def _changes(library: Library, ids: list[int], seen: str) -> Iterator[str | None]:
    """Each row that changed, as a fragment. None now and then, to see who still listens.

    It begins with all rows, but not with finished ones that the page has `seen` as they are: each would be drawn anew.
    """
    with hub().listen(ids) as listener:
        rows = library.those(ids)
        is_known = seen_of(rows) == seen
        shown = {row.id: _drawn(row) for row in rows if is_known and not row.is_live}
        yield from _redrawn([row for row in rows if row.id not in shown], shown)
        while True:
            fact = listener.wait(streams.SILENCE_SECONDS)
            if fact is None:
                yield None
            elif fact.kind == "end":
                return
            elif fact.kind in ("state", "resync"):
                changed = [fact.document_id] if fact.kind == "state" else ids
                yield from _redrawn(library.those(changed), shown)


def _redrawn(rows: Sequence[Row], shown: dict[int, str]) -> Iterator[str]:
    for row in rows:
        html = _drawn(row)
        if shown.get(row.id) != html:
            shown[row.id] = html
            yield event(partial(dom_id(row.document, "row"), "outerMorph", html))
    db.session.remove()


def _drawn(row: object) -> str:
    return render_template("documents/_row.html", row=row)


def wanted_part(rendition: Rendition) -> Shown:
    """The part of a text that the address names, or all of it; the first part if it names none."""
    as_typed = "typed" in request.args
    if "whole" in request.args:
        return rendition.whole(as_typed=as_typed)
    return rendition.part(request.args.get("part", 0, int), as_typed=as_typed)


def _most() -> str:
    """The largest file that is taken, in words."""
    return size_in_words(current_settings().max_upload_bytes)
