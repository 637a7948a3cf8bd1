"""The breaker: who may ask a cluster now, how many at once, and that a bad one costs the others nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisAway

from apps.clusters import breaker
from apps.integrations.errors import Unavailable

CLUSTER, OTHER = 990_001, 990_002


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def fail(cluster: int = CLUSTER, retry_after: float | None = None) -> None:
    with pytest.raises(Unavailable), breaker.watch(cluster, Unavailable):
        raise Unavailable("kubernetes", "apply", 503, retry_after=retry_after)


def succeed(cluster: int = CLUSTER) -> None:
    with breaker.watch(cluster, Unavailable):
        pass


def turns(count: int, cluster: int = CLUSTER, **options: Any) -> list[bool]:
    """Return which of so many callers at the same moment get a turn."""
    with ExitStack() as held:
        return [held.enter_context(breaker.turn(cluster, **options)) == 0 for _ in range(count)]


def test_a_healthy_cluster_has_its_turns_and_gives_them_back(settings: Any) -> None:
    settings.SLIPWAY_CLUSTER_TURNS = 2
    for _ in range(2):
        assert turns(4) == [True, True, False, False]
    assert turns(1, OTHER) == [True]


def test_lanes_do_not_wait_for_each_other(settings: Any) -> None:
    settings.SLIPWAY_CLUSTER_TURNS = 1
    with breaker.turn(CLUSTER, lane="drift") as wait:
        assert wait == 0
        assert turns(2) == [True, False]


def test_after_a_failure_only_one_tries_at_a_time() -> None:
    fail()
    assert turns(3) == [True, False, False]
    assert turns(3, OTHER) == [True, True, False]
    succeed()
    assert turns(3) == [True, True, False]


def test_after_several_failures_nobody_asks_for_a_while_and_then_one() -> None:
    for _ in range(breaker.FAILURES):
        fail()
    wait = breaker.seconds_until_try(CLUSTER)
    assert 0 < wait <= breaker.OPEN_SECONDS
    assert turns(2) == [False, False]
    assert turns(2, patient=False) == [True, False], "who has no time left asks once, one after the other"
    cache.delete(f"breaker:{CLUSTER}:open_until")  # the time is over
    assert turns(3) == [True, False, False]


def test_a_throttling_server_is_left_alone_for_as_long_as_it_wishes() -> None:
    fail(retry_after=30)
    assert 25 < breaker.seconds_until_try(CLUSTER) <= 30
    fail(OTHER, retry_after=86_400)
    assert breaker.seconds_until_try(OTHER) <= breaker.LONGEST_OPEN_SECONDS


def test_a_slow_cluster_gets_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "SLOW_SECONDS", -1.0)
    succeed()
    monkeypatch.undo()
    assert turns(3) == [True, False, False]


def test_who_waits_does_not_ask_all_the_time() -> None:
    fail()
    with breaker.turn(CLUSTER), breaker.turn(CLUSTER) as wait:
        assert wait >= 2.0


def test_a_step_that_raises_gives_its_turn_back() -> None:
    with pytest.raises(ValueError, match="x"), breaker.turn(CLUSTER):
        raise ValueError("x")
    assert turns(1) == [True]


def test_without_the_cache_nobody_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: Any, **_options: Any) -> None:
        raise RedisAway

    for name in ("get", "get_many", "add", "set", "incr", "delete"):
        monkeypatch.setattr(cache, name, away)
    fail()
    succeed()
    assert turns(5) == [True] * 5
    assert breaker.seconds_until_try(CLUSTER) == 0
