"""Style sheets and scripts: each kind in one file, packed once, and kept by browsers for as long as it is the same."""

import functools
import re
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from flask import Flask, Response, make_response, request, url_for

from webapp.packing import STATIC_QUALITY, encoding_for, mark, packed

FOLDER = Path(__file__).resolve().parent.parent / "static"
SHEETS = (
    "tokens", "base", "layout", "button", "note", "field", "pill", "prose", "reading", "differences", "history", "row",
    "pages", "summary", "passages", "ways", "words", "feedback", "document", "import", "prompt", "rewarm", "empty",
    "panel")  # fmt: skip
VENDORED = {  # with their hashes as their makers tell them, which a test compares
    "vendor/htmx-4.0.1.min.js": "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn",
    "vendor/hx-sse-4.0.1.min.js": "sha384-v8HvucQ+ohQhMg0arboXc5049yNR46QKMjphs7YDch+Wm7zpfK5XVS01f26mQDJV",
}
OWN = ("js/times.js", "js/passages.js", "js/address.js")
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


class Asset(NamedTuple):
    """A file as it goes out."""

    body: bytes
    etag: str


def init_app(app: Flask) -> None:
    """Serve what is text packed, and the rest as Flask does."""
    as_it_is = app.view_functions["static"]

    def static(filename: str) -> Response:
        if Path(filename).suffix in TYPES and (filename in MADE or filename in _names()):
            return _answer(filename)
        return make_response(as_it_is(filename=filename))

    app.view_functions["static"] = static
    app.jinja_env.globals["static_url"] = static_url


def static_url(name: str) -> str:
    """The address of a static file, which changes with its content so that browsers may keep it."""
    return url_for("static", filename=name, v=_asset(name, "").etag)


def _answer(name: str) -> Response:
    encoding = encoding_for(request.environ)
    asset = _asset(name, encoding)
    response = Response(asset.body, mimetype=TYPES[Path(name).suffix])
    response.set_etag(asset.etag)
    response.vary.add("Accept-Encoding")
    if encoding:
        mark(response, encoding)
    response.make_conditional(request.environ)
    return response


@functools.cache
def _asset(name: str, encoding: str) -> Asset:
    content = MADE[name]() if name in MADE else (FOLDER / name).read_bytes()
    return Asset(packed(content, encoding, STATIC_QUALITY), sha256(content).hexdigest()[:12])


@functools.cache
def _names() -> frozenset[str]:
    """All files that there are: what is not one of them is not looked for."""
    return frozenset(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file())


def _style() -> bytes:
    """All sheets in their order, and the one for paper, without their comments and indentation."""
    sheets = [_text(f"css/{name}.css") for name in SHEETS]
    whole = "\n".join([*sheets, f"@media print {{\n{_text('css/print.css')}}}\n"])
    return re.sub(r"\n\s*", "\n", re.sub(r"/\*.*?\*/", "", whole, flags=re.DOTALL)).encode()


def _script() -> bytes:
    """htmx, its extension, and our own, none of whose names are another's business."""
    own = [f'(() => {{\n"use strict";\n{_text(name)}}})();' for name in OWN]
    return "\n".join([*(f"{_text(name)};" for name in VENDORED), *own]).encode()


def _text(name: str) -> str:
    return (FOLDER / name).read_text()


MADE = {"precis.css": _style, "precis.js": _script}
