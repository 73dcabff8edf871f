"""What people see when something does not work: what happened, and what to do."""

from flask import Flask, Response, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from webapp.extensions import db

MESSAGES = {
    400: ("That did not work", "The request was not one that Precis understands."),
    403: ("Not for readers", "Only editors may change the library. Ask an admin of your team for the role."),
    404: ("Not here", "There is no such page, or it is not one that you may see."),
    405: ("That did not work", "This address does not take such a request."),
    413: ("Too much", "That is more than Precis takes at once. Bring it in several parts."),
    429: ("Too many tries", "Wait a few minutes, then try again."),
    500: ("Something broke", "The fault is ours, and it is in the log. What you had saved before is safe."),
    503: (
        "Busy",
        "The database is busy. Wait a few seconds, go back and try again: what you wrote is still there.",
    ),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _expired_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(500, _http_error)


def _page(code: int, title: str, message: str) -> Response:
    page = render_template(
        "errors/error.html", code=code, title=title, message=message,
        action_url=url_for("documents.index"), action_label="To the library")  # fmt: skip
    return make_response(page, code)


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    title, message = MESSAGES.get(code, MESSAGES[500] if code >= 500 else MESSAGES[400])
    response = _page(code, title, message)
    if code == 429:
        response.headers["Retry-After"] = "300"
    return response


def _expired_form(error: CSRFError) -> Response:
    """The form is older than the sign-in it was made in. Nothing that was typed is lost."""
    message = "Go back, load the page again and send it once more: what you wrote is still in the form."
    return _page(400, "This form is out of date", message)


def _database_error(error: OperationalError) -> Response:
    db.session.rollback()
    request.environ["wsgi.errors"].write(f"The database failed: {error.orig}\n")
    response = _page(503, *MESSAGES[503])
    response.headers["Retry-After"] = "5"
    return response
