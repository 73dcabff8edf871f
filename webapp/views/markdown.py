"""A document as a Markdown file, to take along."""

from io import BytesIO

from flask import Blueprint, Response, send_file

from webapp.models.markdown import markdown
from webapp.reading.copying import file_name
from webapp.security import current_member

blueprint = Blueprint("markdown", __name__, url_prefix="/documents/<int:document_id>/markdown")


@blueprint.get("")
def show(document_id: int) -> Response:
    document = current_member.documents.get_or_404(document_id)
    name = f"{file_name(document.title) or 'document'}.md"
    file = BytesIO(markdown(document).encode())
    return send_file(file, mimetype="text/markdown", as_attachment=True, download_name=name, etag=False)
