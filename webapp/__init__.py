"""Precis: a library in which every document already has its summary when you open it.

Light to import: what only watches over the processes need not load the application.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from webapp.config import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Make the application from `settings`, or from the environment. Raises SettingsError."""
    from webapp import application
    from webapp.config import Settings

    return application.make(settings or Settings.load())
