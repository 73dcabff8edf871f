"""What the address of a page asks for, among the summaries of a document; and the address that asks for it."""

from typing import Any

from flask import abort, request, url_for

from webapp.models.asking import ask_in, query_of
from webapp.models.document import Document
from webapp.summarizing.engine import Ask


def asked_or_404() -> Ask:
    """The style and the language that the address names, or the end of the request where there are none such."""
    return ask_in(request.args) or abort(404)


def page_of(document: Document, ask: Ask) -> str:
    """The address of the document's page with the summary that is asked for."""
    query: dict[str, Any] = query_of(ask)
    return url_for("documents.show", document_id=document.id, **query)
