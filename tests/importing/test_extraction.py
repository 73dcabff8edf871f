"""The process that reads a file: what it may not do, and what becomes of it."""

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.importing.conftest import Fail, Read
from tests.importing.files import docx, para
from tests.importing.pdfs import pdf_of
from webapp.importing import extraction
from webapp.importing.extracted import MESSAGES, ImportFailure, message
from webapp.importing.extraction import Limits, extract

ROOT = Path(__file__).resolve().parents[2]
ENDLESS = pdf_of(
    [b"/F Do"],
    resources="/XObject << /F 10 0 R >>",
    more=[
        b"<< /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F 10 0 R >> >> /Length 14 >>\nstream\n/F Do /F Do /F\nendstream"
    ],
)
CONFINED = """
import sys, types
package = types.ModuleType("webapp")
package.__path__ = ["webapp"]
sys.modules["webapp"] = package
from webapp.importing.confinement import confine
from webapp.importing.limits import Limits
confine(Limits(seconds=5, memory_bytes=300_000_000))
{}
"""


def confined(code: str) -> "subprocess.CompletedProcess[str]":
    """What came of running `code` where files are read."""
    command = [sys.executable, "-c", CONFINED.format(code)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file that takes for ever."""
    path = tmp_path / "endless.pdf"
    path.write_bytes(ENDLESS)
    return path


_there_before: set[psutil.Process] = set()


@pytest.fixture(autouse=True)
def look_around() -> None:
    """Other tests of the run may have left a server running."""
    _there_before.clear()
    _there_before.update(psutil.Process().children(recursive=True))


def children() -> list[psutil.Process]:
    """The processes that this test has started."""
    return [child for child in psutil.Process().children(recursive=True) if child not in _there_before]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "PermissionError"),
        ("import socket; socket.getaddrinfo('example.org', 80)", "PermissionError"),
        ("open('written-by-a-reader', 'w').write('x' * 100_000)", "Error"),
        ("x = bytearray(400_000_000)", "MemoryError"),
        ("files = [open('/dev/null') for _ in range(100)]", "OSError"),
        ("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1, -1))", "Error"),
    ],
)
def test_the_reader_can_neither_connect_nor_write_nor_grow(code: str, error: str) -> None:
    try:
        done = confined(code)
    finally:
        (ROOT / "written-by-a-reader").unlink(missing_ok=True)
    assert error in done.stderr
    assert done.returncode


def test_the_reader_is_alone_with_itself_where_the_system_permits() -> None:
    program = shutil.which("unshare")
    command = [program, "--user", "--net", "true"] if program else ["false"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system permits no namespaces")
    rows = confined("print(open('/proc/net/dev').read())").stdout.splitlines()
    assert [row.split(":")[0].strip() for row in rows if ":" in row] == ["lo"]


def test_the_reader_sees_none_of_our_settings(monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    """The child's environment is read back through its process, while it works on a file without end."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    seen: list[dict[str, str]] = []

    def look() -> None:
        for _ in range(200):
            seen.extend(child.environ() for child in children())
            if seen:
                return
            time.sleep(0.01)

    watcher = threading.Thread(target=look)
    watcher.start()
    read(docx(para("words")))
    watcher.join()
    assert seen
    assert all("canary" not in environ.values() for environ in seen)


def test_a_reader_that_takes_too_long_is_gone_with_all_that_it_started(endless: Path) -> None:
    with pytest.raises(ImportFailure) as caught:
        extract(endless, name="x.pdf", limits=Limits(seconds=2))
    assert caught.value.code == "too_slow"
    assert children() == []


def test_a_reader_is_gone_when_its_caller_is_interrupted(
    endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a worker interrupts an actor at its time limit: by an exception out of nowhere."""

    def interrupted(child: subprocess.Popen[bytes], question: bytes, _: int) -> bytes:
        assert child.stdin
        child.stdin.write(question)
        child.stdin.close()
        assert children()
        raise KeyboardInterrupt

    monkeypatch.setattr(extraction, "_asked", interrupted)
    began_at = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        extract(endless, name="x.pdf")
    assert time.monotonic() - began_at < Limits().seconds / 2
    assert children() == []


def test_files_are_read_side_by_side_in_threads(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(4)]
    found: dict[Path, str] = {}
    for path in paths:
        path.write_bytes(docx(para(f"file {path.name}")))
    threads = [
        threading.Thread(target=lambda path=path: found.update({path: extract(path, name="x").text}))
        for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {path: f"file {path.name}\n" for path in paths}


@pytest.mark.parametrize(
    ("answer", "returncode", "code"),
    [
        (b"", -9, "damaged"),
        (b"", -11, "damaged"),
        (b"", -24, "too_slow"),
        (b"", -5, "too_much_memory"),
        (b"no json", 0, "damaged"),
        (b"[]", 0, "damaged"),
        (b"{}", 0, "damaged"),
        (b'{"text": 7, "kind": "pdf"}', 0, "damaged"),
        (b'{"code": "made up", "detail": 9}', 0, "damaged"),
        (b'{"code": ["empty"]}', 0, "damaged"),
        (b'{"code": "encrypted"}', 0, "encrypted"),
        (b'{"text": "' + b"x" * 11 + b'", "kind": "text", "format": "plain"}', 0, "too_much_text"),
        (b" " * 200_000, 0, "too_much_text"),
    ],
)
def test_no_answer_of_a_reader_is_trusted(answer: bytes, returncode: int, code: str) -> None:
    ended = extraction._Ended(answer, returncode, was_stopped=False)
    with pytest.raises(ImportFailure) as caught:
        extraction._understood(ended, Limits(most_characters_out=10))
    assert caught.value.code == code


def test_what_failed_is_told_without_words_of_the_document(tmp_path: Path) -> None:
    path = tmp_path / "x.docx"
    path.write_bytes(docx("<w:p>secret</w:q>"))
    with pytest.raises(ImportFailure) as caught:
        extract(path, name="x.docx")
    assert caught.value.code == "damaged"
    assert "secret" not in caught.value.detail


def test_a_file_that_is_not_there_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        extract(tmp_path / "gone", name="x")


def test_every_code_that_readers_give_has_a_message_of_its_own(fail: Fail) -> None:
    codes = {
        "empty", "too_large", "no_text", "encrypted", "unknown_format", "old_office", "damaged", "too_complex",
        "forbidden_xml", "too_slow", "too_much_memory", "too_much_text", "no_reader",
    }  # fmt: skip
    assert codes <= set(MESSAGES)
    assert all(message(code).endswith(".") and message(code) != message("another") for code in codes)
