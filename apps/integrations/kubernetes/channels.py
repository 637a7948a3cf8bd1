"""Asynchronous requests to one API server whose answers go on for long: the ground of logs and watches."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import httpx2

from apps.integrations.calls import parse_retry_after
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, Unavailable, UnexpectedResponse, Untrusted
from apps.integrations.http import certificate_refused
from apps.integrations.tls import client_context

from .answers import SYSTEM, error_from

CONNECT_SECONDS = 5.0
ERROR_BODY_LIMIT = 64 * 1024
# A silent stream looks the same as a dead one, so the kernel asks: after half a minute, and gives up after another.
_KEEP_ALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, option), seconds)
    for option, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, option)
]


def headers_of(connection: ClusterConnection) -> dict[str, str]:
    """Return the headers every request carries."""
    headers = {"Accept": "application/json", "User-Agent": "slipway"}
    return headers | ({"Authorization": f"Bearer {connection.token}"} if connection.token else {})


def context_of(connection: ClusterConnection) -> Any:
    """Return the TLS context for a connection."""
    return client_context(
        connection.ca_pem,
        certificate_pem=connection.client_certificate_pem,
        key_pem=connection.client_key_pem,
        insecure=connection.insecure,
    )


class Channel:
    """One asynchronous client of one cluster, for the length of a stream or a watcher's life."""

    def __init__(self, connection: ClusterConnection, *, read_seconds: float | None) -> None:
        self._redact = connection.redactor
        self._extensions = {"sni_hostname": connection.tls_server_name} if connection.tls_server_name else None
        self._client = httpx2.AsyncClient(
            base_url=connection.server.rstrip("/"),
            transport=httpx2.AsyncHTTPTransport(verify=context_of(connection), socket_options=_KEEP_ALIVE),
            headers=headers_of(connection),
            timeout=httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Channel:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.aclose()

    @contextlib.asynccontextmanager
    async def open(
        self, path: str, *, operation: str, query: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """Send a GET and give out its answer to be read; whatever goes wrong, then too, comes out as our error.

        Raises:
            IntegrationError: see `errors` and `answers`.
        """
        request = self._client.build_request(
            "GET", path, params=query, headers=dict(headers or {}), extensions=self._extensions
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code >= 300:
                    raise await self._refused(response, operation)
                yield response
            finally:
                await response.aclose()
        except httpx2.HTTPError as exc:
            raise self._failed(operation, exc) from exc

    async def _refused(self, response: httpx2.Response, operation: str) -> IntegrationError:
        if response.status_code < 400:
            return UnexpectedResponse(SYSTEM, operation, response.status_code, "the API server redirects")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > ERROR_BODY_LIMIT:
                break
        return error_from(
            operation,
            response.status_code,
            self._redact(body.decode(errors="replace")).encode(),
            request_id=response.headers.get("Audit-Id"),
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
        )

    def _failed(self, operation: str, exc: httpx2.HTTPError) -> IntegrationError:
        message = self._redact(f"{type(exc).__name__}: {exc}")
        kind = Untrusted if certificate_refused(exc) else Unavailable
        return kind(SYSTEM, operation, None, message)


async def lines_of(response: httpx2.Response, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield the lines of an answer as they come, without their ends; a line longer than `limit` comes in pieces."""
    rest = bytearray()
    # Left open, the inner generator would be closed by the collector at a bad moment.
    async with contextlib.aclosing(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            rest += chunk
            *whole, last = rest.split(b"\n")
            for line in whole:
                for start in range(0, max(len(line), 1), limit):
                    yield bytes(line[start : start + limit])
            while len(last) >= limit:
                yield bytes(last[:limit])
                last = last[limit:]
            rest = last
    if rest:
        yield bytes(rest)
