"""Pages for errors that Django itself raises."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.core import messages
from apps.core.context import current_request_id


def _page(request: HttpRequest, status: int, code: str) -> HttpResponse:
    context = {
        "worded": messages.word(code),
        "code": code,
        "request_id": current_request_id(),
        "http_status": status,
        "details": {},
    }
    return render(request, f"errors/{status}.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer 400."""
    return _page(request, 400, "input.invalid")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer 403."""
    return _page(request, 403, "auth.forbidden")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer 404."""
    return _page(request, 404, "object.missing")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500."""
    return _page(request, 500, "platform.crashed")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer 403 to a form that was left open over a new sign-in."""
    return _page(request, 403, "auth.csrf")
