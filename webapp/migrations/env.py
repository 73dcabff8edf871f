"""Alembic's environment: one connection of the application's, and one transaction for each run."""

from alembic import context
from flask import current_app

from webapp.extensions import to_write

db = current_app.extensions["migrate"].db


def run() -> None:
    with db.engine.connect().execution_options(**to_write()) as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            transactional_ddl=True,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
