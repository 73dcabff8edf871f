"""What a version changed, side by side with the one before it, or with any other."""

from flask import Blueprint, render_template, request

from webapp.models.history import differences
from webapp.security import current_member

blueprint = Blueprint(
    "changes", __name__, url_prefix="/documents/<int:document_id>/revisions/<int:version>/changes"
)


@blueprint.get("")
def show(document_id: int, version: int) -> str:
    document = current_member.documents.get_or_404(document_id)
    new = document.history.get_or_404(version)
    old = document.history.get_or_404(request.args.get("from", version - 1, int))
    found = differences(old.text, new.text)
    return render_template(
        "changes/show.html", document=document, old=old, new=new, found=found.comparison, is_cut=found.is_cut
    )
