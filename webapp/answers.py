"""Large answers wait for who reads slowly in a file, and not in the memory of the web process."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO

from flask import Flask, Response, request

from webapp.extensions import current_settings

LARGE_BYTES = 256_000
PORTION_BYTES = 65_536


def init_app(app: Flask) -> None:
    app.after_request(_put_aside)


def put_aside(data: bytes) -> IO[bytes]:
    """A file with these bytes, which has no name and is gone when it is closed; what is small stays in memory."""
    return (_file([data]) if len(data) >= LARGE_BYTES else None) or BytesIO(data)


def _put_aside(response: Response) -> Response:
    if response.is_sequence and request.method != "HEAD":
        size = response.calculate_content_length() or 0
        file = _file(response.iter_encoded()) if size >= LARGE_BYTES else None
        if file is not None:
            response.response = _portions(file)
            response.content_length = size
    return response


def _file(parts: Iterable[bytes]) -> IO[bytes] | None:
    """None where the disk has no room: then there is only the memory left."""
    try:
        file = TemporaryFile(dir=current_settings().data)  # noqa: SIM115 - whoever sends it closes it
        file.writelines(parts)
        file.seek(0)
    except OSError:
        return None
    return file


def _portions(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while data := file.read(PORTION_BYTES):
            yield data
