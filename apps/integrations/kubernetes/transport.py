"""Requests to one API server: the official package's connection pool with our time-outs, limits and errors."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

import urllib3
import urllib3.exceptions as faults

from apps.integrations.calls import Effect, Timeout, parse_retry_after, perform
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, OutcomeUnknown, Unavailable, UnexpectedResponse, Untrusted
from apps.integrations.http import certificate_refused
from apps.integrations.tls import client_context

from .answers import SYSTEM, error_from

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration
    from kubernetes.client.rest import RESTClientObject

POOL_SIZE = 10
CHUNK = 1 << 20
# A page of 500 pods is 4 MB; this only stops a server that is none.
ANSWER_LIMIT = 128 * CHUNK
_loading = threading.Lock()
# The header has whole seconds, and the answer took its time: less than this is no difference between clocks.
CLOCK_SLACK = timedelta(seconds=3)
_NEVER_SENT = (faults.NewConnectionError, faults.ConnectTimeoutError, faults.ProxyError, faults.LocationParseError)


@dataclass(frozen=True)
class RawAnswer:
    """An answer of less than 400."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """One pool of connections to one cluster. Thread-safe; the pool is made at the first request."""

    def __init__(self, connection: ClusterConnection, timeout: Timeout) -> None:
        self.connection = connection
        self._timeout = urllib3.Timeout(connect=timeout.connect, read=timeout.read)
        self._redact = connection.redactor
        self._headers = {"Accept": "application/json", "User-Agent": "slipway"}
        if connection.token:
            self._headers["Authorization"] = f"Bearer {connection.token}"
        self._lock = threading.Lock()
        self._rest: RESTClientObject | None = None
        self._clock_ahead = timedelta()

    @property
    def now(self) -> datetime:
        """Return the time by the server's clock, which objects' times are by; ours before the first answer."""
        return datetime.now(UTC) + self._clock_ahead

    def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        with self._lock:
            if self._rest is not None:
                self._rest.close()
                self._rest = None

    def request(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        effect: Effect,
        query: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> RawAnswer:
        """Send one request, repeated where `effect` allows it, and return its answer.

        Raises:
            IntegrationError: see `errors` and `answers`.
        """
        url = self.connection.server.rstrip("/") + path
        if query:
            url += "?" + urlencode(query)
        sent_headers = {**self._headers, **(headers or {})}
        return perform(
            SYSTEM, operation, effect, lambda: self._attempt(method, url, operation, effect, body, sent_headers)
        )

    def _attempt(
        self, method: str, url: str, operation: str, effect: Effect, body: bytes | None, headers: dict[str, str]
    ) -> RawAnswer:
        try:
            response = self._pool().urlopen(
                method, url, body=body, headers=headers, timeout=self._timeout, retries=False, redirect=False,
                preload_content=False,
            )  # fmt: skip
            try:
                content = self._read(response, operation)
            finally:
                response.release_conn()
        except faults.HTTPError as exc:
            self._raise_transport(exc, operation, effect)
        self._compare_clocks(response.headers.get("Date"))
        if response.status < 300:
            return RawAnswer(response.status, response.headers, content)
        request_id = response.headers.get("Audit-Id")
        if response.status < 400:
            # The credentials were meant for this address; no API server sends its clients elsewhere.
            raise UnexpectedResponse(SYSTEM, operation, response.status, "the API server redirects", request_id)
        raise error_from(
            operation,
            response.status,
            self._redact(content.decode(errors="replace")).encode(),
            request_id=request_id,
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
            once=effect is Effect.ONCE,
        )

    def _pool(self) -> urllib3.PoolManager:
        with self._lock:
            if self._rest is None:
                self._rest = _make_pool(self.connection)
            pool: urllib3.PoolManager = self._rest.pool_manager
            return pool

    def _compare_clocks(self, date: str | None) -> None:
        try:
            ahead = parsedate_to_datetime(date or "") - datetime.now(UTC)
        except (ValueError, TypeError):
            return  # no date, or none with a time zone
        self._clock_ahead = ahead if abs(ahead) > CLOCK_SLACK else timedelta()

    @staticmethod
    def _read(response: urllib3.BaseHTTPResponse, operation: str) -> bytes:
        content = bytearray()
        for chunk in response.stream(CHUNK):
            content += chunk
            if len(content) > ANSWER_LIMIT:
                response.close()
                message = f"the answer is bigger than {ANSWER_LIMIT} bytes"
                raise UnexpectedResponse(SYSTEM, operation, response.status, message)
        return bytes(content)

    def _raise_transport(self, exc: faults.HTTPError, operation: str, effect: Effect) -> NoReturn:
        message = self._redact(f"{type(exc).__name__}: {exc}")
        error: IntegrationError
        if certificate_refused(exc):
            error = Untrusted(SYSTEM, operation, None, message)
        elif effect is Effect.ONCE and not isinstance(exc, _NEVER_SENT):
            error = OutcomeUnknown(SYSTEM, operation, None, message)
        else:
            error = Unavailable(SYSTEM, operation, None, message)
        raise error from exc


def load_package() -> tuple[type[Configuration], type[RESTClientObject]]:
    """Return what we use of the official package, which takes most of a second to import: not before it is needed.

    One thread at a time: its modules import each other in circles, and a second thread would get half of them.
    """
    with _loading:
        from kubernetes.client.configuration import Configuration
        from kubernetes.client.rest import RESTClientObject
    return Configuration, RESTClientObject


def _make_pool(connection: ClusterConnection) -> RESTClientObject:
    Configuration, RESTClientObject = load_package()  # noqa: N806
    configuration = Configuration(host=connection.server)
    configuration.verify_ssl = not connection.insecure
    configuration.tls_server_name = connection.tls_server_name or None
    configuration.connection_pool_maxsize = POOL_SIZE
    configuration.keep_alive = True
    configuration.proxy = None  # where a connection goes is never decided by the environment
    rest = RESTClientObject(configuration)
    # One context for all connections: the package would read the CA from a file for each new one.
    rest.pool_manager.connection_pool_kw["ssl_context"] = client_context(
        connection.ca_pem,
        certificate_pem=connection.client_certificate_pem,
        key_pem=connection.client_key_pem,
        insecure=connection.insecure,
    )
    return rest
