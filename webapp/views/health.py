"""For machines: alive, able to serve, and figures for Prometheus."""

from collections.abc import Iterator

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from redis import RedisError
from sqlalchemy import Select, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from webapp import events, hints
from webapp.extensions import db, now
from webapp.models import Document, Import, Lane, ModelServer, Rewarming, Status, Summary, queue
from webapp.models.presence import live_lanes
from webapp.security import public

blueprint = Blueprint("health", __name__)
LOOPBACK = ("127.0.0.1", "::1", "", None)


@blueprint.get("/healthz")
@public
def alive() -> tuple[str, int, dict[str, str]]:
    return "alive\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


@blueprint.get("/readyz")
@public
def ready() -> tuple[dict[str, str], int]:
    """Whether database, Redis and a worker for each lane are there."""
    found = {"database": _database(), "redis": _redis(), "workers": "unknown"}
    if found["database"] == "ok":
        lacking = [lane for lane in Lane if lane not in live_lanes()]
        found["workers"] = "none for " + " and ".join(lacking) if lacking else "ok"
    return found, 200 if set(found.values()) == {"ok"} else 503


@blueprint.get("/metrics")
@public
def metrics() -> Response:
    """Counts and ages, for a Prometheus on this machine; from elsewhere there is no such page."""
    if request.remote_addr not in LOOPBACK or "X-Forwarded-For" in request.headers:
        abort(404)
    registry = CollectorRegistry()
    registry.register(_Figures())
    return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")


class _Figures:
    """Read from SQL and Redis at each scrape, so that every process tells the same."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "precis_documents", "Documents", value=_count(select(func.count(Document.id)))
        )
        yield _by_status("precis_summaries", "Summaries by status", Summary)
        yield GaugeMetricFamily(
            "precis_oldest_pending_seconds", "Age of the oldest waiting summary", value=_oldest(Summary)
        )
        yield GaugeMetricFamily(
            "precis_people_waiting", "Summaries that people wait for", value=queue.length()
        )
        yield _by_status("precis_imports", "Imports by status", Import)
        yield GaugeMetricFamily(
            "precis_oldest_pending_import_seconds", "Age of the oldest waiting import", value=_oldest(Import)
        )
        yield GaugeMetricFamily(
            "precis_model_server_paused", "1 during a pause", value=int(bool(ModelServer.pause()))
        )
        yield GaugeMetricFamily(
            "precis_streams", "Open event streams of this process", value=events.hub().count
        )
        yield _rewarming()
        waiting = GaugeMetricFamily("precis_hints", "Hints that wait, by lane", labels=["lane"])
        workers = GaugeMetricFamily("precis_workers", "1 if a worker serves the lane", labels=["lane"])
        lanes = live_lanes()
        for lane in Lane:
            waiting.add_metric([lane], hints.waiting(lane) or 0)
            workers.add_metric([lane], int(lane in lanes))
        yield from (waiting, workers)


def _rewarming() -> Metric:
    """All zero while none is under way."""
    counted = GaugeMetricFamily("precis_rewarming", "Documents of the rewarming", labels=["outcome"])
    current = Rewarming.current()
    for outcome in ("chosen", "done", "failed", "left"):
        counted.add_metric([outcome], getattr(current, outcome) if current else 0)
    return counted


def _count(statement: Select[int]) -> int:
    return db.session.scalar(statement) or 0


def _by_status(name: str, about: str, kind: type[Summary | Import]) -> Metric:
    figures = GaugeMetricFamily(name, about, labels=["status"])
    counted = dict(db.session.execute(select(kind.status, func.count()).group_by(kind.status)).all())
    for status in Status:
        figures.add_metric([status], counted.get(status, 0))
    return figures


def _oldest(kind: type[Summary | Import]) -> float:
    due = kind.next_attempt_at <= now()
    age = select(func.max(now() - kind.next_attempt_at)).where(kind.status == Status.PENDING, due)
    return db.session.scalar(age) or 0.0


def _database() -> str:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        current_app.logger.exception("The database does not answer.")
        return "away"
    return "ok"


def _redis() -> str:
    try:
        events.redis().ping()
    except RedisError:
        return "away"
    return "ok"
