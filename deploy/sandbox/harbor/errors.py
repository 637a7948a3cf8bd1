"""The one error shape that Harbor and the OCI distribution API share: `{"errors": [{"code", "message"}]}`.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# The spec fixes the codes, the reference implementation (distribution/distribution) the statuses.
STATUS_OF = {
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 400,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "DIGEST_INVALID": 400,
    "MANIFEST_BLOB_UNKNOWN": 400,
    "MANIFEST_INVALID": 400,
    "MANIFEST_UNKNOWN": 404,
    "NAME_INVALID": 400,
    "NAME_UNKNOWN": 404,
    "PAGINATION_NUMBER_INVALID": 400,
    "RANGE_INVALID": 416,
    "SIZE_INVALID": 400,
    "TAG_INVALID": 400,
    "UNSUPPORTED": 405,
    "BAD_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONFLICT": 409,
    "PRECONDITION": 412,
}
CODE_OF = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "SIZE_INVALID",
}


class HarborError(Exception):
    """An answer that is an error; `code` decides the HTTP status."""

    def __init__(self, code: str, message: str, *, detail: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = headers or {}

    def response(self) -> web.Response:
        """Return this error as Harbor words it."""
        error = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        return web.json_response({"errors": [error]}, status=STATUS_OF[self.code], headers=self.headers)


@web.middleware
async def render_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every refusal, ours and aiohttp's (no such route, wrong method), into the shared shape."""
    try:
        return await handler(request)
    except HarborError as exc:
        return exc.response()
    except sqlite3.IntegrityError as exc:  # two requests created the same thing at once
        return HarborError("CONFLICT", f"resource already exists: {exc}").response()
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        body = {"errors": [{"code": CODE_OF.get(exc.status, "UNKNOWN"), "message": exc.reason}]}
        return web.json_response(body, status=exc.status)
