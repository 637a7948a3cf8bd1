"""One error shape for the whole API: `{"error": {"code", "message", "hint", "details", "request_id"}}`."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from .answers import details_of, error_body
from .errors import PlatformError, SlipwayError

log = structlog.get_logger(__name__)

_CODES = {
    400: "input.invalid",
    401: "auth.required",
    403: "auth.forbidden",
    404: "object.missing",
    405: "request.method",
    406: "request.not_acceptable",
    415: "request.media_type",
    429: "request.throttled",
}


def exception_handler(exc: Exception, _context: dict[str, Any]) -> Response | None:
    """Map every exception of the API to the one shape (DRF's EXCEPTION_HANDLER)."""
    # No set_rollback() as in DRF's own handler: requests are not atomic here, each service opens its own transaction.
    if isinstance(exc, SlipwayError):
        if isinstance(exc, PlatformError):
            log.error("api.platform_error", error=str(exc), exc_info=exc)
        return Response(error_body(exc.code, params=exc.params, details=details_of(exc)), status=exc.http_status)
    if isinstance(exc, Http404):
        return Response(error_body("object.missing"), status=status.HTTP_404_NOT_FOUND)
    if isinstance(exc, PermissionDenied):
        return Response(error_body("auth.forbidden"), status=status.HTTP_403_FORBIDDEN)
    if isinstance(exc, exceptions.APIException):
        code = _CODES.get(exc.status_code, "request.refused")
        details: Any = {}
        if isinstance(exc, exceptions.ValidationError):
            details = {"fields": exc.detail if isinstance(exc.detail, dict) else {"non_field_errors": exc.detail}}
        response = Response(
            error_body(code, params={"reason": str(exc.detail)}, details=details), status=exc.status_code
        )
        if (header := getattr(exc, "auth_header", None)) is not None:
            response["WWW-Authenticate"] = header
        if (wait := getattr(exc, "wait", None)) is not None:
            response["Retry-After"] = str(int(wait))
        return response
    log.error("api.crashed", exc_info=exc)
    return Response(error_body("platform.crashed"), status=status.HTTP_500_INTERNAL_SERVER_ERROR)
