"""Settings: what they accept, what they default to, and how they complain."""

import fcntl
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest

from webapp.config import Settings, SettingsError
from webapp.importing.guard import PRIVATE_NETWORKS

LOCAL = ("http://127.0.0.1:11434/v1", "http://[::1]:8080/v1", "http://localhost:1234/v1", "http://10.0.0.5:8000/v1",
         "http://192.168.1.20/v1", "http://172.16.3.4/v1", "http://[fd00::12]/v1", "http://100.100.1.2/v1",
         "http://ollama:11434/v1", "http://nas.local/v1", "http://gpu.lan/v1", "http://host.docker.internal:11434/v1",
         "http://GPU.Home.Arpa/v1")  # fmt: skip
PUBLIC = ("https://api.openai.com/v1", "https://8.8.8.8/v1", "https://models.example.org/v1", "https://local.example.org",
          "https://[2606:4700::1]/v1")  # fmt: skip

WHOLE = ("eight", "8.5", "-1", "--5", "1e3", "9" * 5_000)
SECONDS = ("soon", "-1", "nan", "inf", "1e9", "5 s")
BAD = {
    "HOST": [" "],
    "PORT": [*WHOLE, "0", "65536"],
    "PRECIS_PUBLIC_URL": ["library.example.org", "ftp://example.org", "https://", "https:example.org", "https://a:b", "https://["],
    "PRECIS_TRUSTED_PROXIES": [*WHOLE, "11"],
    "PRECIS_DATA": [__file__, f"{__file__}/data", "~nobody-of-this-name/data"],
    "DATABASE_URL": ["mysql://localhost/precis", "library.sqlite3", "sqlite://library.sqlite3", "postgresql:precis",
                     "postgresql://localhost:port/precis"],
    "REDIS_URL": ["localhost:6379", "http://localhost:6379", "redis:localhost", "redis://localhost:port"],
    "SECRET_KEY": [" "],
    "OPENAI_API_KEY": [" "],
    "OPENAI_BASE_URL": ["localhost:11434/v1", "http:localhost", "http:///v1", "http://localhost:port/v1", "http://["],
    "PRECIS_MODEL": [" "],
    "PRECIS_ENGINE": ["gpt", "OpenAI", "extract openai"],
    "PRECIS_SUMMARIES": ["yes", "true", "0", "On"],
    "PRECIS_WARM": ["on", "never", "on_save"],
    "PRECIS_WARM_PER_HOUR": [*WHOLE, "1000001"],
    "PRECIS_SETTLE_SECONDS": [*SECONDS, "3601"],
    "PRECIS_SHORT_TEXT_CHARACTERS": [*WHOLE, "100001"],
    "PRECIS_LLM_CONCURRENCY": [*WHOLE, "0", "513"],
    "PRECIS_CONTEXT_TOKENS": [*WHOLE, "511", "10000001"],
    "PRECIS_LEASE_SECONDS": [*SECONDS, "0.9", "3601"],
    "PRECIS_SWEEP_SECONDS": [*SECONDS, "0", "3601"],
    "PRECIS_FIRST_WORD_SECONDS": [*SECONDS, "0", "86401"],
    "PRECIS_SILENCE_SECONDS": [*SECONDS, "0", "86401"],
    "PRECIS_ATTEMPT_SECONDS": [*SECONDS, "0", "86401"],
    "PRECIS_RETRY_SECONDS": [*SECONDS, "0", "3601"],
    "PRECIS_PROBE_SECONDS": [*SECONDS, "0", "3601"],
    "PRECIS_MAX_ATTEMPTS": [*WHOLE, "0", "101"],
    "PRECIS_SUMMARY_TTL_SECONDS": [*WHOLE, "0", "31536001"],
    "PRECIS_MAX_TEXT_BYTES": [*WHOLE, "999", "100000001"],
    "PRECIS_MAX_UPLOAD_BYTES": [*WHOLE, "999", "2000000001"],
    "PRECIS_MAX_UPLOADS": [*WHOLE, "0", "10001"],
    "PRECIS_PATIENCE_SECONDS": [*SECONDS, "0", "3601"],
    "PRECIS_FETCH_PRIVATE": ["ON", "yes", "10.0.0.0/33", "10.0.0.1/8", "example.org", "10.0.0.0/8;fc00::/7"],
    "PRECIS_MAX_WAITING": [*WHOLE, "0", "1000001"],
    "PRECIS_MAX_STREAMS": [*WHOLE, "100001"],
    "PRECIS_SESSION_DAYS": [*WHOLE, "0", "3651"],
    "PRECIS_WEB_WORKERS": [*WHOLE, "0", "65"],
    "PRECIS_LOG_LEVEL": ["INFO", "verbose", "10"],
    "PRECIS_STYLE": ["key points", "Brief", "short"],
    "PRECIS_PRICE_IN": ["-1", "free", "1000001", "nan"],
    "PRECIS_PRICE_OUT": ["-0.1", "$1", "1e9"],
    "PRECIS_CURRENCY": [" "],
}  # fmt: skip
ACCEPTED = {
    "HOST": "other than blanks", "PORT": "from 1 to 65535", "PRECIS_PUBLIC_URL": "http:// or https://",
    "PRECIS_DATA": "a folder", "DATABASE_URL": "sqlite:/// or postgresql://",
    "REDIS_URL": "redis:// or rediss:// or unix://", "OPENAI_BASE_URL": "http:// or https://",
    "PRECIS_ENGINE": "one of openai, extract", "PRECIS_SUMMARIES": "one of on, off",
    "PRECIS_WARM": "one of on-save, on-first-view", "PRECIS_LEASE_SECONDS": "seconds from 1 to 3600",
    "PRECIS_STYLE": "one of brief, key-points, detailed", "PRECIS_PRICE_IN": "a price of a million tokens",
    "PRECIS_FETCH_PRIVATE": "on, off, or networks", "PRECIS_LOG_LEVEL": "one of debug, info, warning, error"}  # fmt: skip


