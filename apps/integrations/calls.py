"""Make one call of another system: log it with its time, and repeat it where that is safe and worth it."""

from __future__ import annotations

import email.utils
import enum
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from .errors import IntegrationError, Unavailable

T = TypeVar("T")
log = structlog.get_logger(__name__)

ATTEMPTS = 3
FIRST_PAUSE = 0.1
# A worker does not sit out an outage: what takes longer than this is tried again by the next step.
PATIENCE = 2.5
LONGEST_RETRY_AFTER = 86_400.0


class Effect(enum.Enum):
    """What it means to send the same request twice."""

    READ = "read"
    REPEATABLE = "repeatable"  # a write with the same result when sent again: PUT, DELETE, server-side apply
    ONCE = "once"  # a write that would happen twice: trigger a build, create with a generated name

    @classmethod
    def of(cls, method: str) -> Effect:
        """Return what HTTP promises about a method (RFC 9110, section 9.2)."""
        if method in ("GET", "HEAD", "OPTIONS"):
            return cls.READ
        return cls.REPEATABLE if method in ("PUT", "DELETE") else cls.ONCE


@dataclass(frozen=True)
class Timeout:
    """Seconds to wait for a connection, and for the next byte of the answer."""

    connect: float = 3.0
    read: float = 10.0


def perform(system: str, operation: str, effect: Effect, attempt: Callable[[], T]) -> T:
    """Run `attempt` and return its result; repeat it on Unavailable unless it must happen once.

    Raises:
        IntegrationError: as `attempt` did in the end.
    """
    began = time.monotonic()
    for count in range(1, ATTEMPTS + 1):
        started = time.monotonic()
        try:
            result = attempt()
        except Unavailable as exc:
            _log(system, operation, started, exc)
            # Full jitter between half and all of it, so that workers do not come back in step.
            pause = max(FIRST_PAUSE * 3 ** (count - 1) * random.uniform(0.5, 1.0), exc.retry_after or 0.0)  # noqa: S311
            over = time.monotonic() - began + pause > PATIENCE
            if effect is Effect.ONCE or count == ATTEMPTS or over:
                raise
            time.sleep(pause)
        except IntegrationError as exc:
            _log(system, operation, started, exc)
            raise
        else:
            log.debug("integration.call", system=system, operation=operation, ms=_ms(started))
            return result
    raise AssertionError("the last attempt returns or raises")


def _log(system: str, operation: str, started: float, exc: IntegrationError) -> None:
    # Missing and the like are often the answer that was hoped for; only what hints at an outage is a warning.
    level = log.warning if exc.status is None or exc.status >= 500 or exc.status == 429 else log.info
    outcome = exc.code_name
    level("integration.call", system=system, operation=operation, ms=_ms(started), status=exc.status, outcome=outcome)


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds a Retry-After header asks for, or None (RFC 9110, section 10.2.3: seconds or a date)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_RETRY_AFTER)
