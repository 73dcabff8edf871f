"""Lighthouse's four marks of the library, a document and the sign-in page, on a phone and on a desktop.

Only where the program is installed (npm install -g lighthouse), and Chromium is: it is no dependency of the project.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.bench import library
from tests.bench.house import precis
from tests.bench.model import Model
from tests.bench.table import Line, Reach, Run
from tests.bench.wire import Person
from tests.support.chromium import ARGUMENTS, find_chromium

CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
DEVICES: dict[str, list[str]] = {"phone": [], "desktop": ["--preset=desktop"]}
PAGES = {"library": "/", "document": "/documents/1", "sign-in": "/session/new"}
LOAD_MILLISECONDS = 20_000  # what it waits for a quiet network, which a page that listens never has
TRIES = 3  # now and then it gets no trace of the browser
RUNS = int(os.environ.get("LIGHTHOUSE_RUNS", "3"))


def measure() -> list[Line]:
    """A line for each page and device: the least of the four marks. What costs marks is told beside the table."""
    program, browser = shutil.which("lighthouse"), find_chromium()
    assert program and browser, "lighthouse or Chromium is not installed"
    with Model() as model, precis(model.settings, finished=40) as house:
        cookie = asyncio.run(Person.sign_in(house.port, library.EMAIL, library.PASSWORD)).cookie
        found = {
            f"{page}, {device}": [
                _report(program, browser, house.address + path, cookie if page != "sign-in" else "", options)
                for _ in range(RUNS)
            ]
            for page, path in PAGES.items()
            for device, options in DEVICES.items()
        }
    for name, reports in found.items():
        print(f"{name}: {_told(reports[-1])}", file=sys.stderr)
    return [
        Line(0, f"Lighthouse, {name}: the least of four marks", [Run(min(_marks(each).values())) for each in reports],
             "", Reach(100.0, "itself", at_least=True))
        for name, reports in found.items()
    ]  # fmt: skip


def _report(program: str, browser: str, address: str, cookie: str, options: list[str]) -> Mapping[str, Any]:
    command = [
        program, address, "--quiet", "--output=json", "--output-path=stdout", f"--max-wait-for-load={LOAD_MILLISECONDS}",
        f"--chrome-flags=--headless=new {' '.join(ARGUMENTS)}", f"--only-categories={','.join(CATEGORIES)}",
        f"--extra-headers={json.dumps({'Cookie': cookie} if cookie else {})}", *options]  # fmt: skip
    environ = {**os.environ, "CHROME_PATH": browser}
    for _ in range(TRIES):
        done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=False)
        if done.returncode == 0:
            report: dict[str, Any] = json.loads(done.stdout)
            return report
    raise AssertionError(f"lighthouse ended with {done.returncode}")


def _marks(report: Mapping[str, Any]) -> dict[str, float]:
    return {name: round(100 * (found["score"] or 0)) for name, found in report["categories"].items()}


def _told(report: Mapping[str, Any]) -> str:
    """The marks, and the audits that cost some."""
    weighty = [
        each["id"]
        for category in report["categories"].values()
        for each in category["auditRefs"]
        if each["weight"] and (report["audits"][each["id"]]["score"] or 0) < 1
    ]
    marks = ", ".join(f"{name} {mark:g}" for name, mark in _marks(report).items())
    return f"{marks}; {', '.join(dict.fromkeys(weighty)) or 'nothing lost'}"