def load(**environ: str) -> Settings:
    return Settings.load(environ)


# --- bad values ---------------------------------------------------------------------------------------------------


def test_every_setting_is_tried_with_bad_values() -> None:
    assert set(BAD) == {setting.metadata["name"] for setting in fields(Settings)}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD.items() for value in values],
    ids=lambda value: value[:30],
)
def test_bad_value_is_one_sentence_that_names_the_setting_and_what_it_accepts(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.load({name: value})
    sentence = str(raised.value)
    assert sentence.startswith(f"{name} must be ")
    assert ACCEPTED.get(name, "") in sentence
    assert sentence.endswith((f", not {value.strip()!r}.", f", not {value!r}."))
    assert "\n" not in sentence
    assert not any(word in sentence for word in ("literal", "Invalid", "could not", "Exceeds"))


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "OPENAI_BASE_URL", "PRECIS_PUBLIC_URL"])
def test_complaint_does_not_tell_a_password(name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.load({name: "gopher://ada:s3cret/@x@example.org/precis"})
    assert "s3cret" not in str(raised.value)
    assert "example.org" in str(raised.value)


@pytest.mark.parametrize("name", sorted(BAD))
def test_an_empty_value_is_the_default(name: str) -> None:
    assert Settings.load({name: ""}) == Settings.load({})


def test_blanks_around_a_value_do_not_matter() -> None:
    assert load(PORT=" 8080 ").port == 8080
    assert load(PRECIS_MODEL=" m \n").model_given == "m"


# --- where values come from ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, without any setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for setting in fields(Settings):
        monkeypatch.delenv(setting.metadata["name"], raising=False)
    return tmp_path


def test_env_file_is_read(folder: Path) -> None:
    (folder / ".env").write_text("# ours\nPORT=8123\nPRECIS_MODEL='a model'\n")
    settings = Settings.load()
    assert (settings.port, settings.model_given) == (8123, "a model")


def test_environment_overrules_the_env_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("PORT=8123\nPRECIS_WEB_WORKERS=3\nOPENAI_API_KEY=sk-old\n")
    monkeypatch.setenv("PORT", "8124")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    settings = Settings.load()
    assert (settings.port, settings.web_workers, settings.openai_api_key) == (8124, 3, None)


def test_env_file_complains_as_the_environment_does(folder: Path) -> None:
    (folder / ".env").write_text("PORT=eighty\n")
    with pytest.raises(SettingsError, match=r"^PORT must be a whole number from 1 to 65535, not 'eighty'\.$"):
        Settings.load()


def test_without_any_setting_everything_has_a_default(folder: Path) -> None:
    settings = Settings.load()
    assert settings == Settings()
    assert (settings.address, settings.engine, settings.redis_url) == (
        "http://127.0.0.1:8000",
        "extract",
        None,
    )
    assert settings.database_url == f"sqlite:///{folder}/instance/precis.sqlite3"


# --- what follows from them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", LOCAL)
def test_local_model_server_gets_long_silences_and_few_calls_at_once(url: str) -> None:
    settings = load(OPENAI_BASE_URL=url)
    assert settings.is_local_model
    assert (settings.first_word_seconds, settings.silence_seconds, settings.attempt_seconds) == (
        600,
        300,
        3600,
    )
    assert (settings.interactive_threads, settings.warm_threads) == (4, 2)


@pytest.mark.parametrize("url", PUBLIC)
def test_public_model_server_gets_short_silences_and_many_calls_at_once(url: str) -> None:
    settings = load(OPENAI_BASE_URL=url)
    assert not settings.is_local_model
    assert (settings.first_word_seconds, settings.silence_seconds, settings.attempt_seconds) == (30, 30, 180)
    assert (settings.interactive_threads, settings.warm_threads) == (16, 8)


@pytest.mark.parametrize("url", [LOCAL[0], PUBLIC[0]])
def test_waits_that_are_set_hold_for_any_server(url: str) -> None:
    settings = load(
        OPENAI_BASE_URL=url, PRECIS_FIRST_WORD_SECONDS="7", PRECIS_SILENCE_SECONDS="8", PRECIS_ATTEMPT_SECONDS="9",
        PRECIS_LLM_CONCURRENCY="1")  # fmt: skip
    assert (settings.first_word_seconds, settings.silence_seconds, settings.attempt_seconds) == (7, 8, 9)
    assert (settings.interactive_threads, settings.warm_threads) == (1, 1)


@pytest.mark.parametrize(
    ("environ", "engine"),
    [
        ({}, "extract"),
        ({"PRECIS_MODEL": "m"}, "extract"),
        ({"OPENAI_API_KEY": "sk"}, "openai"),
        ({"OPENAI_BASE_URL": LOCAL[0]}, "openai"),
        ({"OPENAI_API_KEY": "sk", "PRECIS_ENGINE": "extract"}, "extract"),
        ({"OPENAI_BASE_URL": LOCAL[0], "PRECIS_ENGINE": "openai"}, "openai"),
    ],
)
def test_engine_is_a_model_server_once_there_is_one(environ: dict[str, str], engine: str) -> None:
    settings = Settings.load(environ)
    assert (settings.engine, settings.recipe.engine) == (engine, engine)


def test_model_engine_without_a_server_or_a_key_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r"^PRECIS_ENGINE=openai needs OPENAI_API_KEY or OPENAI_BASE_URL\.$"
    ):
        load(PRECIS_ENGINE="openai")


