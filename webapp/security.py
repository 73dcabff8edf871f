"""Who is asking, and what a browser may do with our answers."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, flash, g, redirect, request, session, url_for
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response as BaseResponse

from webapp.extensions import db
from webapp.models.member import Member, SignIn
from webapp.nudges import let_in

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
View = TypeVar("View", bound=Callable[..., object])

current_member: Member = LocalProxy(lambda: g.member)  # type: ignore[assignment]


def init_app(app: Flask) -> None:
    app.before_request(_refuse_other_sites)
    app.before_request(_require_member)
    app.after_request(_set_headers)
    app.context_processor(lambda: {"current_member": g.get("member")})


def public(view: View) -> View:
    """Let a view be seen by who is not signed in. All others are not."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def editors_only(view: View) -> View:
    """Refuse a view to members who only read."""
    view.is_for_editors = True  # type: ignore[attr-defined]
    return view


def admins_only(view: View) -> View:
    """Refuse a view to all but admins."""
    view.is_for_admins = True  # type: ignore[attr-defined]
    return view


def sign_in(member: Member) -> None:
    """Begin a new sign-in in this browser; whatever session it had before is gone."""
    session.clear()
    session["token"] = member.sign_in()
    session.permanent = True


def sign_out() -> None:
    SignIn.end(session.get("token"))
    session.clear()


def is_still_signed_in() -> bool:
    """Whether the sign-in of this request still stands: for streams, which outlive the check at their start."""
    try:
        return SignIn.stands(session.get("token"))
    finally:
        db.session.remove()


def safe_next(target: str | None) -> str:
    """A path of our own to go on to, whatever the address said."""
    target = target or ""
    parts = urlsplit(target)
    is_own = (
        target.startswith("/")
        and not target.startswith(("//", "/\\"))
        and not parts.scheme
        and not parts.netloc
    )
    has_tricks = any(c in target for c in "\\\t\r\n") or not target.isprintable()
    return target if is_own and not has_tricks else url_for("documents.index")


def _view() -> object:
    return current_app.view_functions.get(request.endpoint or "")


def _require_member() -> BaseResponse | None:
    if request.endpoint == "static":
        return None
    g.member = SignIn.member_of(session.get("token"))
    view = _view()
    if view is None or getattr(view, "is_public", False):
        return None
    if g.member is None:
        return _send_to_sign_in()
    let_in()
    if getattr(view, "is_for_editors", False) and not g.member.can_edit:
        abort(403)
    if getattr(view, "is_for_admins", False) and not g.member.is_admin:
        abort(403)
    return None


def _send_to_sign_in() -> BaseResponse:
    """A page goes to the sign-in form; a fragment makes the browser go there; a stream just ends."""
    if "text/event-stream" in request.headers.get("Accept", "") and not request.headers.get("HX-Request"):
        return Response("Sign in first.\n", 401, mimetype="text/plain")
    address = url_for("sessions.new", next=_path_to_return_to())
    if request.headers.get("HX-Request"):
        return Response("", 401, {"HX-Redirect": address})
    return redirect(address, 303)


def _path_to_return_to() -> str | None:
    if request.method == "GET" and not request.headers.get("HX-Request"):
        return request.full_path.rstrip("?")
    current = urlsplit(request.headers.get("HX-Current-URL", ""))
    return current.path or None


def _refuse_other_sites() -> None:
    """A second wall beside the CSRF token: browsers say from where a request comes."""
    is_unsafe = request.method not in ("GET", "HEAD", "OPTIONS")
    if is_unsafe and request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        abort(400, "This request came from another site.")


def _set_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    elif "v" in request.args:  # its address changes with its content
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def say(message: str, category: str = "success") -> None:
    """A line that the next page shows."""
    flash(message, category)
