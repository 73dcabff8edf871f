"""Real processes: what `precis` starts, restarts, refuses and ends."""

import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest
from redis import Redis, RedisError

from tasks.summaries import make_app
from tests.support.precis import Account, Precis, until
from tests.support.valkey import Valkey, free_port
from tests.support.visitor import Visitor
from webapp.config import Settings
from webapp.processes import embedded_url, is_migrating, migration, valkey, wait_for_others
from webapp.processes.nursery import own_arguments
from webapp.processes.supervision import Program, own, supervise
from webapp.processes.terminal import Terminal
from webapp.processes.tether import tethered
from webapp.processes.up import make_folders
from webapp.processes.web import CONFIGURATION

ROOT = Path(__file__).resolve().parents[1]
STAYING = ("arbiter", "interactive", "sweep", "valkey", "warm", "web")


@pytest.fixture(scope="module")
def precis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Precis]:
    """One that runs for all claims which leave it running."""
    with Precis(tmp_path_factory.mktemp("precis")) as running:
        yield running


# --- starting ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_up_says_the_address_once_everything_is_there_and_nothing_else(precis: Precis) -> None:
    first, setup, last = precis.output.splitlines()[:3]
    assert first == f"Precis is ready at {precis.address}"
    assert precis.setup_address.startswith(f"{precis.address}/setup/")
    assert precis.setup_address in setup
    assert last == "Ctrl-C ends it."
    assert precis.status("/readyz") == 200
    assert precis.status(precis.setup_address.removeprefix(precis.address)) == 200


@pytest.mark.slow
def test_what_up_says_is_kept_in_the_log(precis: Precis) -> None:
    assert (
        (precis.folder / "log" / "precis.log")
        .read_text()
        .startswith(f"Precis is ready at {precis.address}\n")
    )


@pytest.mark.slow
def test_a_second_start_on_the_same_folder_says_who_holds_it(precis: Precis) -> None:
    second = precis.run("up", PORT=str(free_port()))
    assert second.wait() == 1
    holder = f"process {precis.commands[0].pid}, at {precis.address}"
    assert second.lines == [
        f"Precis already runs on the folder {precis.folder}: {holder}. Stop that one first."
    ]
    assert precis.status("/readyz") == 200