def test_key_alone_means_the_server_of_openai() -> None:
    settings = load(OPENAI_API_KEY="sk")
    assert settings.openai_base_url == "https://api.openai.com/v1"
    assert (settings.model_server, settings.is_local_model) == ("api.openai.com", False)


def test_name_of_the_model_server_has_no_password() -> None:
    assert load(OPENAI_BASE_URL="http://ada:s3cret@10.0.0.5:8000/v1").model_server == "10.0.0.5:8000"


def test_embedded_engine_waits_for_no_further_edits() -> None:
    assert load().edit_wait_seconds == 0
    assert load(OPENAI_API_KEY="sk").edit_wait_seconds == 5


@pytest.mark.parametrize("lease", ["1", "3", "90", "3600"])
def test_lease_is_renewed_several_times_before_it_ends(lease: str) -> None:
    assert load(PRECIS_LEASE_SECONDS=lease).renew_seconds <= float(lease) / 3


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_by_psycopg_3(scheme: str) -> None:
    url = load(DATABASE_URL=f"{scheme}://ada:pw@db.example.org:5433/precis?sslmode=require").database_url
    assert url == "postgresql+psycopg://ada:pw@db.example.org:5433/precis?sslmode=require"


@pytest.mark.parametrize(
    "url", ["sqlite:////srv/library.sqlite3", "postgresql+psycopg:///precis?host=/run/postgresql"]
)
def test_other_databases_are_taken_as_they_are(url: str) -> None:
    assert load(DATABASE_URL=url).database_url == url


