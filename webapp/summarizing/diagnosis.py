"""What a model server's refusal means for the next try.

Servers agree on the status codes and hardly on anything else, so the codes and phrases below are those of
OpenAI, Azure, OpenRouter, Ollama, vLLM, llama.cpp and the compatible endpoints of Anthropic and Google.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from webapp.summarizing.engine import EngineFailure, FailureKind
from webapp.summarizing.tokens import context_told

LONGEST_RETRY_AFTER_SECONDS = 3600.0
LONGEST_MESSAGE = 500  # some servers quote the whole request in their message

# Codes are matched apart from messages: a rate limit's message may well speak of quotas and of billing.
_QUOTA = re.compile(
    r"insufficient_quota|credit_balance|spend_limit|usage_limit_exceeded|billing|insufficient_balance"
)
_TOO_LONG = re.compile(
    r"context_length|context_size|string_above_max_length|context (?:length|window|size)|prompt is too long"
    r"|too many tokens|input is too (?:long|large)|payload too large"
)
_OVER_LIMIT = re.compile(
    r"request too large|tokens must be reduced"
)  # more than a minute's allowance: no wait helps
_REFUSED = re.compile(
    r"content_filter|content_policy|content management policy|responsible_?ai|flagged|moderation"
)
_NO_CREDIT = re.compile(r"credit balance|insufficient balance|insufficient credit")
_KEY = re.compile(
    r"invalid_api_key|api[ _]key (?:not valid|is invalid|expired)|(?:invalid|incorrect) api[ _]key"
)
_MODEL = re.compile(
    r"model_not_found|invalid model|(?:no such|unknown) model|model .{0,80}(?:not found|does not exist)"
)
_NAME = re.compile(r"[A-Za-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said: the names that it gave to the reason, and its sentence, both in small letters."""

    status: int
    names: tuple[str, ...] = ()
    message: str = ""

    @classmethod
    def read(cls, status: int, body: object) -> "Refusal":
        """From an error body of any usual shape: an object, a list of them, a sentence, a page."""
        found = list(_facts(body))
        names = tuple(value for key, value in found if key != "message")
        message = " ".join(value for key, value in found if key == "message")
        return cls(status, names, message[:LONGEST_MESSAGE])

    def says(self, pattern: re.Pattern[str]) -> bool:
        return self.is_named(pattern) or pattern.search(self.message) is not None

    @property
    def context(self) -> str:
        """The context that it names, in words that `context_told` reads again; "" if it names none."""
        tokens = context_told(self.message)
        return f"context length {tokens}" if tokens else ""

    def is_named(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.search(name) for name in self.names)

    def failure(self, *, secret: str = "", retry_after: float | None = None) -> EngineFailure:
        """The EngineFailure. Its detail holds short names only, as sentences may quote key or document."""
        kind, code = _meaning(self)
        is_safe = _NAME.fullmatch
        names = [name for name in self.names if is_safe(name) and not (secret and secret.lower() in name)]
        told = [self.context] if code == "too_long" and self.context else []
        detail = " ".join([f"HTTP {self.status}", *dict.fromkeys(names), *told])
        return EngineFailure(kind, code, detail=detail, retry_after=retry_after)


def _facts(body: object) -> Iterator[tuple[str, str]]:
    if isinstance(body, str):
        yield "message", body.lower()[:LONGEST_MESSAGE]
    elif isinstance(body, list):
        for item in body[:5]:
            yield from _facts(item)
    elif isinstance(body, dict):
        yield from _facts_of_object(body)


def _facts_of_object(body: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    for key in ("code", "type", "param", "status"):
        if isinstance(body.get(key), str):
            yield key, body[key].lower()
    for key in ("error", "detail", "innererror", "message", "msg"):
        yield from _facts(body.get(key))
    if isinstance(body.get("loc"), list):
        yield from (("param", part.lower()) for part in body["loc"] if isinstance(part, str))
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and "flagged_input" in metadata:
        yield "code", "flagged_input"


def _meaning(refusal: Refusal) -> tuple[FailureKind, str]:
    status = refusal.status
    if status in (400, 403, 413, 422, 500) and refusal.says(_TOO_LONG):
        return FailureKind.PERMANENT, "too_long"
    if status == 429:
        return _meaning_of_429(refusal)
    if status in (408, 409, 425) or status >= 500:
        return FailureKind.TRANSIENT, "server_error"
    if status == 402 or refusal.is_named(_QUOTA) or refusal.says(_NO_CREDIT):
        return FailureKind.MISCONFIGURED, "quota"
    if status in (400, 403, 422) and refusal.says(_REFUSED):
        return FailureKind.PERMANENT, "refused"
    if status in (401, 403) or refusal.says(_KEY):
        return FailureKind.MISCONFIGURED, "key_rejected"
    if status < 400 or status in (404, 405, 410) or refusal.says(_MODEL):
        return FailureKind.MISCONFIGURED, "model_not_found"
    return FailureKind.PERMANENT, "too_long" if status == 413 else "bad_request"


def _meaning_of_429(refusal: Refusal) -> tuple[FailureKind, str]:
    if refusal.is_named(_QUOTA):
        return FailureKind.MISCONFIGURED, "quota"
    if refusal.says(_OVER_LIMIT):
        return FailureKind.PERMANENT, "too_long"
    return FailureKind.LIMITED, "rate_limited"


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The wait that the headers ask for, in seconds, at most an hour. None if they ask for none that can be
    read.

    `retry-after-ms` goes first; `Retry-After` is seconds or a date (RFC 9110, section 10.2.3).
    """
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return _capped(seconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and value:
        seconds = _seconds_until(value, now or datetime.now(UTC))
    return None if seconds is None else _capped(seconds)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()


def _capped(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)
