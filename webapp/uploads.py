"""Uploads: files in a form go straight into the data folder, and only those of members who may add documents."""

from io import BytesIO
from typing import IO, Any, cast

from flask import Flask, request, session
from htmx_flask.requests import HtmxAwareRequest

from webapp.extensions import current_settings
from webapp.models.member import SignIn
from webapp.originals import Incoming
from webapp.summarizing.sanitizing import visible

MOST_FILES = 1_000  # of one form
MOST_TOTAL = 10  # so many times the largest file may all files of one form be
LONGEST_NAME = 255
ENDPOINT = "documents.create"


class Upload(HtmxAwareRequest):  # type: ignore[misc]  # htmx_flask has no types
    """A request whose files are received as originals, where it is one that may bring files."""

    may_bring_files = False

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


def init_app(app: Flask) -> None:
    """Before anything else looks at the form: to look at it is to receive it."""
    app.request_class = Upload
    app.before_request(_permit)


def _permit() -> None:
    """Let editors send large forms to the one address that takes them. To all others the usual limits apply."""
    if request.endpoint != ENDPOINT:
        return
    member = SignIn.member_of(session.get("token"))
    if member is not None and member.can_edit:
        asked: Any = request
        asked.may_bring_files = True
        request.max_content_length = MOST_TOTAL * current_settings().max_upload_bytes + 1_000_000
        request.max_form_parts = MOST_FILES + 50


def received() -> list[tuple[str, Incoming]]:
    """(name as its sender has it, file) of each file in the form."""
    files = request.files.getlist("file")
    return [(named(file.filename), cast("Incoming", file.stream)) for file in files if file.filename]


def named(name: str) -> str:
    """The name of a file alone, without its folders and what can't be seen; its end is what tells the most."""
    name = " ".join(visible(name.replace("\\", "/").rpartition("/")[2]).split())
    return name[-LONGEST_NAME:] or "untitled"
