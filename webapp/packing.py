"""Answers in fewer bytes, for browsers that take them so."""

import functools
import zlib
from typing import Any

import brotli
from flask import Flask, Response, request

LEAST_BYTES = 500
PAGE_QUALITY, STATIC_QUALITY = 5, 11  # a page is packed while somebody waits, a static file once


def init_app(app: Flask) -> None:
    app.after_request(_pack)


def encoding_for(environ: dict[str, Any]) -> str:
    """In which encoding a request may be answered: "br", "gzip", or "" for none.

    None for what another site made the browser ask for: by the length of such an answer it could guess at secrets in it
    (Gluck, Harris and Prado, "BREACH", 2013).
    """
    if environ.get("HTTP_SEC_FETCH_SITE", "") in ("cross-site", "same-site"):
        return ""
    return _best(environ.get("HTTP_ACCEPT_ENCODING", ""))


@functools.lru_cache(maxsize=64)
def _best(accepted: str) -> str:
    taken = [part.replace(" ", "").lower() for part in accepted.split(",")]
    names = [part.partition(";")[0] for part in taken if not part.endswith((";q=0", ";q=0.0"))]
    return next((name for name in ("br", "gzip") if name in names), "")


def packed(content: bytes, encoding: str, quality: int = PAGE_QUALITY) -> bytes:
    """The content in that encoding."""
    if encoding == "br":
        return bytes(brotli.compress(content, mode=brotli.MODE_TEXT, quality=quality))
    if encoding == "gzip":
        packer = zlib.compressobj(level=6 if quality == PAGE_QUALITY else 9, wbits=31)
        return packer.compress(content) + packer.flush()
    return content


def mark(response: Response, encoding: str) -> None:
    """Say in the head of an answer how it is packed."""
    response.headers["Content-Encoding"] = encoding
    etag, is_weak = response.get_etag()
    if etag:
        response.set_etag(f"{etag}-{encoding}", weak=bool(is_weak))


def _pack(response: Response) -> Response:
    if response.mimetype != "text/html" or response.is_streamed or response.status_code in (204, 304):
        return response
    response.vary.update(("Accept-Encoding", "Sec-Fetch-Site"))
    encoding = encoding_for(request.environ)
    body = response.get_data()
    if encoding and len(body) >= LEAST_BYTES:
        response.set_data(packed(body, encoding))
        mark(response, encoding)
    return response
