"""Where Jenkins tells how a build goes. A hint: it only wakes the build."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.core.answers import error_body
from apps.core.errors import NotFound

from . import services

LARGEST = 64 * 1024


@csrf_exempt
@require_POST
def jenkins(request: HttpRequest, uid: str) -> HttpResponse:
    """Take a callback of the shared library in (its README has the contract)."""
    if int(request.headers.get("Content-Length") or 0) > LARGEST:
        return HttpResponse(status=413)
    try:
        delivery_id = str(json.loads(request.body).get("delivery_id", ""))
    except (ValueError, AttributeError):
        return JsonResponse(error_body("input.invalid"), status=400)
    try:
        services.receive_callback(
            uid=str(uid),
            signature=request.headers.get("X-Slipway-Signature", ""),
            body=request.body,
            delivery_id=delivery_id,
        )
    except NotFound as exc:
        return JsonResponse(error_body(exc.code), status=404)
    return HttpResponse(status=202)
