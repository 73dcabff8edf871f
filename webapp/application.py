"""The application: its settings, extensions and views, put together."""

import logging
from pathlib import Path
from typing import Any

from flask import Flask
from limits.storage import RedisStorage
from sqlalchemy.engine import make_url
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from webapp import answers, assets, errors, events, htmx, kept_pages, nudges, packing, security, uploads
from webapp.away import Away, SparingRedis
from webapp.config import Settings
from webapp.extensions import BUSY_SECONDS, QuietJSON, cache, csrf, db, is_writing, limiter, prepare
from webapp.extensions import htmx as htmx_extension
from webapp.processes import embedded_url
from webapp.turns import Turns

ROOT = Path(__file__).resolve().parent.parent
REDIS_TIMEOUTS = {"socket_connect_timeout": events.SEND_SECONDS, "socket_timeout": events.SEND_SECONDS}


def make(settings: Settings) -> Flask:
    """Make it."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    app = Flask("webapp", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config.from_mapping(_flask_config(settings))
    app.url_map.converters["int"] = _Id
    proxies = settings.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
    _start_database(app, settings)
    redis_url = settings.redis_url or embedded_url(settings.data) or "redis://127.0.0.1:6379/0"
    _start_redis(app, redis_url, settings)
    nudges.init_app(app, redis_url)
    packing.init_app(app)
    kept_pages.init_app(app)
    assets.init_app(app)
    htmx_extension.init_app(app)
    uploads.init_app(app)
    csrf.init_app(app)
    security.init_app(app)
    htmx.init_app(app)
    errors.init_app(app)
    answers.init_app(app)
    for module in views():
        app.register_blueprint(module.blueprint)
    logging.getLogger("webapp").setLevel(settings.log_level.upper())
    return app


class _Id(IntegerConverter):
    """A number in an address, as large as databases take one. There is nothing at a larger one."""

    def __init__(self, map: Map, *args: Any, **kwargs: Any) -> None:
        super().__init__(map, *args, **{"max": 2**31 - 1, **kwargs})


def _flask_config(settings: Settings) -> dict[str, object]:
    is_https = settings.address.startswith("https://")
    return {
        "SETTINGS": settings,
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(settings.database_url),
        "SESSION_COOKIE_NAME": "__Host-precis" if is_https else "precis",
        "SESSION_COOKIE_SECURE": is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": settings.session_days * 86_400,
        "MAX_CONTENT_LENGTH": 2 * settings.max_text_bytes + 100_000,
        "MAX_FORM_MEMORY_SIZE": 2 * settings.max_text_bytes + 100_000,
        "MAX_FORM_PARTS": 50,
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_SSL_STRICT": False,
        "CACHE_TYPE": "RedisCache",
        "CACHE_SERIALIZER": QuietJSON,
        "CACHE_DEFAULT_TIMEOUT": settings.summary_ttl_seconds,
        "CACHE_KEY_PREFIX": "precis:",
        "RATELIMIT_HEADERS_ENABLED": False,
    }


def _engine_options(url: str) -> dict[str, object]:
    if make_url(url).get_backend_name() == "sqlite":
        return {
            "pool_size": 20,
            "max_overflow": 100,
            "connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False},
        }
    # PostgreSQL, as it comes, lets 100 in: two web processes, two workers and the sweeper share them. Others wait.
    return {"pool_size": 10, "max_overflow": 10, "pool_pre_ping": True}


def _start_database(app: Flask, settings: Settings) -> None:
    db.init_app(app)
    with app.app_context():
        prepare(db.engine)
        app.extensions["turns"] = Turns() if db.engine.dialect.name == "sqlite" else None


def _start_redis(app: Flask, url: str, settings: Settings) -> None:
    """One database for all: the cache, the live streams, who tried to sign in how often, and the hints."""
    from tasks.broker import make_broker

    away = Away()
    client = SparingRedis.to(url, away, **REDIS_TIMEOUTS)
    cache.init_app(app, {**app.config, "CACHE_REDIS_HOST": client})
    events.init_app(app, url, client, settings.max_streams)
    RedisStorage.DEPENDENCIES.pop("valkey", None)  # a second client, which it would load and not use
    app.config["RATELIMIT_STORAGE_URI"] = url.replace("unix://", "redis+unix://")
    app.config["RATELIMIT_STORAGE_OPTIONS"] = dict(REDIS_TIMEOUTS)
    limiter.init_app(app)
    app.extensions["broker"] = make_broker(url, is_writing=is_writing, away=away)


def views() -> list[Any]:
    """The modules of all views, loaded."""
    from webapp.views import (
        changes,
        documents,
        feedback,
        health,
        imports,
        markdown,
        prompts,
        revisions,
        rewarmings,
        sessions,
        setup,
        sources,
        summaries,
        tryouts,
        wishes,
        words,
    )

    documents_own = (documents, revisions, changes, markdown, summaries, sources, words, wishes, feedback)
    return [*documents_own, imports, prompts, tryouts, rewarmings, sessions, setup, health]
