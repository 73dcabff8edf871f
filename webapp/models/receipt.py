"""Receipts: by them it is known what a form has brought already, so that the same form sent twice brings it once.

That happens by a double click, by a way back in the browser, and after a commit that succeeded and was reported as
failed. What is sent changed under the same form has another receipt: nobody's words are lost.
"""

import json
import secrets
from hashlib import sha256

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.member import Member

FORM_CHARACTERS = 100


class Received:
    """What is known by the receipt of the form that brought it. None of what came another way."""

    receipt: Mapped[str | None] = mapped_column(String(64), unique=True, index=True)


def new_form() -> str:
    """A token for a form, that nobody can guess."""
    return secrets.token_urlsafe(24)


def receipt_of(member: Member, form: str, *said: str) -> str | None:
    """The receipt of these words. None where the form brought no token."""
    told = json.dumps([member.id, form[:FORM_CHARACTERS], *said])
    return sha256(told.encode()).hexdigest() if form else None
