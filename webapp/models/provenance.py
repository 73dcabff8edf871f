"""How a summary came to be: by what, when, from which version, and at what price."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from webapp.extensions import current_settings
from webapp.models import tasks
from webapp.models.chosen import PERSON
from webapp.models.times import as_datetime
from webapp.summarizing.engine import EXTRACT, OWN_LANGUAGE, Style

A_MILLION = 1_000_000


class Fact(NamedTuple):
    """One thing to know of a summary, for a person to read."""

    name: str
    value: str
    prompt_of: str = ""  # the slug of the style, where it tells of a prompt


def facts(ready: dict[str, Any]) -> list[Fact]:
    """What is known of a finished summary, as `Summary.ready` has it."""
    return [Fact(*fact) for fact in (*_made(ready), *_spent(ready))]


def _made(ready: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    if ready["engine"] == PERSON:
        yield "Engine", "none: a person wrote it"
    elif ready["engine"] == EXTRACT:
        yield "Engine", "embedded: it selects sentences, and no model is asked"
    else:
        yield "Engine", "a model server"
        yield "Model", ready["model"]
        yield "Prompt", _prompt(ready), Style(ready["style"]).slug
    yield "Style", Style(ready["style"]).label
    yield "Language", "the document’s own" if ready["language"] == OWN_LANGUAGE else ready["language"]
    yield "Of version", str(ready["version"])
    finished = as_datetime(ready["finished_at"])
    if finished:
        yield "Finished", finished.strftime("%-d %B %Y, %H:%M UTC")


def _prompt(ready: dict[str, Any]) -> str:
    """Whose words the model was told: ours by their version, or the team's by who saved them."""
    prompt_hash = ready.get("prompt_hash", "")
    if not prompt_hash:
        return f"built in, {ready['prompt_version']}"
    saved = tasks.written(ready["style"], prompt_hash)
    if saved is None:
        return "tried, and not saved"
    day = as_datetime(saved.created_at)
    return f"the team’s, of {day:%-d %B %Y} by {saved.author_name}" if day else "the team’s"


def _spent(ready: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if ready["claimed_at"] and ready["finished_at"]:
        yield "Took", _duration(ready["finished_at"] - ready["claimed_at"])
    read, written = ready["tokens_in"], ready["tokens_out"]
    if read is not None:
        yield "Tokens read", f"{read:,}"
    if written is not None:
        yield "Tokens written", f"{written:,}"
    paid = price(read, written)
    if paid is not None:
        yield "Cost", money(paid)


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{max(1, round(seconds * 1000))} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def price(read: int | None, written: int | None) -> float | None:
    """In the currency of the prices, where these are set and the server counted."""
    settings = current_settings()
    if None in (read, written, settings.price_in, settings.price_out):
        return None
    return ((read or 0) * (settings.price_in or 0) + (written or 0) * (settings.price_out or 0)) / A_MILLION


def money(amount: float) -> str:
    """An amount with its currency, as people read it."""
    digits = f"{amount:,.2f}" if amount >= 1 else f"{amount:.6f}".rstrip("0").rstrip(".")
    return f"{digits} {current_settings().currency}"
