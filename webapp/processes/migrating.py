"""The revisions of the database. Alembic, a tenth of all that there is to load, is loaded where there is something to do."""

from pathlib import Path

import click
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from webapp.extensions import db

FOLDER = Path(__file__).resolve().parents[1] / "migrations"


class CannotMigrate(click.ClickException):
    """The database is not that of this release, and could not be made so. Whichever command it is ends with this."""


def migrate(app: Flask) -> None:
    """Bring the database to the newest revision, in one transaction. Does nothing where it is there. Raises CannotMigrate."""
    with app.app_context():
        if present() == newest():
            return
        from flask_migrate import upgrade

        declare(app)
        try:
            upgrade()
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise CannotMigrate(
                f"The database could not be brought to this release, and is as it was before: {reason}. "
                "Mend that and start again, or go on with the release before."
            ) from error


def declare(app: Flask) -> None:
    """Let Alembic know of the application's database."""
    from flask_migrate import Migrate

    Migrate(app, db, directory=str(FOLDER), render_as_batch=True)


def present() -> str | None:
    """The revision that the database is at; None if it is empty."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def newest() -> str:
    """The last revision that there is: their files are numbered."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))
