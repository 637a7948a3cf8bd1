"""The request that is being worked on, for logs, audit rows and error references."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

from django.conf import settings
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
    """Return the caller's address; X-Forwarded-For counts only as far as SLIPWAY_TRUSTED_PROXIES says."""
    remote = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= settings.TRUSTED_PROXIES:
            return str(hops[-settings.TRUSTED_PROXIES])
    return remote
