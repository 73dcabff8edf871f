"""A Redis that never answers is waited for once, whatever a page asks it for."""

import pytest
from redis import RedisError
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

from tasks.broker import make_broker
from tests.support.valkey import Blackhole, Valkey
from webapp import away as away_module
from webapp.away import Away, SparingRedis


def client(url: str, away: Away) -> SparingRedis:
    return SparingRedis.to(url, away, socket_timeout=0.1, socket_connect_timeout=0.1)


def test_one_wait_spares_all_others_theirs() -> None:
    with Blackhole() as hole:
        away = Away()
        first, second = client(hole.url, away), client(hole.url, away)
        with pytest.raises(NoAnswer):
            first.get("a")
        with pytest.raises(NoConnection, match="a moment ago"):
            second.get("b")
        with (
            pytest.raises(NoConnection, match="a moment ago"),
            make_broker(hole.url, away=away)._away.spared(),
        ):
            pytest.fail("It was let through.")


def test_another_redis_is_not_meant(valkey: Valkey) -> None:
    with Blackhole() as hole, pytest.raises(RedisError):
        client(hole.url, Away()).get("a")
    assert client(valkey.url, Away()).ping()


def test_it_is_asked_again_after_a_while(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(away_module, "AWAY_SECONDS", 0.0)
    away = Away()
    with Blackhole() as hole, pytest.raises(RedisError):
        client(hole.url, away).get("a")
    assert client(valkey.url, away).ping()


def test_an_answer_that_is_an_error_is_an_answer(valkey: Valkey) -> None:
    redis = client(valkey.url, Away())
    redis.set("word", "a")
    with pytest.raises(RedisError, match="not an integer"):
        redis.incr("word")
    assert redis.get("word") == b"a"
