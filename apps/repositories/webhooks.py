"""Where GitLab tells us of pushes. A hint: what is built is what GitLab says when it is asked."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.core.answers import error_body
from apps.core.errors import NotFound

from . import services

LARGEST = 2 * 1024 * 1024


@csrf_exempt
@require_POST
def gitlab(request: HttpRequest, uid: str) -> HttpResponse:
    """Take a push in.

    https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
    """
    if int(request.headers.get("Content-Length") or 0) > LARGEST:
        return HttpResponse(status=413)
    try:
        payload = json.loads(request.body)
    except ValueError:
        return JsonResponse(error_body("input.invalid"), status=400)
    if not isinstance(payload, dict):
        return JsonResponse(error_body("input.invalid"), status=400)
    try:
        services.receive_push(
            uid=uid,
            token=request.headers.get("X-Gitlab-Token", ""),
            delivery_id=request.headers.get("X-Gitlab-Event-UUID", "")[:100],
            payload=payload,
        )
    except NotFound as exc:
        return JsonResponse(error_body(exc.code), status=404)
    return HttpResponse(status=202)
