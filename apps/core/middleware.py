"""Request ids, the content security policy, and error pages: the web's map of errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string

from . import messages
from .answers import details_of, error_body
from .context import begin_request, current_request_id
from .errors import PlatformError, SlipwayError

log = structlog.get_logger(__name__)

# Styles may be inline because CodeMirror and the terminal set them; scripts never are.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
)

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class DualMiddleware:
    """A middleware that serves WSGI and ASGI alike, so that streams stay asynchronous all the way."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Pass the request on, between `before` and `after`; return the response, or a coroutine of it."""
        if iscoroutinefunction(self):
            return self._acall(request)
        self.before(request)
        response = self.get_response(request)
        self.after(request, response)  # type: ignore[arg-type]
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        self.before(request)
        response: HttpResponseBase = await self.get_response(request)  # type: ignore[misc]
        self.after(request, response)
        return response

    def before(self, request: HttpRequest) -> None:
        """Act before the view."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Act on the response."""


class RequestContextMiddleware(DualMiddleware):
    """Gives each request an id (the caller's where it sent one) and binds it to the logs."""

    def before(self, request: HttpRequest) -> None:
        """Bind the id."""
        request_id = begin_request(request.headers.get("X-Request-ID"))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, path=request.path)

    def after(self, request: HttpRequest, response: HttpResponseBase) -> None:  # noqa: ARG002
        """Tell the caller the id."""
        response.headers["X-Request-ID"] = current_request_id()


class ContentSecurityPolicyMiddleware(DualMiddleware):
    """Sets the policy on every answer that has none."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Set the header; the API's documentation page brings inline scripts of its own and is exempt from script-src."""
        policy = POLICY
        if request.path.startswith("/api/docs"):
            policy = POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")
        response.headers.setdefault("Content-Security-Policy", policy)


class ErrorPageMiddleware(DualMiddleware):
    """Shows a SlipwayError that left a view as a page (or JSON to who asked for JSON), with code, words, hint, reference."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page for a SlipwayError; leave every other exception to Django."""
        if not isinstance(exception, SlipwayError):
            return None
        if isinstance(exception, PlatformError):
            log.error("web.platform_error", error=str(exception), exc_info=exception)
        if request.headers.get("Accept", "").startswith("application/json"):
            body = error_body(exception.code, params=exception.params, details=details_of(exception))
            return JsonResponse(body, status=exception.http_status)
        context = {
            "worded": messages.word(exception.code, exception.params),
            "details": details_of(exception),
            "code": exception.code,
            "request_id": current_request_id(),
            "http_status": exception.http_status,
        }
        known = exception.http_status if exception.http_status in (400, 403, 404, 409) else 500
        return render(request, f"errors/{known}.html", context, status=exception.http_status)

    def after(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Give a refused method a page: who signs in again after pressing a button is sent to where only forms go."""
        if not isinstance(response, HttpResponseNotAllowed) or response.content:
            return
        context = {
            "worded": messages.word("request.form_only"),
            "details": {},
            "code": "request.form_only",
            "request_id": current_request_id(),
            "http_status": response.status_code,
        }
        response.content = render_to_string("errors/405.html", context, request)
