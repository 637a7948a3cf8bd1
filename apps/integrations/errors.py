"""What can go wrong with another system, sorted by what the caller does about it.

| error | when | what to do |
|---|---|---|
| Unavailable | no connection, 5xx, 429; a time-out of something that may be repeated | try again later |
| OutcomeUnknown | a time-out or a cut connection after a write that must not be repeated was sent | read back first |
| Untrusted | the certificate does not verify | somebody mends the CA of the connection |
| Unauthorized | 401, 403 | somebody mends the credentials or the rights |
| Missing | 404 | often an answer, not a fault |
| AlreadyExists, Stale | 409, 412, 410 | read again |
| Rejected | 400, 422 and refusals by policy or quota | the request is wrong; `details` says where |
| UnexpectedResponse | an answer that is not what the protocol says | look at what stands behind the address |

`message` is the system's own text: shortened, and free of secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.core.errors import PlatformError

from .redaction import shorten

BAD_GATEWAY, GATEWAY_TIMEOUT = 502, 504


class IntegrationError(PlatformError):
    """Base of all: which system, doing what, and what it answered."""

    code_name: ClassVar[str] = "failed"

    def __init__(
        self, system: str, operation: str, status: int | None = None, message: str = "", request_id: str | None = None
    ) -> None:
        self.system = system
        self.operation = operation
        self.status = status
        self.message = shorten(message)
        self.request_id = request_id
        super().__init__(
            f"integration.{self.code_name}", system=system, operation=operation, status=status, message=self.message
        )

    def __str__(self) -> str:
        status = f" [{self.status}]" if self.status else ""
        return f"{self.system}: {self.operation}: {self.code_name}{status}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        arguments = (self.system, self.operation, self.status, self.message, self.request_id)
        return type(self), arguments, self.__dict__


class Unavailable(IntegrationError):
    """The system cannot be reached or cannot serve now; `retry_after` are the seconds it asked for."""

    code_name = "unavailable"
    retryable = True
    http_status = 503

    def __init__(
        self,
        system: str,
        operation: str,
        status: int | None = None,
        message: str = "",
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(system, operation, status, message, request_id)
        self.retry_after = retry_after


class OutcomeUnknown(IntegrationError):
    """A write that must not be repeated was sent and no answer came: it may have happened."""

    code_name = "outcome_unknown"
    http_status = 502


class Untrusted(IntegrationError):
    """The server's certificate does not verify with the connection's CA."""

    code_name = "untrusted"
    http_status = 502


class Unauthorized(IntegrationError):
    """The credentials are wrong, have expired or may not do this."""

    code_name = "unauthorized"
    http_status = 502


class Missing(IntegrationError):
    """The thing asked for does not exist."""

    code_name = "missing"
    http_status = 502


class AlreadyExists(IntegrationError):
    """A thing of that name is there already."""

    code_name = "already_exists"
    http_status = 502


class Stale(IntegrationError):
    """The thing changed since it was read, or what was to be continued has expired."""

    code_name = "stale"
    http_status = 502


class Rejected(IntegrationError):
    """The system understood the request and refuses it; `details` are (field, reason) pairs where it names fields."""

    code_name = "rejected"
    http_status = 502

    def __init__(
        self,
        system: str,
        operation: str,
        status: int | None = None,
        message: str = "",
        request_id: str | None = None,
        details: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(system, operation, status, message, request_id)
        self.details = [(field, shorten(reason)) for field, reason in details]


class UnexpectedResponse(IntegrationError):
    """The answer is not what the protocol says: no JSON, too big, cut, or from elsewhere."""

    code_name = "unexpected_response"
    http_status = 502


_BY_STATUS: dict[int, type[IntegrationError]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: Missing,
    409: AlreadyExists,
    410: Stale,
    412: Stale,
}


def from_status(
    system: str,
    operation: str,
    status: int,
    message: str,
    *,
    request_id: str | None = None,
    retry_after: float | None = None,
    once: bool = False,
) -> IntegrationError:
    """Return the error for an HTTP status of 400 or more; `once` marks a write that must not be repeated.

    A gateway's 502 or 504 says nothing about what the server behind it did.
    """
    if once and status in (BAD_GATEWAY, GATEWAY_TIMEOUT):
        return OutcomeUnknown(system, operation, status, message, request_id)
    if status == 429 or status >= 500:
        return Unavailable(system, operation, status, message, request_id, retry_after)
    if status in _BY_STATUS:
        return _BY_STATUS[status](system, operation, status, message, request_id)
    return Rejected(system, operation, status, message, request_id)
