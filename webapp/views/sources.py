"""What a document came from: to fetch it anew, and to download the original."""

from flask import Blueprint, Response, abort, redirect, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from webapp.security import current_member, editors_only

blueprint = Blueprint("sources", __name__, url_prefix="/documents/<int:document_id>")


@blueprint.post("/source")
@editors_only
def create(document_id: int) -> BaseResponse:
    """Fetch the document's link anew."""
    document = current_member.documents.get_or_404(document_id)
    current_member.imports.renew(document)
    return redirect(url_for("imports.index"), 303)


@blueprint.get("/original")
def show(document_id: int) -> Response:
    """The file itself, to be saved: whatever is in it, no browser runs it in our name."""
    source = current_member.documents.get_or_404(document_id).source
    path = source.original if source else None
    if source is None or path is None:
        abort(404)
    answer = send_file(
        path, source.safe_type, as_attachment=True, download_name=source.file_name, etag=source.sha256
    )
    answer.headers["Content-Security-Policy"] = "sandbox"
    answer.headers["Cache-Control"] = "no-store"
    return answer
