"""Rows as an archive tells them: every column but those that mean something in one installation alone."""

import math
import re
from typing import Any

from sqlalchemy import Boolean, Column, Double, Integer, String, Table

from webapp.extensions import Base
from webapp.models.archive.folder import Damaged
from webapp.models.document import Document
from webapp.models.feedback import Feedback
from webapp.models.prompt import Prompt
from webapp.models.revision import Revision
from webapp.models.source import Source
from webapp.models.summary import Summary

HERE_ALONE: dict[type[Base], set[str]] = {
    Document: {"author_id", "summary_id", "summary_status", "shown_summary_id", "votes",
               "receipt"},
    Revision: {"id", "document_id", "author_id", "text"},
    # The life of a run ends with it. `claimed_at` would use up the hour's share of warming.
    Summary: {"id", "document_id", "lane", "attempts", "crashes", "next_attempt_at", "fence", "lease_until",
              "claimed_at", "error_detail", "rewarming_id", "author_id"},
    Source: {"id", "document_id"},
    Prompt: {"id", "member_id"},
    Feedback: {"summary_id", "member_id"},
}  # fmt: skip
LATEST = 253_402_300_799  # the last second that a date can tell
LARGEST = 2**31 - 1
_HASH = re.compile(r"[0-9a-f]{64}")


def told(row: Base) -> dict[str, Any]:
    """The columns of a row that go along."""
    return {column.name: getattr(row, column.name) for column in columns(type(row))}


def checked(model: type[Base], given: object) -> dict[str, Any]:
    """The columns of a row that came along, each of a kind that its column takes. Raises Damaged.

    What is not told, as by an older Precis, gets its default.
    """
    if not isinstance(given, dict):
        raise Damaged(f"A row of {model.__tablename__} is not what an export has there.")
    lacking = [c.name for c in columns(model) if c.name not in given and not _is_optional(c)]
    if lacking:
        raise Damaged(f"A row of {model.__tablename__} lacks its {lacking[0]}.")
    values = {c.name: given[c.name] for c in columns(model) if c.name in given}
    for column in columns(model):
        if column.name in values and not _takes(column, values[column.name]):
            raise Damaged(f"A row of {model.__tablename__} has a {column.name} that can't be.")
    return values


def columns(model: type[Base]) -> list[Column[Any]]:
    """The columns that go along."""
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - for the type checker
    return [column for column in table.columns if column.name not in HERE_ALONE[model]]


def _is_optional(column: Column[Any]) -> bool:
    return bool(column.nullable) or column.default is not None or column.server_default is not None


def _takes(column: Column[Any], value: object) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Boolean):
        return isinstance(value, bool)
    if isinstance(column.type, Double):
        return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= LATEST
    if isinstance(column.type, Integer):
        return isinstance(value, int) and 0 <= value <= LARGEST
    return isinstance(value, str) and _is_text(column, value)


def _is_text(column: Column[Any], value: str) -> bool:
    """Whether every database can hold it, and it is a hash where one belongs."""
    if column.name == "sha256" or column.name.endswith("_hash"):
        return _HASH.fullmatch(value) is not None
    length = column.type.length if isinstance(column.type, String) else None
    is_whole = not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in set(value))
    return is_whole and (length is None or len(value) <= length)
