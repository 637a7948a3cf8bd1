"""A circuit breaker per cluster: a dead API server must not hold every worker in its time-outs.

After a few failures in a row nobody asks for a while; then one caller tries again. Kept in the cache; where that is away,
the circuit counts as closed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from django.core.cache import cache
from redis.exceptions import RedisError

FAILURES = 3
OPEN_SECONDS = 10.0
FORGET_SECONDS = 120


def _failures_key(cluster_id: int) -> str:
    return f"breaker:{cluster_id}:failures"


def _open_key(cluster_id: int) -> str:
    return f"breaker:{cluster_id}:open_until"


def seconds_until_try(cluster_id: int) -> float:
    """Return how long to leave the cluster alone, 0 when it may be asked."""
    with contextlib.suppress(RedisError):
        open_until = cache.get(_open_key(cluster_id))
        if open_until:
            return max(0.0, float(open_until) - time.time())
    return 0.0


@contextlib.contextmanager
def watch(cluster_id: int, failure: type[Exception]) -> Iterator[None]:
    """Count `failure` raised inside against the cluster, and anything else as a sign of life."""
    try:
        yield
    except failure:
        _record_failure(cluster_id)
        raise
    _record_success(cluster_id)


def _record_failure(cluster_id: int) -> None:
    with contextlib.suppress(RedisError):
        cache.add(_failures_key(cluster_id), 0, FORGET_SECONDS)
        if cache.incr(_failures_key(cluster_id)) >= FAILURES:
            cache.set(_open_key(cluster_id), time.time() + OPEN_SECONDS, OPEN_SECONDS)


def _record_success(cluster_id: int) -> None:
    with contextlib.suppress(RedisError):
        cache.delete(_failures_key(cluster_id))
