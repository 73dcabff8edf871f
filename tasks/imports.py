"""The actor that brings files and links in. Files are read in a confined process of their own."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING

import dramatiq
from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from webapp import hints, originals
from webapp.extensions import current_settings
from webapp.importing.extracted import Extracted, ImportFailure
from webapp.importing.extraction import Limits, Page, extract
from webapp.models.imports import OURS, Brought, Import, ImportClaim
from webapp.models.revision import TITLE_CHARACTERS
from webapp.summarizing.sanitizing import visible

if TYPE_CHECKING:
    from webapp.importing.fetch import Fetched

log = logging.getLogger(__name__)
stopping = threading.Event()
_running: set[ImportClaim] = set()


def declare(app: Flask, broker: dramatiq.Broker) -> None:
    """Declare the actor, which works in the application, on a broker."""

    @dramatiq.actor(actor_name=hints.IMPORTER, queue_name=hints.IMPORTS, broker=broker)
    def bring_in(import_id: int) -> None:
        with app.app_context():
            import_now(int(import_id))


def stop_all(app: Flask) -> None:
    """Give back what is being brought in, so that it starts again at once elsewhere. What still runs is fenced off."""
    stopping.set()
    with app.app_context():
        for claim in tuple(_running):
            Import.hand_back(claim)


def import_now(import_id: int) -> None:
    """Bring one thing in, if it is due and nobody else has it."""
    claim = None if stopping.is_set() else Import.claim(import_id)
    if claim is None:
        return
    try:
        with _kept(claim):
            if not Import.end_if_known(claim):
                _link(claim, claim.url) if claim.url else _file(claim)
    except ImportFailure as failure:
        log.info("Import %s: %s %s", import_id, failure.code, failure.detail)
        Import.fail(claim, failure)
    except Exception as error:
        Import.fail(claim, ImportFailure(OURS, type(error).__name__))
        raise


def _file(claim: ImportClaim) -> None:
    path = originals.path_of(claim.sha256)
    try:
        found = extract(path, name=claim.name, limits=_limits())
    except FileNotFoundError:
        raise ImportFailure("original_gone") from None
    size = path.stat().st_size
    title = _title(found, PurePath(claim.name).stem)
    _finish(claim, Brought(found, claim.name, title, claim.sha256, size))


def _link(claim: ImportClaim, url: str) -> None:
    with _fetched(url) as fetched, originals.Incoming.of(fetched.body, fetched.size) as original:
        page = Page(address=fetched.address, charset=fetched.charset) if fetched.is_page else None
        found = extract(original.path, name=fetched.name, limits=_limits(), page=page)
        name = visible(fetched.name) or claim.name
        title = _title(found, claim.name if page else PurePath(name).stem)
        _finish(claim, Brought(found, name, title, original.sha256, original.size, original))


def _fetched(url: str) -> "Fetched":
    from webapp.importing.fetch import (
        FetchLimits,
        fetch,
    )  # half a second's work, which files need not wait for
    from webapp.importing.guard import Guard

    settings = current_settings()
    limits = FetchLimits(most_bytes=settings.max_upload_bytes)
    return fetch(url, limits=limits, guard=Guard(networks=settings.fetch_networks))


def _finish(claim: ImportClaim, brought: Brought) -> None:
    if len(brought.extracted.text.encode()) > current_settings().max_text_bytes:
        raise ImportFailure("too_much_text", f"{len(brought.extracted.text)} characters")
    if not Import.finish(claim, brought):
        log.info("Import %s is no longer wanted, or somebody else's.", claim.import_id)


def _limits() -> Limits:
    settings = current_settings()
    return Limits(most_bytes_in=settings.max_upload_bytes, most_characters_out=settings.max_text_bytes)


def _title(found: Extracted, name: str) -> str:
    """What the file says that it is called, else what its name says."""
    title = " ".join(visible(found.title or name).split())
    return title[:TITLE_CHARACTERS].strip() or "Untitled"


@contextmanager
def _kept(claim: ImportClaim) -> Iterator[None]:
    """Keep the lease alive from a thread beside, and let `stop_all` know."""
    done, app = threading.Event(), current_app._get_current_object()  # type: ignore[attr-defined]
    renewing = threading.Thread(target=_renew, args=(app, claim, done), name="lease", daemon=True)
    renewing.start()
    _running.add(claim)
    try:
        yield
    finally:
        _running.discard(claim)
        done.set()
        renewing.join()


def _renew(app: Flask, claim: ImportClaim, done: threading.Event) -> None:
    seconds = app.config["SETTINGS"].renew_seconds
    while not done.wait(seconds):
        try:
            with app.app_context():
                if not Import.renew(claim):
                    return
        except SQLAlchemyError as error:
            log.warning("The lease of import %s was not extended: %s", claim.import_id, error)
