"""The one statement that makes a summary complete. It returns what a page needs of the row, which is not read again."""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, String, Text, bindparam, case, func, null, update

from webapp.extensions import Prepared, now
from webapp.summarizing.engine import Finished
from webapp.summarizing.tree import Coverage

if TYPE_CHECKING:
    from webapp.models.summary import Claim, Summary

RETURNED = (
    "engine", "prompt_version", "style", "language", "instruction", "task", "version", "claimed_at", "finished_at",
    "tokens_in", "tokens_out", "author_id", "content_hash", "recipe_hash")  # fmt: skip


class Source(NamedTuple):
    """The text that a summary is of, and its format."""

    text: str
    format: str


class Finishing:
    """How a summary's row is finished, behind its fence."""

    source: Source | None = None  # of a row that was finished just now, and by this process

    @classmethod
    def finish_row(
        cls,
        claim: "Claim",
        *,
        text: str,
        format: str,
        grounding: str | None,
        finished: Finished,
        coverage: Coverage | None,
    ) -> "Summary | None":
        """Store it inside the caller's transaction, if the claim still stands. What is returned is of no session."""
        from webapp.models.summary import Summary

        values = {"text": text, "format": format, "grounding": grounding, "model": finished.model[:200],
                  "finish_reason": finished.finish_reason, "coverage": coverage.to_json() if coverage else None}  # fmt: skip
        counts = {"plus_in": finished.tokens_in, "plus_out": finished.tokens_out}
        mine = {"claimed_id": claim.summary_id, "claimed_fence": claim.fence}
        row = (
            _finished()
            .run(**{f"new_{name}": value for name, value in values.items()}, **counts, **mine)
            .first()
        )
        if row is None:
            return None
        summary = Summary(id=claim.summary_id, document_id=claim.document_id, **values, **row._mapping)
        summary.source = Source(claim.text, claim.text_format)
        return summary


@functools.cache
def _finished() -> Prepared:
    from webapp.models.summary import Status, Summary

    given: dict[str, Any] = {
        name: bindparam(
            f"new_{name}", type_=String() if name in ("format", "model", "finish_reason") else Text()
        )
        for name in ("text", "format", "grounding", "model", "finish_reason", "coverage")
    }
    finished = (
        update(Summary)
        .where(
            Summary.id == bindparam("claimed_id"),
            Summary.fence == bindparam("claimed_fence"),
            Summary.status == Status.PROCESSING,
        )
        .values(
            status=Status.COMPLETE,
            **given,
            tokens_in=plus(Summary.tokens_in, bindparam("plus_in", type_=Integer())),
            tokens_out=plus(Summary.tokens_out, bindparam("plus_out", type_=Integer())),
            finished_at=now(),
            lease_until=null(),
            error_code=null(),
            error_detail=null(),
        )
    )
    return Prepared(finished.returning(*(getattr(Summary, name) for name in RETURNED)))


def plus(counted: Any, more: ColumnElement[int | None]) -> ColumnElement[int]:
    """A column's new value: a count that the server sent, if it sent one, goes on top of what there is."""
    return case((more.is_(None), counted), else_=func.coalesce(counted, 0) + more)
