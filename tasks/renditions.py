"""The actor that lays out long texts, so that a page need not wait for it."""

import dramatiq
from flask import Flask

from webapp import hints
from webapp.models.rendition import Rendition
from webapp.models.summary import Lane


def declare(app: Flask) -> None:
    """Declare the actor on the application's broker."""
    broker: dramatiq.Broker = app.extensions["broker"]

    @dramatiq.actor(actor_name=hints.LAYING_OUT, queue_name=Lane.WARM, broker=broker)
    def lay_out(document_id: int, version: int) -> None:
        with app.app_context():
            Rendition(int(document_id), int(version)).lay_out_now()
