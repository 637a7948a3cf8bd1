"""Answers other than success, in GitLab's shapes.

https://docs.gitlab.com/api/rest/troubleshooting/
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web


class ApiError(Exception):
    """An answer with a JSON body that a handler gives by raising."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}

    def response(self) -> web.Response:
        """Return the answer."""
        return web.Response(
            status=self.status, text=json.dumps(self.body), headers=self.headers, content_type="application/json"
        )


def unauthorized() -> ApiError:
    """No token, or one that nobody has."""
    return ApiError(401, {"message": "401 Unauthorized"})


def invalid_token(reason: str) -> ApiError:
    """Build the answer to a token that was good once: expired or revoked."""
    return ApiError(401, {"error": "invalid_token", "error_description": reason})


def insufficient_scope(scopes: str) -> ApiError:
    """Build the answer to a good token without the scope that the request needs."""
    text = "The request requires higher privileges than provided by the access token."
    return ApiError(403, {"error": "insufficient_scope", "error_description": text, "scope": scopes})


def forbidden() -> ApiError:
    """Build the answer to a person who sees the thing but lacks the access level."""
    return ApiError(403, {"message": "403 Forbidden"})


def not_found(what: str = "") -> ApiError:
    """Build the answer for what does not exist or may not be seen; GitLab does not tell the two apart."""
    return ApiError(404, {"message": f"404 {what} Not Found" if what else "404 Not found"})


def bad_request(message: Any) -> ApiError:
    """Build the answer to a request that cannot be done as it was asked."""
    return ApiError(400, {"message": message})


def missing(parameter: str) -> ApiError:
    """Build the answer to a request without a required parameter (Grape's words)."""
    return ApiError(400, {"error": f"{parameter} is missing"})