@pytest.mark.slow
@pytest.mark.parametrize("command", ["up", "web"])
def test_a_port_in_use_is_one_sentence(command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        started = Precis(tmp_path).run(command, PORT=str(port))
        assert started.wait() == 1
    assert started.lines == [
        f"Port {port} is in use by another program. Stop that, or choose another port: PORT={port + 1}."
    ]


@pytest.mark.slow
def test_a_bad_setting_is_one_sentence(tmp_path: Path) -> None:
    started = Precis(tmp_path).run("up", PORT="eighty")
    assert started.wait() == 2
    assert started.lines == ["PORT must be a whole number from 1 to 65535, not 'eighty'."]


@pytest.mark.slow
def test_an_address_of_another_machine_is_one_sentence(tmp_path: Path) -> None:
    started = Precis(tmp_path).run("up", HOST="192.0.2.1")
    assert started.wait() == 1
    (sentence,) = started.lines
    assert sentence.startswith("HOST=192.0.2.1 is not an address of this machine")


@pytest.mark.slow
def test_a_lone_command_finds_the_embedded_valkey(precis: Precis) -> None:
    once = precis.run("sweep", "--once")
    assert once.wait() == 0
    examined = precis.run("doctor")
    assert examined.wait() == 0, examined.output
    assert "ok  Redis" in examined.output
    assert "ok  originals" in examined.output


@pytest.mark.slow
def test_what_is_forked_shares_the_memory_of_what_it_has_loaded(precis: Precis) -> None:
    for name in ("interactive", "warm", "sweep"):
        (process,) = precis.processes(name)
        parent = process.parent()
        assert parent is not None
        assert [parent.pid] == precis.pids("supervisor")
        memory = process.memory_full_info()
        assert memory.uss < memory.rss / 2
    for process in precis.processes("web"):
        memory = process.memory_full_info()
        assert memory.uss < memory.rss / 2


def test_what_is_forked_has_the_application_that_was_made_before(tmp_path: Path) -> None:
    environ = {"PRECIS_DATA": str(tmp_path), "PRECIS_ENGINE": "extract"}
    made = make_app(Settings.load(environ))
    assert make_app(Settings.load(environ)) is made
    assert make_app(Settings.load({**environ, "PRECIS_MAX_TEXT_BYTES": "1000"})) is not made


def test_nothing_runs_beside_when_it_forks() -> None:
    ended = threading.Event()
    threading.Timer(0.1, ended.set).start()
    wait_for_others()
    assert ended.is_set()


@pytest.mark.slow
def test_what_is_forked_anew_has_the_settings_of_now(tmp_path: Path) -> None:
    with Valkey() as server:
        site = Precis(tmp_path, {"REDIS_URL": server.url, "PRECIS_WEB_WORKERS": "1"}, command="web")
        with site:
            assert _cookie(site) == "precis"
            (tmp_path / ".env").write_text("PRECIS_PUBLIC_URL=https://precis.example.org")
            site.until_restarted("web", site.kill("web"))
            until(lambda: site.status("/healthz") == 200, "it serves again")
            assert _cookie(site) == "__Host-precis"


def _cookie(site: Precis) -> str:
    answer = httpx2.get(f"{site.address}/session/new", trust_env=False)
    return answer.headers["set-cookie"].partition("=")[0]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc keeps it")
def test_the_memory_that_a_password_takes_to_check_is_given_back(tmp_path: Path) -> None:
    with Valkey() as server:
        site = Precis(tmp_path, {"REDIS_URL": server.url, "PRECIS_WEB_WORKERS": "1"}, command="web")
        alice = site.add_member("Alice", "admin")
        with site:
            assert site.status("/session/new") == 200
            before = _web_bytes(site)
            for _ in range(3):
                Visitor(site.address, alice).close()
            assert _web_bytes(site) - before < 10_000_000


def _web_bytes(site: Precis) -> int:
    return sum(int(process.memory_info().rss) for process in site.processes("web"))


def test_nobody_serves_while_the_database_is_migrated(tmp_path: Path) -> None:
    assert not is_migrating(tmp_path)
    make_folders(tmp_path)
    with migration(tmp_path):
        assert is_migrating(tmp_path)
    assert not is_migrating(tmp_path)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (own("worker", "--lane", "warm"), ["worker", "--lane", "warm"]),
        (tethered(own("sweep")), ["sweep"]),
        (["/usr/bin/valkey-server", "valkey.conf"], None),
        ([sys.executable, "-m", "gunicorn", "webapp:create_app()"], None),
    ],
)
def test_only_our_own_commands_are_forked(command: list[str], arguments: list[str] | None) -> None:
    assert own_arguments(command) == arguments


# --- the embedded Valkey ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_only_the_owner_reaches_the_embedded_valkey(precis: Precis) -> None:
    (server,) = precis.processes("valkey")
    assert [each for each in server.net_connections() if each.status == psutil.CONN_LISTEN] == []
    path = precis.folder / "run" / "valkey.sock"
    assert path.stat().st_mode & 0o777 == 0o700
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_the_embedded_valkey_keeps_all_on_disk_and_evicts_nothing(precis: Precis) -> None:
    with _embedded(precis) as client:
        found = client.config_get("append*", "maxmemory-policy")
    assert (found["appendonly"], found["appendfsync"]) == ("yes", "everysec")
    assert found["maxmemory-policy"] == "noeviction"


def test_below_a_deep_folder_valkey_takes_a_password_on_loopback(tmp_path: Path) -> None:
    data = tmp_path / ("deep" * 30)
    make_folders(data)
    url = valkey.prepare(data)
    with _running(valkey.command(data)), Redis.from_url(url) as client:
        until(lambda: _answers(client), "it answers")
        assert embedded_url(data) == url
        port = client.connection_pool.connection_kwargs["port"]
        with Redis(port=port) as stranger, pytest.raises(RedisError, match="uthenticat"):
            stranger.ping()


