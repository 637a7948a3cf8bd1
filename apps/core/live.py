"""Tells open pages that something changed, over Redis. Pages then fetch the fragment again: no data travels here.

Topics are `<noun>:<id>` (`deployment:12`, `build:7`, `application:3`, `project:1`). Losing an announcement is harmless:
pages also refresh when they reconnect.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable

import redis
import structlog
from django.conf import settings
from django.db import transaction

log = structlog.get_logger(__name__)
CHANNEL = "slipway:live"

_connections = threading.local()


def _client() -> redis.Redis:
    client: redis.Redis | None = getattr(_connections, "client", None)
    if client is None:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=0.5)
        _connections.client = client
    return client


def announce(topics: Iterable[str]) -> None:
    """Announce after the transaction commits that these topics changed. Never raises when Redis is away."""
    message = json.dumps(sorted(set(topics)))

    def publish() -> None:
        try:
            _client().publish(CHANNEL, message)
        except redis.RedisError as exc:
            log.warning("live.not_announced", topics=message, error=type(exc).__name__)

    transaction.on_commit(publish)
