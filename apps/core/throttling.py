"""The limit of requests a person may send to the API. It counts in the cache, so it ends where Redis is away."""

from __future__ import annotations

from typing import Any

import structlog
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

log = structlog.get_logger(__name__)


class PersonThrottle(UserRateThrottle):
    """Limits each person; without Redis everybody is let through, for a limit must not take the API away."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Return whether this request is within the limit, or nobody can tell."""
        try:
            return bool(super().allow_request(request, view))
        except RedisError as exc:
            log.warning("throttle.not_counted", error=type(exc).__name__)
            return True
