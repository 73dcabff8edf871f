"""What the address of a page asks for, among the summaries of a document."""

from flask import abort, request

from webapp.models.asking import ask_in
from webapp.summarizing.engine import Ask


def asked_or_404() -> Ask:
    """The style and the language that the address names, or the end of the request where there are none such."""
    return ask_in(request.args) or abort(404)