def _answers(client: Redis) -> bool:
    try:
        client.ping()
    except RedisError:
        return False
    return True


@contextmanager
def _embedded(precis: Precis) -> Iterator[Redis]:
    url = embedded_url(precis.folder)
    assert url
    with Redis.from_url(url, decode_responses=True) as client:
        yield client


@contextmanager
def _running(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


# --- dying ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["web", "interactive", "warm", "sweep", "valkey"])
def test_what_is_killed_is_started_again_and_the_others_stay(precis: Precis, name: str) -> None:
    until(lambda: precis.status("/readyz") == 200, "everything is there")
    before = {each: precis.pids(each) for each in STAYING if each != name}
    precis.until_restarted(name, precis.kill(name))
    until(lambda: precis.status("/readyz") == 200, "everything is there again")
    assert {each: precis.pids(each) for each in before} == before


@pytest.mark.slow
def test_web_workers_end_with_their_arbiter_and_the_next_one_has_the_port(precis: Precis) -> None:
    workers = precis.pids("web")
    precis.until_restarted("arbiter", precis.kill("arbiter"))
    until(lambda: precis.status("/readyz") == 200, "it serves again")
    assert not set(workers) & set(precis.pids("web"))
    assert "in use" not in precis.output


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["supervisor", "precis"])
def test_nothing_lives_on_when_what_watches_is_killed(tmp_path: Path, victim: str) -> None:
    installation = Precis(tmp_path)
    with installation:
        installation.kill(victim)
        until(lambda: not installation.processes(), "no process is left", 20.0)
        command = installation.commands[0]
        assert command.wait() == (1 if victim == "supervisor" else -signal.SIGKILL)
        installation.commands.clear()
        installation.start()  # the folder is free again


def test_what_keeps_dying_is_started_less_and_less_often(tmp_path: Path) -> None:
    make_folders(tmp_path)
    runs = tmp_path / "runs"
    code = f"open({str(runs)!r}, 'a').write('.')"
    terminal = Terminal()
    threading.Timer(6.0, os.kill, [os.getpid(), signal.SIGTERM]).start()
    with _signals_restored():
        supervise("dying", [Program("dying", [sys.executable, "-c", code])], tmp_path / "run", terminal)
    terminal.close()
    assert 2 <= len(runs.read_text()) <= 4


@contextmanager
def _signals_restored() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


# --- ending -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_valkey_last_and_nothing_is_lost(
    tmp_path: Path, number: signal.Signals
) -> None:
    installation = Precis(tmp_path)
    with installation:
        alice = Visitor(installation.address, installation.add_member("Alice", "admin"))
        with _embedded(installation) as client:
            client.set("kept", "yes")
        document_id = alice.save("Kept", "What was saved is kept.")
        with _open_stream(alice, document_id), _idle_connection(installation.port):
            installation.commands[0].send(number)
            assert installation.commands[0].wait() == 0
        until(lambda: not installation.processes(), "no process is left", 5.0)
        alice.close()
        _assert_ended_in_peace(installation)
        installation.start()
        with _embedded(installation) as client:
            assert client.get("kept") == "yes"
        again = Visitor(installation.address, Account("Alice", "alice@example.org"))
        assert "What was saved is kept." in again.page(document_id)
        again.close()


def _assert_ended_in_peace(installation: Precis) -> None:
    stopped = [line.split()[4] for line in installation.log.splitlines() if " stopped: " in line]
    assert set(stopped) == {"web", "interactive", "warm", "sweep", "valkey"}
    assert stopped[-1] == "valkey"
    assert "SIGKILL" not in installation.log
    assert "timeout" not in installation.log
    assert installation.commands[0].lines[-1] == "Precis has stopped."
    assert "Traceback" not in installation.output


