"""The request that is being worked on, for logs, audit rows and error references."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

from django.http import HttpRequest

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def current_request_id() -> str:
    """Return the id of the present request or task, or an empty string."""
    return _request_id.get()


def begin_request(given: str | None = None) -> str:
    """Adopt a caller's request id where it is well formed, else make one; return it."""
    request_id = given if given and _ACCEPTED.fullmatch(given) else secrets.token_hex(8)
    _request_id.set(request_id)
    return request_id


def client_address(request: HttpRequest) -> str:
    """Return the caller's address, which `TrustedProxyMiddleware` has seen to."""
    return str(request.META.get("REMOTE_ADDR", ""))
