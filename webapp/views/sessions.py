"""Signing in and out."""

from dataclasses import dataclass, field

from flask import Blueprint, redirect, render_template, request, url_for
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response as BaseResponse

from webapp import security
from webapp.extensions import limiter
from webapp.models.member import Member
from webapp.security import public, safe_next, say

blueprint = Blueprint("sessions", __name__, url_prefix="/session")
PER_ACCOUNT = "10 per 5 minutes"
PER_ADDRESS = "30 per 5 minutes"
IN_ALL = "1000 per 5 minutes"


@dataclass
class Form:
    email: str = ""
    next: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def _account() -> str:
    return "account:" + request.form.get("email", "").strip().lower()[:254]


@blueprint.get("/new")
@public
def new() -> str:
    return render_template("sessions/new.html", form=Form(next=safe_next(request.args.get("next"))))


@blueprint.post("")
@public
@limiter.limit(IN_ALL, key_func=lambda: "everybody")
@limiter.limit(PER_ADDRESS, key_func=get_remote_address)
@limiter.limit(PER_ACCOUNT, key_func=_account)
def create() -> BaseResponse | tuple[str, int]:
    form = Form(email=request.form.get("email", "").strip(), next=safe_next(request.form.get("next")))
    member = Member.with_password(form.email, request.form.get("password", ""))
    if member is None:
        form.errors["email"] = "The e-mail address and the password do not belong together."
        return render_template("sessions/new.html", form=form), 422
    security.sign_in(member)
    return redirect(form.next, 303)


@blueprint.post("/delete")
def destroy() -> BaseResponse:
    security.sign_out()
    say("You are signed out.")
    response = redirect(url_for(".new"), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
