"""JSON over the transport: what every part of the client is made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec

from apps.integrations.calls import Effect, Timeout
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, UnexpectedResponse

from .answers import SYSTEM
from .entities import Object
from .transport import RawAnswer, Transport

T = TypeVar("T")


class Wire:
    """Requests to one cluster with one connection's rights; errors name the cluster."""

    def __init__(self, connection: ClusterConnection, *, timeout: Timeout | None = None) -> None:
        self.cluster = connection.name
        self._transport = Transport(connection, timeout or Timeout())

    def close(self) -> None:
        """Close the connections to the cluster."""
        self._transport.close()

    @property
    def now(self) -> datetime:
        """Return the time by the server's clock, which the times of its objects are by."""
        return self._transport.now

    def _json(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        effect: Effect | None = None,
        query: Mapping[str, Any] | None = None,
        body: Object | list[Object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Object:
        content = None if body is None else msgspec.json.encode(body)
        typed = {"Content-Type": "application/json", **(headers or {})} if content is not None else headers
        answer = self._send(
            method,
            path,
            operation=operation,
            effect=effect or Effect.of(method),
            query=query,
            body=content,
            headers=typed,
        )
        return cast("Object", decode(answer, operation, dict))

    def _send(
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
        try:
            return self._transport.request(
                method, path, operation=operation, effect=effect, query=query, body=body, headers=headers
            )
        except IntegrationError as exc:
            exc.params["cluster"] = self.cluster
            raise


def decode(answer: RawAnswer, operation: str, into: type[T]) -> T:
    """Return the answer's JSON as `into`.

    Raises:
        UnexpectedResponse: it is no JSON, or not of that shape.
    """
    try:
        return msgspec.json.decode(answer.body, type=into)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as exc:
        start = answer.body[:80].decode(errors="replace")
        raise UnexpectedResponse(SYSTEM, operation, answer.status, f"not the JSON expected: {start!r}") from exc
