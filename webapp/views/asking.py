"""What the address of a page asks for, among the summaries of a document; and the address that asks for it."""

from typing import Any

from flask import abort, render_template, request, url_for

from webapp.models.area import read
from webapp.models.asking import ask_in, query_of
from webapp.models.document import Document
from webapp.models.queue import TooManyWait
from webapp.summarizing.engine import Ask


def asked_or_404() -> Ask:
    """The style and the language that the address names, or the end of the request where there are none such."""
    return ask_in(request.args) or abort(404)


def page_of(document: Document, ask: Ask) -> str:
    """The address of the document's page with the summary that is asked for."""
    query: dict[str, Any] = query_of(ask)
    return url_for("documents.show", document_id=document.id, **query)


def come_again(
    document: Document, ask: Ask, error: TooManyWait, wished: str = ""
) -> tuple[str, int, dict[str, str]]:
    """The document's summary as it is, with a sentence on why no other one is asked for now."""
    area = read(document, ask)
    page = render_template(
        "summaries/show.html", document=document, area=area, refusal=str(error), wished=wished
    )
    return page, 503, {"Retry-After": str(error.RETRY_SECONDS)}
