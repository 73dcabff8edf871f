"""Uploads: files in a form go straight into the data folder, and only those of members who may add documents."""

from io import BytesIO
from threading import BoundedSemaphore
from typing import IO, Any, cast

from flask import Flask, current_app, request, session
from htmx_flask.requests import HtmxAwareRequest
from werkzeug.exceptions import ServiceUnavailable

from webapp.extensions import current_settings, db
from webapp.models.member import SignIn
from webapp.originals import Incoming
from webapp.summarizing.sanitizing import visible

MOST_FILES = 1_000  # of one form
MOST_TOTAL = 10  # so many times the largest file may all files of one form be
LONGEST_NAME = 255
ENDPOINT = "documents.create"
RETRY_SECONDS = 20


class TooManyUploads(ServiceUnavailable):
    """This process receives as many large forms as it may. A text alone is never refused for that."""

    told = (
        "Too many files at once",
        "Others are bringing in files. Wait half a minute, go back and send yours again: nothing of them was taken.",
    )

    def __init__(self) -> None:
        super().__init__(retry_after=RETRY_SECONDS)


class Upload(HtmxAwareRequest):  # type: ignore[misc]  # htmx_flask has no types
    """A request whose files are received as originals, where it is one that may bring files."""

    may_bring_files = False
    turn: BoundedSemaphore | None = None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if not (self.may_bring_files and filename):
            return BytesIO()  # no more than the usual limits let through
        self._incoming.append(Incoming(current_settings().max_upload_bytes))
        return cast("IO[bytes]", self._incoming[-1])

    @property
    def _incoming(self) -> list[Incoming]:
        received: list[Incoming] = self.__dict__.setdefault("incoming", [])
        return received

    def close(self) -> None:
        """What was not kept goes, also where the form broke off in the middle."""
        super().close()
        for incoming in self._incoming:
            incoming.close()
        if self.turn is not None:
            self.turn.release()
            self.turn = None


def init_app(app: Flask) -> None:
    """Before anything else looks at the form: to look at it is to receive it."""
    app.request_class = Upload
    app.extensions["uploads"] = BoundedSemaphore(app.config["SETTINGS"].max_uploads)
    app.before_request(_permit)


def _permit() -> None:
    """Let editors send large forms to the one address that takes them. To all others the usual limits apply."""
    if request.endpoint != ENDPOINT:
        return
    if _is_editor():
        asked: Any = request
        if _is_large():
            asked.turn = _turn()
        asked.may_bring_files = True
        request.max_content_length = MOST_TOTAL * current_settings().max_upload_bytes + 1_000_000
        request.max_form_parts = MOST_FILES + 50


def _is_editor() -> bool:
    """Asked without keeping the connection to the database: a form may take its time."""
    try:
        member = SignIn.member_of(session.get("token"))
        return member is not None and member.can_edit
    finally:
        db.session.remove()


def _is_large() -> bool:
    """Whether this is more than a text can be, or does not say how much it is."""
    return request.content_length is None or request.content_length > current_app.config["MAX_CONTENT_LENGTH"]


def _turn() -> BoundedSemaphore:
    """One of the places of large forms, to be released once this one is received."""
    turns: BoundedSemaphore = current_app.extensions["uploads"]
    if not turns.acquire(blocking=False):
        raise TooManyUploads
    return turns


def received() -> list[tuple[str, Incoming]]:
    """(name as its sender has it, file) of each file in the form."""
    files = request.files.getlist("file")
    return [(named(file.filename), cast("Incoming", file.stream)) for file in files if file.filename]


def named(name: str) -> str:
    """The name of a file alone, without its folders and what can't be seen; its end is what tells the most."""
    name = " ".join(visible(name.replace("\\", "/").rpartition("/")[2]).split())
    return name[-LONGEST_NAME:] or "untitled"
