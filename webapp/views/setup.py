"""The one-time page on which the first member is made."""

from dataclasses import dataclass, field

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from webapp import security
from webapp.extensions import limiter
from webapp.models.setup import Setup
from webapp.security import public, say

blueprint = Blueprint("setup", __name__, url_prefix="/setup/<token>")


@dataclass
class Form:
    name: str = ""
    email: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("")
@public
@limiter.limit("60 per 5 minutes")
def new(token: str) -> str:
    if not Setup.is_open(token):
        abort(404)
    return render_template("setup/new.html", form=Form(), token=token)


@blueprint.post("")
@public
@limiter.limit("30 per 5 minutes")
def create(token: str) -> BaseResponse | tuple[str, int]:
    form = Form(name=request.form.get("name", "").strip(), email=request.form.get("email", "").strip())
    try:
        member = Setup.finish(
            token, email=form.email, name=form.name, password=request.form.get("password", "")
        )
    except ValueError as error:
        form.errors["password" if "password" in str(error) else "email"] = str(error)
        return render_template("setup/new.html", form=form, token=token), 422
    if member is None:
        abort(404)
    security.sign_in(member)
    say(f"Welcome, {member.name}. Paste a first document.")
    return redirect(url_for("documents.index"), 303)
