"""Read the parameters of a request, which GitLab takes as JSON, as a form or from the query alike."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from deploy.sandbox.gitlab.errors import ApiError, missing


async def parameters(request: web.Request, *required: str) -> dict[str, Any]:
    """Return the parameters of a write.

    Raises:
        ApiError: the body is no JSON object, or a required parameter is not there.
    """
    found: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError as exc:
            raise ApiError(400, {"error": "The provided JSON is invalid"}) from exc
        if not isinstance(body, dict):
            raise ApiError(400, {"error": "The provided JSON is no object"})
        found |= body
    elif request.can_read_body:
        for name, value in (await request.post()).items():
            if name.endswith("[]"):
                found.setdefault(name[:-2], []).append(value)
            else:
                found[name] = value
    for name in required:
        if found.get(name) in (None, ""):
            raise missing(name)
    return found


def flag(value: Any) -> bool:
    """Return a boolean parameter however it was sent."""
    return value in (True, "true", "True", "1", 1)
