"""Errors as the API server words them: a `Status` object with code, reason, message, details and causes.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

CauseReason = Literal[
    "FieldValueInvalid", "FieldValueRequired", "FieldValueNotSupported", "FieldValueForbidden", "FieldValueDuplicate",
    "FieldValueNotFound", "FieldValueTooLong", "FieldValueTypeInvalid", "FieldManagerConflict", "DisruptionBudget",
    "NamespaceTerminating",
]  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """One reason of a refusal, tied to a field."""

    reason: str
    message: str
    field: str

    def as_dict(self) -> dict[str, str]:
        """Return the cause as it stands in `details.causes`."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


class ApiError(Exception):
    """An answer other than success. `reason` and `details` may be absent, as some real answers lack them."""

    def __init__(
        self,
        code: int,
        reason: str | None,
        message: str,
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers or {}
        self.metadata: dict[str, Any] = {}

    def body(self) -> dict[str, Any]:
        """Return the `Status` object of this error."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason is not None:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        return status | {"code": self.code}


class NotFound(ApiError):
    """There is no such object."""

    def __init__(self, resource: str, name: str) -> None:
        plural, details = _names(resource, name)
        super().__init__(404, "NotFound", f'{plural} "{name}" not found', details)


class AlreadyExists(ApiError):
    """An object of that name is there already (or still there, being deleted)."""

    def __init__(self, resource: str, name: str, *, deleting: bool = False) -> None:
        plural, details = _names(resource, name)
        if deleting:
            message = f'object is being deleted: {plural} "{name}" already exists'
        else:
            message = f'{plural} "{name}" already exists'
        super().__init__(409, "AlreadyExists", message, details)


class Conflict(ApiError):
    """The object is not in the version that the request was made for."""

    MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"

    def __init__(self, resource: str, name: str, why: str = MODIFIED) -> None:
        plural, details = _names(resource, name)
        super().__init__(409, "Conflict", f'Operation cannot be fulfilled on {plural} "{name}": {why}', details)


class Forbidden(ApiError):
    """Admission or authorization refuses."""

    def __init__(self, resource: str, name: str, why: str, causes: Iterable[Cause] = ()) -> None:
        plural, details = _names(resource, name)
        listed = [cause.as_dict() for cause in causes]
        if listed:
            details["causes"] = listed
        named = f'{plural} "{name}"' if name else plural
        super().__init__(403, "Forbidden", f"{named} is forbidden: {why}", details)


class Invalid(ApiError):
    """The object breaks rules of its kind; one cause a fault."""

    def __init__(self, group: str, kind: str, name: str, causes: Iterable[Cause]) -> None:
        listed = list(causes)
        details: dict[str, Any] = {"name": name, "group": group, "kind": kind}
        if not group:
            del details["group"]
        if not name:
            del details["name"]
        if not kind:
            del details["kind"]
        details["causes"] = [cause.as_dict() for cause in listed]
        faults = [f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in listed]
        text = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
        title = f"{kind}.{group}" if group else kind
        super().__init__(422, "Invalid", f'{title} "{name}" is invalid: {text}', details)


class Expired(ApiError):
    """A resourceVersion or continue token is older than what is kept."""

    def __init__(self, message: str) -> None:
        super().__init__(410, "Expired", message)


def bad_request(message: str) -> ApiError:
    """Return a 400."""
    return ApiError(400, "BadRequest", message)


def unknown_resource() -> ApiError:
    """Return the 404 for a version or resource that is not served."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> ApiError:
    """Return the 405."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def internal(message: str) -> ApiError:
    """Return a 500 with the reason InternalError."""
    causes = {"causes": [{"message": message}]}
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", causes)


def unprocessed(message: str) -> ApiError:
    """Return the bare 500 (no reason, no details) that the real server gives for bodies it cannot convert."""
    return ApiError(500, None, message)


def success(details: dict[str, Any]) -> dict[str, Any]:
    """Return the `Status` of a deletion that left nothing behind."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _names(resource: str, name: str) -> tuple[str, dict[str, Any]]:
    """Return the text and the details of `deployments.apps`; the details hold group and kind apart."""
    kind, _, group = resource.partition(".")
    details: dict[str, Any] = {"name": name, "group": group, "kind": kind}
    return resource, {key: value for key, value in details.items() if value}
