"""The one order in which rows are locked, so that no two transactions ever wait for each other.

First documents, the newest first; then what is theirs, such as summaries and notes; then the row of the model server.
Whoever changes a summary's status, or more than one row of a document, holds the document before. What is locked of an
import, a member or a rewarming is locked before any document.

A document is held as an UPDATE would hold it (`key_share`): what merely refers to it, such as notes or counts of
reads, can still be added. Only who deletes it keeps those out. On SQLite there is one writer, and nothing to order.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Select, bindparam, column, select, table

from webapp.extensions import db, transaction

_documents = table("documents", column("id"))
_summaries = table("summaries", column("id"), column("document_id"))


@contextmanager
def holding(*document_ids: int, is_durable: bool = True) -> Iterator[None]:
    """A write transaction that holds these documents, as far as they are there, before it writes anything."""
    with transaction(is_durable=is_durable):
        if db.engine.dialect.name == "postgresql":
            db.session.execute(_these(), {"wanted": document_ids})
        yield


def hold_that_of(summary_id: int) -> None:
    """Hold the document of a summary, inside the transaction."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(_that_of(), {"summary": summary_id})


@functools.cache
def _these() -> Select[Any]:
    ids = _documents.c.id
    wanted = select(ids).where(ids.in_(bindparam("wanted", expanding=True))).order_by(ids.desc())
    return wanted.with_for_update(key_share=True)


@functools.cache
def _that_of() -> Select[Any]:
    """Asked at each claim, and so built once."""
    its = select(_summaries.c.document_id).where(_summaries.c.id == bindparam("summary")).scalar_subquery()
    return select(_documents.c.id).where(_documents.c.id == its).with_for_update(key_share=True)
