"""Turn what an API server refuses into errors by what to do about it.

The body of an error is a Status object (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/),
but the code alone misleads: 403 is said for missing rights and for quotas, 500 for plain faults in a manifest, 409 for
three different things, 429 for a disruption budget. `tests/recordings` has a real server's words for each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from apps.integrations.errors import (
    AlreadyExists,
    IntegrationError,
    Rejected,
    Stale,
    Unauthorized,
    Unavailable,
    from_status,
)

SYSTEM = "kubernetes"

# Authorization names who and what; admission (quota, limits, a namespace that ends, webhooks) says something else.
_NO_RIGHT = re.compile(r'[Ff]orbidden: User ".*" cannot ')
# A manifest that does not fit the schema is answered with 500 and no reason, whatever fieldValidation asks for.
_SCHEMA_FAULT = re.compile(
    r"^(failed to create typed patch object|failed to convert new object|failed to prune fields"
    r"|resourceVersion should not be set on objects to be created|.* has more than one PodDisruptionBudget)"
)
_TYPED_FIELD = re.compile(r"\): (?P<field>\.[^:]+): (?P<reason>.*)$", re.DOTALL)
_MANAGER = re.compile(r'conflict with "(?P<manager>[^"]*)"')


@dataclass(frozen=True)
class Conflict:
    """A field that another field manager owns."""

    manager: str
    field: str


class ApplyConflict(IntegrationError):
    """Others own fields of the manifest with other values; nothing was changed. Taking them over is a decision."""

    code_name = "apply_conflict"
    http_status = 409

    def __init__(
        self,
        system: str,
        operation: str,
        status: int | None = None,
        message: str = "",
        request_id: str | None = None,
        conflicts: tuple[Conflict, ...] = (),
    ) -> None:
        super().__init__(system, operation, status, message, request_id)
        self.conflicts = conflicts
        self.params["conflicts"] = [(conflict.manager, conflict.field) for conflict in conflicts]


class DisruptionRefused(Rejected):
    """A PodDisruptionBudget keeps the pod for now."""

    code_name = "disruption_refused"


def error_from(
    operation: str,
    status: int,
    body: bytes,
    *,
    request_id: str | None = None,
    retry_after: float | None = None,
    once: bool = False,
) -> IntegrationError:
    """Return the error that an answer of 400 or more stands for."""
    said = _parse(body)
    message = str(said.get("message") or body.decode(errors="replace"))
    reason = said.get("reason") or ""
    details = said.get("details") if isinstance(said.get("details"), dict) else {}
    causes = [cause for cause in (details or {}).get("causes") or [] if isinstance(cause, dict)]
    common = (SYSTEM, operation, status, message, request_id)
    if status == 409:
        return _conflict(common, reason, causes)
    if status == 403:
        return Unauthorized(*common) if _NO_RIGHT.search(message) or not reason else Rejected(*common, _fields(causes))
    if status == 429 and any(cause.get("reason") == "DisruptionBudget" for cause in causes):
        budget = [("", str(cause.get("message", ""))) for cause in causes]
        return DisruptionRefused(*common, budget)
    if status == 500 and _SCHEMA_FAULT.match(message):
        return Rejected(*common, _typed_field(message))
    if reason == "Expired" or status == 410:
        return Stale(*common)
    generic = from_status(*common[:4], request_id=request_id, retry_after=retry_after, once=once)
    if isinstance(generic, Unavailable) and retry_after is None:
        generic.retry_after = (details or {}).get("retryAfterSeconds")
    return Rejected(*common, _fields(causes)) if isinstance(generic, Rejected) else generic


def _parse(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}  # a proxy in between, or one of the few plain-text answers
    return said if isinstance(said, dict) and said.get("kind") == "Status" else {}


def _conflict(
    common: tuple[str, str, int, str, str | None], reason: str, causes: list[dict[str, Any]]
) -> IntegrationError:
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        conflicts = []
        for cause in owned:
            named = _MANAGER.search(str(cause.get("message", "")))
            conflicts.append(Conflict(named["manager"] if named else "", str(cause.get("field", ""))))
        return ApplyConflict(*common, tuple(conflicts))
    return AlreadyExists(*common) if reason == "AlreadyExists" else Stale(*common)


def _fields(causes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    fields = [(str(cause.get("field", "")), str(cause.get("message", ""))) for cause in causes]
    return list(dict.fromkeys(fields))  # the server lists some twice


def _typed_field(message: str) -> list[tuple[str, str]]:
    named = _TYPED_FIELD.search(message)
    return [(named["field"].lstrip("."), named["reason"])] if named else []
