"""Real processes and sockets: files that are too large, and one of 300 MB that is taken."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.conftest import ARTICLE
from tests.support.precis import Precis, until
from tests.support.visitor import Visitor
from tests.support.watch import Watch

pytestmark = pytest.mark.slow

LARGE_BYTES = 300_000_000
LINE = b"A line of a file that nobody would read to its end, however good it is.\n"
BOUNDARY = "a-line-that-is-in-no-file"


@pytest.fixture
def precis(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Precis]:
    with Precis(tmp_path, {"PRECIS_MAX_UPLOAD_BYTES": str(request.param)}) as precis:
        yield precis


@pytest.fixture
def alice(precis: Precis) -> Iterator[Visitor]:
    alice = Visitor(precis.address, precis.add_member("Alice"))
    yield alice
    alice.close()


def upload(visitor: Visitor, size: int) -> tuple[int, str]:
    """Send a text of so many bytes, never whole in memory. Returns the status code and the page."""
    fields = {"csrf_token": visitor.token, "title": "", "text": "", "url": ""}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="large.txt"\r\n\r\n')
    head, foot = "".join(parts).encode(), f"\r\n--{BOUNDARY}--\r\n".encode()

    def body() -> Iterator[bytes]:
        yield head
        chunk = LINE * 1000
        for start in range(0, size, len(chunk)):
            yield chunk[: size - start]
        yield foot

    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(head) + size + len(foot)),
    }
    answer = visitor.client.post("/documents", content=body(), headers=headers)
    return answer.status_code, unescape(answer.text)


def originals(precis: Precis) -> list[int]:
    """The sizes of all files that are kept or being received."""
    return [path.stat().st_size for path in (precis.folder / "originals").rglob("*") if path.is_file()]


@pytest.mark.parametrize("precis", [100_000_000], indirect=True)
def test_a_file_above_the_limit_is_refused_by_its_name_and_leaves_nothing(
    precis: Precis, alice: Visitor
) -> None:
    with Watch(precis, "web") as web:
        status, page = upload(alice, LARGE_BYTES)
    assert web.is_well(), web
    assert status == 422
    assert "Leave “large.txt” out or split it: 100 MB is the most that a file may have." in page
    until(lambda: originals(precis) == [], "nothing of it is left")


@pytest.mark.parametrize("precis", [10_000_000], indirect=True)
def test_a_form_above_the_limit_of_all_files_is_told_so(precis: Precis, alice: Visitor) -> None:
    with Watch(precis, "web") as web:
        status, page = upload(alice, LARGE_BYTES)
    assert web.is_well(), web
    assert status == 413
    assert "That is more than Precis takes at once." in page
    assert originals(precis) == []


@pytest.mark.parametrize("precis", [400_000_000], indirect=True)
def test_a_file_of_300_mb_is_kept_and_told_why_it_can_not_be_read(precis: Precis, alice: Visitor) -> None:
    with Watch(precis, "web") as web, Watch(precis, "warm") as worker:
        assert upload(alice, LARGE_BYTES)[0] == 303
        until(lambda: "1 failed" in alice.client.get("/imports").text, "it has failed")
    assert web.is_well(), web
    assert worker.is_well(), worker
    assert originals(precis) == [LARGE_BYTES]
    assert "Split it, and add the parts one by one." in alice.client.get("/imports").text
    alice.pages_until(alice.save("Afterwards", ARTICLE), "complete")
