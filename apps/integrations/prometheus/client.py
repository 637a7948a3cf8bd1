"""The client of one Prometheus, through prometheus-api-client.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from apps.integrations.calls import Effect, Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import IntegrationError, UnexpectedResponse
from apps.integrations.sessions import Session, VendorCalls

T = TypeVar("T")
Object = dict[str, Any]
# Prometheus refuses more points of one series than this.
POINTS_LIMIT = 11_000


@dataclass(frozen=True)
class Point:
    """A value at a time; NaN where Prometheus says so."""

    at: datetime
    value: float


@dataclass(frozen=True)
class Series:
    """The points of one set of labels, oldest first."""

    labels: Mapping[str, str] = field(hash=False)
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Target:
    """What a scrape job reads from: `health` is up, down or unknown."""

    job: str
    url: str
    health: str
    error: str


class PrometheusClient:
    """One Prometheus."""

    def __init__(self, connection: Connection, *, timeout: Timeout | None = None) -> None:
        self._system = connection.system
        self._session = Session(connection, timeout or Timeout())
        if connection.secret and not connection.username:
            self._session.headers["Authorization"] = f"Bearer {connection.secret}"
        auth = (connection.username, connection.secret) if connection.username else None
        self._prometheus = PrometheusConnect(connection.url.rstrip("/"), auth=auth, session=self._session)
        self._session.bind()  # the constructor put an adapter of its own, with sleeps, in front of ours
        self._vendor = VendorCalls(connection, words=_words, vendor_error=self._vendor_error)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def check(self) -> None:
        """Make sure that queries are answered.

        Raises:
            IntegrationError: they are not.
        """
        self.query("vector(1)")

    def query(self, promql: str, *, at: datetime | None = None) -> list[Series]:
        """Return the value of an expression for each set of labels, one point each.

        Raises:
            Rejected: the expression is wrong; `message` says where.
        """
        params = {"time": at.timestamp()} if at else None
        return self._read(
            "query",
            lambda: [_instant(each) for each in self._prometheus.custom_query(promql, params=params)],
        )

    def query_range(self, promql: str, *, start: datetime, end: datetime, step: timedelta) -> list[Series]:
        """Return the course of an expression; the step grows where it would give too many points.

        Raises:
            Rejected: the expression is wrong; `message` says where.
        """
        seconds = max(step.total_seconds(), (end - start).total_seconds() / (POINTS_LIMIT - 1), 1.0)
        return self._read(
            "query range",
            lambda: [
                _range(each) for each in self._prometheus.custom_query_range(promql, start, end, f"{seconds:.3f}")
            ],
        )

    def list_targets(self) -> list[Target]:
        """Return what is being scraped."""
        return self._read("list targets", lambda: [_target(each) for each in self._targets()])

    def _targets(self) -> list[Object]:
        found: list[Object] = self._prometheus.get_targets(state="active")["activeTargets"]
        return found

    def _read(self, operation: str, action: Callable[[], T]) -> T:
        return self._vendor(operation, Effect.READ, action)

    def _vendor_error(self, operation: str, exc: Exception) -> IntegrationError | None:
        if isinstance(exc, PrometheusApiClientException | KeyError | TypeError | ValueError | IndexError):
            return UnexpectedResponse(self._system, operation, None, f"{type(exc).__name__}: {exc}")
        return None


def _instant(found: Object) -> Series:
    return Series(found["metric"], (_point(found["value"]),))


def _range(found: Object) -> Series:
    return Series(found["metric"], tuple(_point(each) for each in found["values"]))


def _point(pair: list[Any]) -> Point:
    seconds, value = pair
    return Point(datetime.fromtimestamp(seconds, tz=UTC), float(value))


def _target(found: Object) -> Target:
    job = (found.get("labels") or {}).get("job", "")
    return Target(job, found["scrapeUrl"], found["health"], found.get("lastError") or "")


def _words(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(said.get("error") or "") if isinstance(said, dict) else ""
