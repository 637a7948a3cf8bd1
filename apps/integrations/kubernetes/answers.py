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
    Missing,
    Rejected,
    Stale,
    Unauthorized,
    Unavailable,
    from_status,
)

SYSTEM = "kubernetes"

# Authorization names who and what; admission (quota, limits, a namespace that ends, webhooks) says something else.
_NO_RIGHT = re.compile(
    r'[Ff]orbidden: User ".*" cannot (?P<verb>\S+) (?:resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"|path)'
)
# A webhook or a policy chooses its own status code: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
_ADMISSION = re.compile(r'admission webhook "[^"]*" denied the request|ValidatingAdmissionPolicy \S+ .*denied request')
_NO_SUCH_KIND = re.compile(r"the server could not find the requested resource|404 page not found")
# A manifest that does not fit the schema is answered with 500 and no reason, whatever fieldValidation asks for.
_SCHEMA_FAULT = re.compile(
    r"^(failed to create typed patch object|failed to convert new object|failed to prune fields"
    r"|resourceVersion should not be set on objects to be created|.* has more than one PodDisruptionBudget)"
)
_TYPED_FIELD = re.compile(r"\): (?P<field>\.[^:]+): (?P<reason>.*)$", re.DOTALL)
_MANAGER = re.compile(r'conflict with "(?P<manager>[^"]*)"(?: with subresource "(?P<subresource>[^"]*)")?')
_WARNING = re.compile(r'\b299 \S+ "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Conflict:
    """A field that another field manager owns, through a subresource such as `scale` where it says so."""

    manager: str
    field: str
    subresource: str = ""


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


class CredentialsRefused(Unauthorized):
    """The cluster does not know the credentials (any more). Renewing them makes the same request work: it is retried."""

    code_name = "credentials_refused"
    retryable = True


class MissingRight(Unauthorized):
    """The credentials are good, but may not do this: `verb` on `resource`, as a Role would write it."""

    code_name = "missing_right"

    def __init__(
        self,
        system: str,
        operation: str,
        status: int | None = None,
        message: str = "",
        request_id: str | None = None,
        verb: str = "",
        resource: str = "",
    ) -> None:
        super().__init__(system, operation, status, message, request_id)
        self.verb, self.resource = verb, resource
        self.params |= {"verb": verb, "resource": resource}


class NamespaceMissing(Missing):
    """The namespace itself is not there, so nothing can be made in it."""

    code_name = "namespace_missing"


class NamespaceEnding(Rejected):
    """The namespace is being deleted and takes nothing new."""

    code_name = "namespace_ending"


class KindNotServed(Missing):
    """The cluster does not serve that kind in that version: too old, too new, or without its definition."""

    code_name = "kind_not_served"


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
    if status < 500 and _ADMISSION.search(message):
        return Rejected(*common, _fields(causes))
    if status == 401:
        return CredentialsRefused(*common)
    if status == 409:
        return _conflict(common, reason, causes)
    if status == 403:
        return _forbidden(common, reason, causes)
    if status == 404 and said.get("kind") == "Status" and (details or {}).get("kind") == "namespaces":
        return NamespaceMissing(*common)
    if status == 404 and _NO_SUCH_KIND.match(message):
        return KindNotServed(*common)
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


def warnings_of(header: str) -> tuple[str, ...]:
    """Return the texts of Warning headers, several joined by commas: `299 - "text"` (RFC 7234, section 5.5).

    https://kubernetes.io/docs/reference/using-api/deprecation-guide/ and Pod Security's `warn` speak this way.
    """
    return tuple(re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(header))


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
            manager, subresource = (named["manager"], named["subresource"] or "") if named else ("", "")
            conflicts.append(Conflict(manager, str(cause.get("field", "")), subresource))
        return ApplyConflict(*common, tuple(conflicts))
    return AlreadyExists(*common) if reason == "AlreadyExists" else Stale(*common)


def _forbidden(
    common: tuple[str, str, int, str, str | None], reason: str, causes: list[dict[str, Any]]
) -> IntegrationError:
    """Tell a missing right from what admission refuses: both are 403."""
    if named := _NO_RIGHT.search(common[3]):
        resource = ".".join(part for part in (named["resource"], named["group"]) if part)
        return MissingRight(*common, named["verb"], resource)
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return NamespaceEnding(*common, _fields(causes))
    return Rejected(*common, _fields(causes)) if reason else Unauthorized(*common)


def _fields(causes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    fields = [(str(cause.get("field", "")), str(cause.get("message", ""))) for cause in causes]
    return list(dict.fromkeys(fields))  # the server lists some twice


def _typed_field(message: str) -> list[tuple[str, str]]:
    named = _TYPED_FIELD.search(message)
    return [(named["field"].lstrip("."), named["reason"])] if named else []