@pytest.mark.parametrize(
    "url", ["redis://localhost", "rediss://:pw@example.org:6380/2", "unix:///run/valkey.sock"]
)
def test_redis_is_found_by_its_usual_addresses(url: str) -> None:
    assert load(REDIS_URL=url).redis_url == url


def test_folder_in_the_home_of_its_owner_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(PRECIS_DATA="~/precis").data == tmp_path / "precis"


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({"PORT": "8080"}, "http://127.0.0.1:8080"),
        ({"HOST": "0.0.0.0"}, "http://127.0.0.1:8000"),  # noqa: S104 - nothing is bound
        ({"HOST": "::1"}, "http://[::1]:8000"),
        ({"HOST": "192.168.1.2"}, "http://192.168.1.2:8000"),
        ({"PRECIS_PUBLIC_URL": "https://library.example.org/"}, "https://library.example.org"),
    ],
)
def test_address_is_one_that_can_be_typed(environ: dict[str, str], address: str) -> None:
    assert Settings.load(environ).address == address


# --- the key that signs cookies -----------------------------------------------------------------------------------


def test_secret_key_is_made_once_and_its_owner_alone_can_read_it(tmp_path: Path) -> None:
    data = tmp_path / "new"
    first = load(PRECIS_DATA=str(data)).secret_key
    assert len(first) >= 64
    assert load(PRECIS_DATA=str(data)).secret_key == first == (data / "secret_key").read_text()
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600


def test_each_folder_has_a_secret_key_of_its_own(tmp_path: Path) -> None:
    assert (
        load(PRECIS_DATA=str(tmp_path / "a")).secret_key != load(PRECIS_DATA=str(tmp_path / "b")).secret_key
    )


def test_secret_key_that_is_set_leaves_no_file(tmp_path: Path) -> None:
    assert load(PRECIS_DATA=str(tmp_path), SECRET_KEY="ours").secret_key == "ours"
    assert list(tmp_path.iterdir()) == []


def test_secret_key_that_was_never_written_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    assert load(PRECIS_DATA=str(tmp_path)).secret_key


def test_secret_key_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    with (tmp_path / "secret_key").open("w") as making, ThreadPoolExecutor(1) as other:
        fcntl.flock(making, fcntl.LOCK_EX)
        asked = other.submit(lambda: load(PRECIS_DATA=str(tmp_path)).secret_key)
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.2)
        making.write("the first one's")
        making.flush()
        fcntl.flock(making, fcntl.LOCK_UN)
        assert asked.result(timeout=30) == "the first one's"


def test_private_networks_that_links_may_lead_into() -> None:
    assert load().fetch_networks == load(PRECIS_FETCH_PRIVATE="off").fetch_networks == ()
    assert load(PRECIS_FETCH_PRIVATE="on").fetch_networks == PRIVATE_NETWORKS
    assert [
        str(network) for network in load(PRECIS_FETCH_PRIVATE="10.1.0.0/16, fd00::/8").fetch_networks
    ] == [
        "10.1.0.0/16",
        "fd00::/8",
    ]