@contextmanager
def _open_stream(visitor: Visitor, document_id: int) -> Iterator[None]:
    """The live library, followed by somebody."""
    with visitor.client.stream("GET", "/documents/events", params={"ids": str(document_id)}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        next(lines)
        yield
        list(lines)  # it ends, and as it should: a stream that is cut raises an error


@contextmanager
def _idle_connection(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.slow
def test_workers_alone_serve_both_lanes_until_they_are_told_to_stop(tmp_path: Path) -> None:
    with Valkey() as server:
        site = Precis(tmp_path, {"REDIS_URL": server.url}, command="web")
        site.add_member("Alice", "admin")
        with site:
            site.run("worker")
            until(lambda: site.readiness()["workers"] == "ok", "both lanes are served")
            workers = site.commands.pop()
            workers.send(signal.SIGTERM)
            assert workers.wait() == 0
            assert site.readiness()["workers"] == "none for interactive and warm"


# --- people and advice ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_doctor_says_what_to_do_when_nothing_runs(tmp_path: Path) -> None:
    examined = Precis(tmp_path).run("doctor")
    assert examined.wait() == 1
    assert "Traceback" not in examined.output
    assert "precis up" in examined.output


@pytest.mark.slow
def test_a_member_is_added_once(tmp_path: Path) -> None:
    installation = Precis(tmp_path)
    installation.add_member("Alice", "admin")
    with pytest.raises(AssertionError, match="There is a member with the address"):
        installation.add_member("Alice", "reader")


# --- the web process --------------------------------------------------------------------------------------------


@contextmanager
def _serving() -> Iterator[tuple["subprocess.Popen[str]", str]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "gunicorn", "--config", f"file:{CONFIGURATION}", "--bind",
         f"127.0.0.1:{port}", "--workers", "1", "tests.support.served:app"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _serves(address), "it serves")
        yield process, address
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _serves(address: str) -> bool:
    try:
        return httpx2.get(address, trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False


def test_the_web_process_is_patched_before_anything_is_loaded_and_parses_in_c() -> None:
    with _serving() as (process, address):
        told = httpx2.get(address, trust_env=False).text
        process.terminate()
        output, _ = process.communicate(timeout=30)
    assert told == "http C patched"
    assert "MonkeyPatchWarning" not in output


def test_forwarded_headers_of_strangers_are_not_believed() -> None:
    with _serving() as (_, address):
        told = httpx2.get(address, headers={"X-Forwarded-Proto": "https"}, trust_env=False).text
    assert told.split()[0] == "http"


def test_a_web_worker_that_is_busy_ends_with_its_arbiter() -> None:
    with _serving() as (process, address):
        (worker,) = psutil.Process(process.pid).children()
        with httpx2.stream("GET", f"{address}/busy", trust_env=False) as answer:
            assert next(answer.iter_raw()) == b"busy"
            process.kill()
            gone, _ = psutil.wait_procs([worker], timeout=20)
        if not gone:
            worker.kill()
    assert gone


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_answer_that_is_being_given_is_finished(number: signal.Signals) -> None:
    with _serving() as (process, address):
        with httpx2.stream("GET", f"{address}/slow", trust_env=False, timeout=30) as answer:
            parts = answer.iter_raw()
            assert next(parts) == b"first "
            process.send_signal(number)
            assert b"".join(parts) == b"last"
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "timeout" not in output


# --- what the processes say -------------------------------------------------------------------------------------


def test_a_terminal_that_is_held_up_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(sys, "stdout", _HeldUp(released))
    terminal = Terminal(tmp_path / "precis.log")
    for number in range(20_000):
        terminal.say(f"line {number} of very many")
    assert (tmp_path / "precis.log").read_text().endswith("line 19999 of very many\n")
    released.set()
    terminal.close()


class _HeldUp(io.StringIO):
    """A terminal after Ctrl-S."""

    def __init__(self, released: threading.Event) -> None:
        super().__init__()
        self._released = released

    def write(self, text: str) -> int:
        self._released.wait()
        return super().write(text)


def test_the_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.processes.terminal.FILE_BYTES", 1_000)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    terminal = Terminal(tmp_path / "precis.log")
    for number in range(1_000):
        terminal.say(f"line {number}")
    terminal.close()
    assert {path.name for path in tmp_path.iterdir()} == {
        "precis.log",
        *(f"precis.log.{n}" for n in (1, 2, 3)),
    }
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
