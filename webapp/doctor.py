"""What is well and what is not, with what to do about it: the checks of `precis doctor`."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from flask import Flask
from redis import Redis, RedisError
from sqlalchemy.exc import SQLAlchemyError

from tasks.broker import connect
from webapp import create_app
from webapp.config import Settings
from webapp.models import Lane, Rewarming, invariants, inventory, presence
from webapp.processes import embedded_url
from webapp.processes.migrating import newest, present

ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `advice` is empty where it is well."""

    about: str
    found: str
    advice: str = ""

    @property
    def is_well(self) -> bool:
        return not self.advice

    def __str__(self) -> str:
        return f"{'ok' if self.is_well else '!!':<3} {self.about:<13} {self.found} {self.advice}".rstrip()


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, the likeliest causes first. What can't be looked at is a finding, not an error."""
    yield Finding("settings", f"The engine is {settings.engine}; the site is at {settings.address}.")
    yield _data(settings)
    yield from _redis(settings)
    app = create_app(settings)
    yield _database(app)
    with app.app_context():
        yield _known("workers", _workers)
        yield _known("rewarming", _rewarming)
        yield _known("invariants", _invariants)
        yield _known("originals", _originals)
    if settings.engine == "openai":
        yield _model_server(settings)


def _data(settings: Settings) -> Finding:
    if os.access(settings.data, os.W_OK | os.X_OK):
        return Finding("data", f"{settings.data.resolve()} can be written.")
    return Finding(
        "data",
        f"{settings.data.resolve()} can't be written.",
        "Make the folder, or set PRECIS_DATA to another.",
    )


def _redis(settings: Settings) -> Iterator[Finding]:
    url = settings.redis_url or embedded_url(settings.data)
    if url is None:
        yield Finding(
            "Redis", "The embedded Valkey does not run.", "Start Precis with `precis up`, or set REDIS_URL."
        )
        return
    try:
        with connect(url, ANSWER_SECONDS) as client:
            client.ping()
            yield Finding("Redis", "It answers.")
            yield from _redis_settings(client, url)
    except RedisError as error:
        yield Finding("Redis", f"It does not answer: {error}.", "Start it, or set REDIS_URL to where it is.")


def _redis_settings(client: Redis, url: str) -> Iterator[Finding]:
    """What would lose hints, or let strangers in. Servers that hide their configuration are not asked further."""
    with suppress(RedisError):
        policy = client.config_get("maxmemory-policy")["maxmemory-policy"]
        if policy and policy.startswith("allkeys"):
            yield Finding(
                "Redis",
                f"It evicts keys ({policy}).",
                "Set maxmemory-policy to noeviction: hints would be lost.",
            )
    address = urlsplit(url)
    if address.scheme != "unix" and not address.password and not _is_loopback(address.hostname or ""):
        yield Finding(
            "Redis",
            "It takes commands without a password.",
            "Set one: who can write there can read summaries.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")


def _database(app: Flask) -> Finding:
    try:
        with app.app_context():
            found = present()
    except SQLAlchemyError as error:
        return Finding(
            "database",
            f"It does not answer: {error.args[0]}.",
            "Start it, or set DATABASE_URL to where it is.",
        )
    if found != newest():
        return Finding(
            "database",
            f"It is at revision {found or 'none'}, not {newest()}.",
            "Start Precis once: `precis up` migrates.",
        )
    return Finding("database", f"It answers, at revision {found}.")


def _known(about: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except SQLAlchemyError:
        return Finding(about, "Unknown.", "Mend the database first.")


def _workers() -> Finding:
    lacking = set(Lane) - presence.live_lanes()
    if lacking:
        return Finding(
            "workers",
            f"None for {' and '.join(sorted(lacking))}.",
            "Start Precis with `precis up`, or `precis worker`.",
        )
    return Finding("workers", "One for each lane is alive.")


def _rewarming() -> Finding:
    current = Rewarming.current()
    if current is None:
        return Finding("rewarming", "None is under way.")
    return Finding("rewarming", str(current), "Start the sweeper: `precis up`." if current.is_stuck else "")


def _invariants() -> Finding:
    broken = invariants.violations()
    if broken:
        return Finding(
            "invariants", "; ".join(broken) + ".", "This should not be. Keep a backup, and report it."
        )
    return Finding("invariants", "All hold.")


def _originals() -> Finding:
    """On the machine that has the data folder, which the web processes share."""
    if found := inventory.problems():
        return Finding(
            "originals",
            "; ".join(found) + ".",
            "Bring them back from a backup: they are named by their SHA-256.",
        )
    return Finding("originals", "All are there.")


def _model_server(settings: Settings) -> Finding:
    """Ask for the list of models, which costs nothing."""
    headers = {"Authorization": f"Bearer {settings.openai_api_key}"} if settings.openai_api_key else {}
    request = Request(settings.openai_base_url.rstrip("/") + "/models", headers=headers)  # noqa: S310 - http(s) only, by Settings
    try:
        with urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310 - as above
            return Finding("model server", f"{settings.model_server} answers.")
    except HTTPError as error:
        if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return Finding(
                "model server",
                f"{settings.model_server} refuses the key.",
                "Set OPENAI_API_KEY to one that it takes.",
            )
        return Finding("model server", f"{settings.model_server} answers, without a list of models.")
    except (URLError, OSError) as error:
        return Finding(
            "model server",
            f"{settings.model_server} does not answer: {error}.",
            "Start it, or set OPENAI_BASE_URL.",
        )
