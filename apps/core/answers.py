"""The body of an error answer, the same for API, JSON and page: code, words, details, reference."""

from __future__ import annotations

from typing import Any

from . import messages
from .context import current_request_id
from .errors import Blocked, InvalidInput, SlipwayError


def error_body(code: str, *, params: dict[str, Any] | None = None, details: Any = None) -> dict[str, Any]:
    """Return the body of an error answer."""
    worded = messages.word(code, params or {})
    return {
        "error": {
            "code": code,
            "message": worded.message,
            "hint": worded.hint,
            "details": details or {},
            "request_id": current_request_id(),
        }
    }


def details_of(exc: SlipwayError) -> dict[str, Any]:
    """Return what an error says beyond its sentence: problems by field, blockers."""
    if isinstance(exc, InvalidInput) and exc.fields:
        return {"fields": exc.fields}
    if isinstance(exc, Blocked):
        return {
            "blockers": [
                {"code": code, "message": messages.word(code, params).message, "hint": messages.word(code, params).hint}
                for code, params in exc.blockers
            ]
        }
    return {}
