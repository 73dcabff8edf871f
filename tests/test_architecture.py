"""Imports go one way, and no model server can be called from the web process."""

import json
import os
import subprocess
import sys
from functools import cache
from itertools import product
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
PURE = ("webapp.summarizing", "webapp.importing", "webapp.reading")
WEB = ("webapp.views", "webapp.api")
OF_THE_WEB_AND_OF_SQL = (
    "flask", "werkzeug", "jinja2", "sqlalchemy", "psycopg", "sqlite3", "redis", "dramatiq", "cachelib", "alembic",
    "flask_sqlalchemy", "flask_caching", "flask_wtf", "flask_limiter", "flask_migrate", "htmx_flask")  # fmt: skip
ENGINE = "webapp.summarizing.openai_engine"
START = """
import json, sys
from webapp import create_app
app = create_app()
with app.app_context():
    from webapp.extensions import db
    db.create_all()
answers = [app.test_client().get(path).status_code for path in ("/session/new", "/healthz")]
print(json.dumps({"answers": answers, "modules": sorted(sys.modules), "engine": app.config["SETTINGS"].engine}))
"""


@cache
def graph() -> grimp.ImportGraph:
    """Who imports whom in the tree that this test stands in, imports inside functions included."""
    return grimp.build_graph("webapp", "tasks", include_external_packages=True, cache_dir=None)


def below(*packages: str) -> list[str]:
    """The modules of these packages that there are, themselves included."""
    return sorted(
        module
        for module in graph().modules
        if any(module == package or module.startswith(package + ".") for package in packages)
    )


def ways(importers: list[str], imported: list[str]) -> list[str]:
    """The ways in which one leads to the other, over however many modules."""
    chains = (graph().find_shortest_chain(*pair) for pair in product(importers, imported))
    return [" -> ".join(chain) for chain in chains if chain]


def test_the_graph_knows_the_house() -> None:
    """What follows would hold of an empty graph too."""
    assert {"webapp.views.summaries", "webapp.models.summary", "tasks.summaries", ENGINE} <= graph().modules
    assert ways(["tasks.summaries"], ["webapp.models.summary"])
    assert ways(["webapp.views.summaries"], ["sqlalchemy"])


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (("webapp.models",), (*WEB, "tasks")),
        (PURE, (*WEB, "webapp.models", "tasks")),
        (("tasks",), WEB),
    ],
)
def test_imports_go_one_way(lower: tuple[str, ...], upper: tuple[str, ...]) -> None:
    """Views and api, models, summarizing; tasks, models. Only `create_app` wires views and the broker together."""
    direct = [(low, up) for low in below(*lower) for up in graph().find_modules_directly_imported_by(low)]
    assert [pair for pair in direct if pair[1] in below(*upper)] == []


def test_summarizing_and_importing_know_neither_the_web_nor_sql() -> None:
    external = [module for module in OF_THE_WEB_AND_OF_SQL if module in graph().modules]
    assert {"flask", "sqlalchemy", "redis"} <= set(external)
    assert ways(below(*PURE), external) == []


def test_one_module_imports_openai() -> None:
    assert graph().find_modules_that_directly_import("openai") == {ENGINE}


def test_no_view_and_no_model_can_reach_the_model_client() -> None:
    """B15: what a web process loads may not hold its workers up with calls of minutes."""
    loaded = below(
        *WEB, "webapp.models", "webapp.config", "webapp.events", "webapp.hints", "webapp.extensions"
    )
    processes = [
        module for module in ("webapp.processes.web", "webapp.processes.gunicorn_conf") if below(module)
    ]
    assert ways([*loaded, *processes, "webapp", "tasks.broker", "tasks.upkeep"], [ENGINE, "openai"]) == []


def test_web_process_starts_and_answers_without_the_model_client(tmp_path: Path) -> None:
    """B15: and the sum of it all, in a process with a model server set."""
    environ = {
        **os.environ,
        "PRECIS_DATA": str(tmp_path),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
        "SECRET_KEY": "for tests only",
    }
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["answers"], found["engine"]) == ([200, 200], "openai")
    loaded = {name for name in found["modules"] if name.split(".")[0] in ("openai", "httpx2")}
    assert loaded | {name for name in found["modules"] if name in (ENGINE, "tasks.summaries")} == set()
