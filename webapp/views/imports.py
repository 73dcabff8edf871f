"""Imports: how it goes with the files and links that a member brought in."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from webapp.htmx import wants_fragment
from webapp.models.imports import Aim
from webapp.security import current_member, editors_only

blueprint = Blueprint("imports", __name__, url_prefix="/imports")


@blueprint.get("")
@editors_only
def index() -> str | tuple[str, int]:
    imports = current_member.imports.page(_page())
    if not wants_fragment():
        return render_template("imports/index.html", imports=imports)
    if request.args.get("seen") == imports.seen:
        return "", 204
    return render_template("imports/_imports.html", imports=imports)


@blueprint.post("/<int:import_id>")
@editors_only
def update(import_id: int) -> BaseResponse:
    """Try again, or go on with another `aim` though it is known."""
    item = current_member.imports.get_or_404(import_id)
    aim = request.form.get("aim", "")
    item.again(Aim(aim) if aim in tuple(Aim) else None)
    return redirect(url_for(".index", page=_page()), 303)


@blueprint.post("/<int:import_id>/delete", endpoint="remove")
@blueprint.delete("/<int:import_id>")
@editors_only
def destroy(import_id: int) -> BaseResponse:
    current_member.imports.get_or_404(import_id).remove()
    return redirect(url_for(".index", page=_page()), 303)


def _page() -> int:
    return request.args.get("page", 1, int)
