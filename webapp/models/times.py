"""Times as people read them."""

from datetime import UTC, datetime


def as_datetime(seconds: float | None) -> datetime | None:
    """Seconds since 1970 in UTC as an aware datetime; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
