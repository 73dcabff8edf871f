"""What people see when something does not work: what happened, and what to do."""

import errno
from contextlib import suppress

from flask import Flask, Response, g, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import ClientDisconnected, HTTPException

from webapp.extensions import db
from webapp.processes.line import TooSlow

MESSAGES = {
    400: ("That did not work", "The request was not one that Precis understands."),
    403: ("Not for readers", "Only editors may change the library. Ask an admin of your team for the role."),
    404: ("Not here", "There is no such page, or it is not one that you may see."),
    405: ("That did not work", "This address does not take such a request."),
    408: (
        "Too slow",
        "What you sent did not come through in time, and nothing of it was taken. Go back and send it again.",
    ),
    413: ("Too much", "That is more than Precis takes at once. Bring it in several parts."),
    429: ("Too many tries", "Wait a few minutes, then try again."),
    500: ("Something broke", "The fault is ours, and it is in the log. What you had saved before is safe."),
    503: (
        "Busy",
        "The database is busy. Wait a few seconds, go back and try again: what you wrote is still there.",
    ),
    507: (
        "No room",
        "The server's disk is full. What you had saved before is safe. Tell an admin, and go back: what you wrote is there.",
    ),
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last one: a limit on the size of files
FULL_DATABASE = ("database or disk is full", "No space left on device")  # SQLite, PostgreSQL


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _expired_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ClientDisconnected, _broken_off)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(OSError, _system_error)
    app.register_error_handler(500, _http_error)


def _page(code: int, title: str, message: str) -> Response:
    _forget_who_is_unknown()
    page = render_template(
        "errors/error.html", code=code, title=title, message=message,
        action_url=url_for("documents.index"), action_label="To the library")  # fmt: skip
    return make_response(page, code)


def _forget_who_is_unknown() -> None:
    """What was read of the member went with the transaction: where it can't be read again, the page does without."""
    member = g.get("member")
    g.member = None
    with suppress(OperationalError):
        if member is not None and member.name:
            g.member = member
            return
    db.session.rollback()


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    usual = MESSAGES.get(code, MESSAGES[500] if code >= 500 else MESSAGES[400])
    response = _page(code, *getattr(error, "told", usual))
    if code == 429:
        response.headers["Retry-After"] = "300"
    elif wait := getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(wait)
    return response


def _broken_off(error: ClientDisconnected) -> Response:
    """The form did not come to its end. Who has hung up reads no answer; who is only too slow may."""
    is_slow = isinstance(error.__context__, TooSlow)
    return _page(408, *MESSAGES[408]) if is_slow else _http_error(error)


def _expired_form(error: CSRFError) -> Response:
    """The form is older than the sign-in it was made in. Nothing that was typed is lost."""
    message = "Go back, load the page again and send it once more: what you wrote is still in the form."
    return _page(400, "This form is out of date", message)


def _database_error(error: OperationalError) -> Response:
    db.session.rollback()
    request.environ["wsgi.errors"].write(f"The database failed: {error.orig}\n")
    if any(words in str(error.orig) for words in FULL_DATABASE):
        return _page(507, *MESSAGES[507])
    response = _page(503, *MESSAGES[503])
    response.headers["Retry-After"] = "5"
    return response


def _system_error(error: OSError) -> Response:
    if error.errno not in FULL:
        raise error
    request.environ["wsgi.errors"].write(f"A file could not be written: {error}\n")
    return _page(507, *MESSAGES[507])
