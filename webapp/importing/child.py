"""The process that reads one file: asked on standard input, answering on standard output, both in JSON."""

import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from webapp.importing.confinement import confine
from webapp.importing.extracted import ImportFailure
from webapp.importing.limits import Limits, Page


def main() -> None:
    """Answer with the fields of Extracted, or with `code` and `detail` of an ImportFailure."""
    asked = json.loads(sys.stdin.buffer.read())
    limits = Limits(**asked["limits"])
    page = Page(**asked["page"]) if asked.get("page") else None
    confine(limits)
    answer = json.dumps(answer_to(Path(asked["path"]), asked["name"], limits, page), ensure_ascii=False)
    sys.stdout.buffer.write(answer.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def answer_to(path: Path, name: str, limits: Limits, page: Page | None = None) -> dict[str, Any]:
    """The answer as JSON has it. A reader may fail at a stranger's file in any way: that is an answer too."""
    from webapp.importing.reading import read

    try:
        return asdict(read(path, name, limits, page))
    except ImportFailure as failure:
        return {"code": failure.code, "detail": failure.detail}
    except MemoryError:
        return {"code": "too_much_memory", "detail": "MemoryError"}
    except RecursionError:
        return {"code": "too_complex", "detail": "RecursionError"}
    except Exception as error:  # noqa: BLE001 - the parent must hear of it, whatever it is
        return {"code": "damaged", "detail": f"{type(error).__name__} {_place_of(error)}"}


def _place_of(error: Exception) -> str:
    """Where it happened, without the words of the document that messages quote."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"in {Path(last.filename).name}:{last.lineno}"
