"""Keep one bad cluster from taking every worker: it is asked by few at once, by one while in doubt, by nobody while away.

- Circuit: after a few failures in a row nobody asks for a while, or for as long as a throttling server wished. Then one
  caller tries again.
- Turns: only so many steps talk with one cluster at the same moment, so that the first time-outs of a dead or slow one
  leave slots for the others. A cluster that failed lately or answers slowly is in doubt: it gets one turn at a time.

A step that gets no turn is put off and holds nothing meanwhile. Kept in the cache; where that is away, nobody is held back.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

FAILURES = 3
OPEN_SECONDS = 10.0
LONGEST_OPEN_SECONDS = 60.0  # a server may ask for hours; people wait for an answer
FORGET_SECONDS = 120
SLOW_SECONDS = 5.0  # a step that took longer makes the cluster a slow one
SLOW_FOR_SECONDS = 30
TURN_SECONDS = 95  # longer than any task may run: a killed worker's turn comes back by itself


def _key(cluster_id: int, name: str) -> str:
    return f"breaker:{cluster_id}:{name}"


def seconds_until_try(cluster_id: int) -> float:
    """Return how long to leave the cluster alone, 0 when it may be asked."""
    with contextlib.suppress(RedisError):
        open_until = cache.get(_key(cluster_id, "open_until"))
        if open_until:
            return max(0.0, float(open_until) - time.time())
    return 0.0


@contextlib.contextmanager
def turn(cluster_id: int, *, lane: str = "apply", patient: bool = True) -> Iterator[float]:
    """Hold one of the cluster's turns; yields 0, or the seconds after which to ask for one again.

    Each `lane` has turns of its own, so that what nobody waits for does not delay a release. Who is not `patient` (its
    deadline is over) may try a cluster that is left alone, yet never more than one at a time.
    """
    wait = seconds_until_try(cluster_id) if patient else 0.0
    if wait:
        yield wait + _jitter(2.0)  # not all at the same moment
        return
    doubt = _in_doubt(cluster_id)
    held = _take(cluster_id, lane, 1 if doubt else settings.SLIPWAY_CLUSTER_TURNS)
    if held is None:
        # Many may be waiting for a cluster in doubt: asking often would itself keep the workers busy.
        yield 2.0 + _jitter(4.0) if doubt else 0.1 + _jitter(0.4)
        return
    try:
        yield 0.0
    finally:
        with contextlib.suppress(RedisError):
            cache.delete(held)


@contextlib.contextmanager
def watch(cluster_id: int, failure: type[Exception]) -> Iterator[None]:
    """Count `failure` raised inside against the cluster, and anything else as a sign of life; notice that it is slow."""
    began = time.monotonic()
    try:
        yield
    except failure as exc:
        _record_failure(cluster_id, float(getattr(exc, "retry_after", None) or 0.0))
        raise
    _record_success(cluster_id, time.monotonic() - began)


def _in_doubt(cluster_id: int) -> bool:
    with contextlib.suppress(RedisError):
        return bool(cache.get_many([_key(cluster_id, "failures"), _key(cluster_id, "slow")]))
    return False


def _take(cluster_id: int, lane: str, most: int) -> str | None:
    """Return the key of a free turn that is ours now, None where all are taken."""
    keys = [_key(cluster_id, f"{lane}:turn:{number}") for number in range(most)]
    try:
        return next((key for key in keys if cache.add(key, 1, TURN_SECONDS)), None)
    except RedisError:
        return keys[0]


def _record_failure(cluster_id: int, retry_after: float) -> None:
    with contextlib.suppress(RedisError):
        failures = _key(cluster_id, "failures")
        cache.add(failures, 0, FORGET_SECONDS)
        pause = min(retry_after, LONGEST_OPEN_SECONDS)
        if cache.incr(failures) >= FAILURES:
            pause = max(pause, OPEN_SECONDS)
        if pause:
            cache.set(_key(cluster_id, "open_until"), time.time() + pause, pause)


def _record_success(cluster_id: int, seconds: float) -> None:
    with contextlib.suppress(RedisError):
        cache.delete(_key(cluster_id, "failures"))
        if seconds > SLOW_SECONDS:
            cache.set(_key(cluster_id, "slow"), 1, SLOW_FOR_SECONDS)


def _jitter(most: float) -> float:
    return random.uniform(0, most)  # noqa: S311 - to keep apart what waits
