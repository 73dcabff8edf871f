"""Every setting: its name, type, default and what it accepts. From the environment or a `.env` file, and nowhere else."""

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from webapp.importing.guard import PRIVATE_NETWORKS, Network
from webapp.summarizing.addresses import is_near
from webapp.summarizing.engine import Recipe, Style
from webapp.summarizing.prompt import PARAMETERS, PROMPT_VERSION

OPENAI_URL = "https://api.openai.com/v1"
STYLES = {style.slug: style for style in Style}
MOST_DIGITS = 12  # int() refuses thousands of them in words of its own


class SettingsError(ValueError):
    """A setting that can't be used. The message names the variable and what it accepts."""


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isdecimal() or len(value) > MOST_DIGITS or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return read


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not low <= number <= high:
            raise ValueError(f"a number of seconds from {low:g} to {high:g}")
        return number

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError("one of " + ", ".join(words))
        return value

    return read


def _style(value: str) -> Style:
    _one_of(*STYLES)(value)
    return STYLES[value]


def _money(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1_000_000:
        raise ValueError("a price of a million tokens, as 0.15")
    return number


def _switch(value: str) -> bool:
    return _one_of("on", "off")(value) == "on"


def _networks(value: str) -> tuple[Network, ...]:
    if value in ("on", "off"):
        return PRIVATE_NETWORKS if value == "on" else ()
    try:
        return tuple(ip_network(part.strip()) for part in value.split(","))
    except ValueError:
        raise ValueError("on, off, or networks such as 10.1.0.0/16, separated by commas") from None


def _url(*schemes: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not _is_address(value, schemes):
            raise ValueError(
                "an address that begins with " + " or ".join(f"{scheme}://" for scheme in schemes)
            )
        return value

    return read


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is a whole URL, of the web with a host. To read its port can fail, and so can to split it."""
    try:
        parts = urlsplit(value)
        is_whole = parts.port != 0 and "://" in value and bool(parts.hostname or "http" not in schemes)
    except ValueError:
        return False
    return is_whole and parts.scheme in schemes


def _folder(value: str) -> Path:
    try:
        path = Path(value).expanduser()
        is_possible = all(part.is_dir() for part in (path, *path.parents) if part.exists())
    except (OSError, RuntimeError):
        is_possible = False
    if not is_possible:
        raise ValueError("a folder, or where one can be made")
    return path


def _words(value: str) -> str:
    if not value.strip():
        raise ValueError("something other than blanks")
    return value.strip()


def _database(value: str) -> str:
    for prefix in ("postgres://", "postgresql://"):
        if value.startswith(prefix):
            value = "postgresql+psycopg://" + value.removeprefix(prefix)
    is_file = value.startswith("sqlite:///")
    if not is_file and not _is_address(value, ("postgresql+psycopg",)):
        raise ValueError("an address that begins with sqlite:/// or postgresql://")
    return value


def _setting(
    name: str, read: Callable[[str], Any], default: Any, about: str, shown: str | None = None
) -> Any:
    """A field that is read from the variable `name`; `shown` is how the documentation writes its default."""
    return field(default=default, metadata={"name": name, "read": read, "about": about, "shown": shown})


@dataclass(frozen=True)
class Settings:
    """What the environment says. `load` reads and validates it. Sizes and times carry their unit."""

    host: str = _setting("HOST", _words, "127.0.0.1", "the address that the site listens on")
    port: int = _setting("PORT", _whole(1, 65535), 8000, "the port that the site listens on")
    public_url: str | None = _setting(
        "PRECIS_PUBLIC_URL",
        _url("http", "https"),
        None,
        "the address that people type, when a proxy stands in front; https makes the cookies Secure",
        "from `HOST` and `PORT`",
    )
    trusted_proxies: int = _setting(
        "PRECIS_TRUSTED_PROXIES",
        _whole(0, 10),
        0,
        "how many proxies stand in front, whose X-Forwarded headers are believed",
    )
    data: Path = _setting(
        "PRECIS_DATA",
        _folder,
        Path("instance"),
        "the folder of the database, the embedded Valkey's data and the logs",
        "`./instance`",
    )
    database_url_given: str | None = _setting(
        "DATABASE_URL", _database, None, "`sqlite:///…` or `postgresql://…`", "SQLite in the data folder"
    )
    redis_url_given: str | None = _setting(
        "REDIS_URL",
        _url("redis", "rediss", "unix"),
        None,
        "a Redis or Valkey server; uses the database of the URL and the next one",
        "embedded Valkey",
    )
    secret_key_given: str | None = _setting(
        "SECRET_KEY", _words, None, "signs the cookies", "made once, kept in the data folder"
    )
    openai_api_key: str | None = _setting(
        "OPENAI_API_KEY", _words, None, "the model server's key; local servers mostly need none", "none"
    )
    openai_base_url_given: str | None = _setting(
        "OPENAI_BASE_URL",
        _url("http", "https"),
        None,
        "any server that speaks OpenAI's chat completions API",
        "OpenAI's own, once a key is set",
    )
    model_given: str = _setting("PRECIS_MODEL", _words, "gpt-4o-mini", "the model, as its server names it")
    engine_given: str | None = _setting(
        "PRECIS_ENGINE",
        _one_of("openai", "extract"),
        None,
        "what writes summaries: a model server, or the embedded engine, which selects the document's own key sentences",
        "`openai` if a key or a base URL is set, else `extract`",
    )
    summaries: bool = _setting(
        "PRECIS_SUMMARIES", _switch, True, "`off` turns everything generated off", "`on`"
    )
    style: Style = _setting(
        "PRECIS_STYLE",
        _style,
        Style.KEY_POINTS,
        "the style that every document's summary is made in, `brief`, `key-points` or `detailed`; "
        "the others are made when somebody picks them",
        "`key-points`",
    )
    price_in: float | None = _setting(
        "PRECIS_PRICE_IN",
        _money,
        None,
        "what a million tokens that the model reads cost; with the next one, summaries tell their cost",
        "not told",
    )
    price_out: float | None = _setting(
        "PRECIS_PRICE_OUT", _money, None, "what a million tokens that the model writes cost", "not told"
    )
    currency: str = _setting("PRECIS_CURRENCY", _words, "USD", "the currency of the two prices")
    warm: str = _setting(
        "PRECIS_WARM",
        _one_of("on-save", "on-first-view"),
        "on-save",
        "when a summary is made: at once, or once somebody looks",
    )
    warm_per_hour: int = _setting(
        "PRECIS_WARM_PER_HOUR",
        _whole(0, 1_000_000),
        60,
        "how many summaries nobody asked for a model server writes in an hour; who opens a document never waits for it",
    )
    settle_seconds: float = _setting(
        "PRECIS_SETTLE_SECONDS",
        _seconds(0, 3600),
        5.0,
        "the wait after the last of several edits; opening the document cuts it short",
    )
    short_text_characters: int = _setting(
        "PRECIS_SHORT_TEXT_CHARACTERS", _whole(0, 100_000), 400, "a shorter text needs no summary"
    )
    llm_concurrency_given: int | None = _setting(
        "PRECIS_LLM_CONCURRENCY",
        _whole(1, 512),
        None,
        "calls of the model server side by side for people who wait; warming adds at most half as many",
        "16; 4 for a local server",
    )
    context_tokens: int | None = _setting(
        "PRECIS_CONTEXT_TOKENS",
        _whole(512, 10_000_000),
        None,
        "what the model reads at once; a longer text is read in parts, each of which fits",
        "unknown: what the server says of it",
    )
    lease_seconds: float = _setting(
        "PRECIS_LEASE_SECONDS",
        _seconds(1, 3600),
        90.0,
        "how long a worker that is not heard of keeps its summary",
    )
    sweep_seconds: float = _setting(
        "PRECIS_SWEEP_SECONDS", _seconds(0.1, 3600), 15.0, "how often what was lost is looked for"
    )
    first_word_seconds_given: float | None = _setting(
        "PRECIS_FIRST_WORD_SECONDS",
        _seconds(0.1, 86_400),
        None,
        "the silence that is borne before the first word",
        "30; 600 for a local server",
    )
    silence_seconds_given: float | None = _setting(
        "PRECIS_SILENCE_SECONDS",
        _seconds(0.1, 86_400),
        None,
        "the silence that is borne between words",
        "30; 300 for a local server",
    )
    attempt_seconds_given: float | None = _setting(
        "PRECIS_ATTEMPT_SECONDS",
        _seconds(0.1, 86_400),
        None,
        "the longest that one call of the model server may take; a long text takes many",
        "180; 3600 for a local server",
    )
    retry_seconds: float = _setting(
        "PRECIS_RETRY_SECONDS",
        _seconds(0.01, 3600),
        15.0,
        "the first back-off; it doubles with each try, up to 15 minutes",
    )
    probe_seconds: float = _setting(
        "PRECIS_PROBE_SECONDS", _seconds(0.1, 3600), 30.0, "how often a model server that is away is tried"
    )
    max_attempts: int = _setting(
        "PRECIS_MAX_ATTEMPTS", _whole(1, 100), 4, "tries before a summary has failed"
    )
    summary_ttl_seconds: int = _setting(
        "PRECIS_SUMMARY_TTL_SECONDS", _whole(1, 31_536_000), 604_800, "how long the cache keeps a summary"
    )
    max_text_bytes: int = _setting(
        "PRECIS_MAX_TEXT_BYTES", _whole(1_000, 100_000_000), 4_000_000, "the longest text that is taken"
    )
    max_upload_bytes: int = _setting(
        "PRECIS_MAX_UPLOAD_BYTES",
        _whole(1_000, 2_000_000_000),
        100_000_000,
        "the largest file that is taken; of one form, files ten times as large together",
    )
    max_uploads: int = _setting(
        "PRECIS_MAX_UPLOADS",
        _whole(1, 10_000),
        16,
        "large forms that one web process receives at a time; further ones are asked to come again",
    )
    patience_seconds: float = _setting(
        "PRECIS_PATIENCE_SECONDS",
        _seconds(0.1, 3600),
        30.0,
        "how long a browser may take to send the head of a request, or 64 kB of its body, or to read 64 kB of an answer",
    )
    fetch_networks: tuple[Network, ...] = _setting(
        "PRECIS_FETCH_PRIVATE",
        _networks,
        (),
        "`on` lets links lead into private networks; or name the networks that they may lead into",
        "`off`",
    )
    max_waiting: int = _setting(
        "PRECIS_MAX_WAITING",
        _whole(1, 1_000_000),
        200,
        "summaries that people wait for; beyond them a click is asked to come again, while saves and views are not",
    )
    max_streams: int = _setting(
        "PRECIS_MAX_STREAMS",
        _whole(0, 100_000),
        4_000,
        "open event streams in one web process; further pages poll",
    )
    session_days: int = _setting("PRECIS_SESSION_DAYS", _whole(1, 3650), 30, "how long a sign-in lasts")
    web_workers: int = _setting("PRECIS_WEB_WORKERS", _whole(1, 64), 2, "web processes")
    log_level: str = _setting(
        "PRECIS_LOG_LEVEL",
        _one_of("debug", "info", "warning", "error"),
        "info",
        "what is worth a line in the log",
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment (and `.env`, which it overrules). Raises SettingsError."""
        if environ is None:
            environ = {**{k: v for k, v in dotenv_values(".env").items() if v is not None}, **os.environ}
        given = {}
        for setting in fields(cls):
            value = environ.get(setting.metadata["name"], "")
            if value != "":
                given[setting.name] = _read(setting.metadata, value)
        settings = cls(**given)
        if settings.engine_given == "openai" and not (
            settings.openai_api_key or settings.openai_base_url_given
        ):
            raise SettingsError("PRECIS_ENGINE=openai needs OPENAI_API_KEY or OPENAI_BASE_URL.")
        return settings

    @property
    def database_url(self) -> str:
        return self.database_url_given or f"sqlite:///{self.data.resolve() / 'precis.sqlite3'}"

    @property
    def redis_url(self) -> str | None:
        """Where Redis is, or None for the embedded Valkey that `precis up` starts."""
        return self.redis_url_given

    @property
    def address(self) -> str:
        """The address of the site, without a slash at its end."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        host = f"[{host}]" if ":" in host else host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def engine(self) -> str:
        return self.engine_given or (
            "openai" if self.openai_api_key or self.openai_base_url_given else "extract"
        )

    @property
    def openai_base_url(self) -> str:
        return self.openai_base_url_given or OPENAI_URL

    @property
    def model_server(self) -> str:
        """The host that texts are sent to, for people to read."""
        return urlsplit(self.openai_base_url).netloc.rpartition("@")[2]

    @cached_property
    def is_local_model(self) -> bool:
        """Whether the model server is on loopback or a private address, where waits are long and free."""
        return is_near(urlsplit(self.openai_base_url).hostname or "")

    @property
    def first_word_seconds(self) -> float:
        return self.first_word_seconds_given or (600.0 if self.is_local_model else 30.0)

    @property
    def silence_seconds(self) -> float:
        return self.silence_seconds_given or (300.0 if self.is_local_model else 30.0)

    @property
    def attempt_seconds(self) -> float:
        return self.attempt_seconds_given or (3600.0 if self.is_local_model else 180.0)

    @property
    def edit_wait_seconds(self) -> float:
        """How long an edited text settles before its summary is begun. The embedded engine costs nothing: no wait."""
        return 0.0 if self.engine == "extract" else self.settle_seconds

    @property
    def renew_seconds(self) -> float:
        """How often a running summary says that it lives, and learns that it is no longer wanted."""
        return max(0.3, min(2.0, self.lease_seconds / 6))

    @property
    def interactive_threads(self) -> int:
        return self.llm_concurrency_given or (4 if self.is_local_model or self.engine == "extract" else 16)

    @property
    def warm_threads(self) -> int:
        return max(1, self.interactive_threads // 2)

    @cached_property
    def recipe(self) -> Recipe:
        """What decides a summary besides the text."""
        if self.engine == "extract":
            from webapp.summarizing.extract import ExtractEngine  # whoever only watches reads no text

            return ExtractEngine.recipe
        return Recipe(
            engine="openai", model=self.model_given, prompt_version=PROMPT_VERSION, parameters=PARAMETERS
        )

    @cached_property
    def secret_key(self) -> str:
        """From the environment, else made once and kept in the data folder, readable by its owner alone."""
        return self.secret_key_given or _kept_secret(self.data / "secret_key")


def _read(metadata: Mapping[str, Any], value: str) -> Any:
    try:
        return metadata["read"](value.strip())
    except ValueError as error:
        shown = re.sub("://.*@", "://…@", value)  # a password must not end up in a log
        raise SettingsError(f"{metadata['name']} must be {error}, not {shown!r}.") from None


def _kept_secret(path: Path) -> str:
    """Locked, as processes may start side by side; made again if one died between making the file and writing it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        secret = file.read().strip()
        if not secret:
            secret = secrets.token_urlsafe(48)
            file.write(secret)
    return secret
