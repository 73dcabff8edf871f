"""A document as a Markdown file, to take along."""

from flask import Blueprint, Response, send_file

from webapp.answers import put_aside
from webapp.models.markdown import markdown
from webapp.reading.copying import file_name
from webapp.security import current_member

blueprint = Blueprint("markdown", __name__, url_prefix="/documents/<int:document_id>/markdown")


@blueprint.get("")
def show(document_id: int) -> Response:
    document = current_member.documents.get_or_404(document_id)
    name = f"{file_name(document.title) or 'document'}.md"
    data = markdown(document).encode()
    answer = send_file(put_aside(data), "text/markdown", as_attachment=True, download_name=name, etag=False)
    answer.content_length = len(data)
    return answer
