"""Every refusal that a real server was recorded with becomes the right error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.integrations.errors import (
    AlreadyExists,
    IntegrationError,
    Missing,
    OutcomeUnknown,
    Rejected,
    Stale,
    Unauthorized,
    Unavailable,
)
from apps.integrations.kubernetes.answers import (
    ApplyConflict,
    Conflict,
    CredentialsRefused,
    DisruptionRefused,
    KindNotServed,
    MissingRight,
    NamespaceEnding,
    NamespaceMissing,
    error_from,
    warnings_of,
)

from .recordings import exchanges

SCENARIOS = (
    "02-namespaces",
    "03-server-side-apply",
    "04-rollout",
    "10-access",
    "11-quota-and-limits",
    "13-eviction-and-deletion",
)


def refusals() -> list[Any]:
    return [
        pytest.param(scenario, number, id=f"{scenario}-{number}")
        for scenario in SCENARIOS
        for number, exchange in exchanges(scenario).items()
        if exchange["response"]["status"] >= 400
    ]


def error_of(scenario: str, number: int) -> IntegrationError:
    response = exchanges(scenario)[number]["response"]
    content = response.get("bodyText") or json.dumps(response.get("body"))
    return error_from("try", response["status"], content.encode())


def wanted(status: int, said: dict[str, Any]) -> set[type[IntegrationError]]:
    """Return what is right for a status, by the rules in words that `answers` gives."""
    message = said.get("message", "")
    if status == 409:
        causes = (said.get("details") or {}).get("causes") or []
        return {ApplyConflict} if causes else {AlreadyExists} if said.get("reason") == "AlreadyExists" else {Stale}
    if status == 403 and "cannot" in message and "User" in message:
        return {MissingRight}
    if status == 403:
        return {NamespaceEnding} if "is being terminated" in message else {Rejected}
    if status == 404 and message.startswith("namespaces "):
        return {NamespaceMissing}
    if status == 500:  # of the recorded ones, all are faults of the request
        return {Rejected}
    return {
        400: {Rejected},
        401: {CredentialsRefused},
        404: {KindNotServed if "could not find" in message else Missing},
        405: {Rejected},
        413: {Rejected},
        415: {Rejected},
        422: {Rejected},
        429: {DisruptionRefused},
    }[status]


@pytest.mark.parametrize(("scenario", "number"), refusals())
def test_a_recorded_refusal_is_sorted_by_what_to_do(scenario: str, number: int) -> None:
    response = exchanges(scenario)[number]["response"]
    error = error_of(scenario, number)
    said = response.get("body") or {}
    assert type(error) in wanted(response["status"], said)
    assert error.retryable is (response["status"] == 401), (
        "what is refused is not sent again, but for other credentials"
    )
    assert error.message == said.get("message", error.message)


def test_a_conflict_names_managers_and_fields() -> None:
    error = error_of("03-server-side-apply", 7)
    assert isinstance(error, ApplyConflict)
    image = '.spec.template.spec.containers[name="web"].image'
    assert error.conflicts == (Conflict("slipway", ".spec.replicas"), Conflict("slipway", image))
    scaled = error_of("03-server-side-apply", 16)
    assert isinstance(scaled, ApplyConflict)
    assert scaled.conflicts == (Conflict("autoscaler", ".spec.replicas", "scale"),)
    assert scaled.params["conflicts"] == [("autoscaler", ".spec.replicas")]


def test_a_rejected_manifest_names_its_fields() -> None:
    many = error_of("03-server-side-apply", 40)
    assert isinstance(many, Rejected)
    fields = [field for field, _ in many.details]
    assert "spec.replicas" in fields
    assert "spec.template.spec.containers[0].image" in fields
    unknown = error_of("03-server-side-apply", 25)
    assert isinstance(unknown, Rejected)
    assert unknown.details == [("spec.replicaz", "field not declared in schema")]
    twice = error_of("03-server-side-apply", 63)
    assert isinstance(twice, Rejected)
    assert len(twice.details) == 1


@pytest.mark.parametrize(
    ("status", "body", "once", "error"),
    [
        (500, {"kind": "Status", "reason": "InternalError", "message": "failed calling webhook"}, False, Unavailable),
        (500, {"kind": "Status", "message": "etcdserver: request timed out"}, False, Unavailable),
        (503, b"upstream connect error", False, Unavailable),
        (429, {"kind": "Status", "reason": "TooManyRequests", "message": "slow down"}, False, Unavailable),
        (410, {"kind": "Status", "reason": "Expired", "message": "too old"}, False, Stale),
        (504, b"", True, OutcomeUnknown),
        (404, b"404 page not found", False, KindNotServed),
        (403, {"kind": "Status", "message": 'admission webhook "p.example" denied the request: no'}, False, Rejected),
        (
            401,
            {
                "kind": "Status",
                "message": "x is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            },
            False,
            Rejected,
        ),
        (500, {"kind": "Status", "message": 'failed calling webhook "p.example": no route'}, False, Unavailable),
        (403, b"", False, Unauthorized),
        (400, b"[1]", False, Rejected),
    ],
)
def test_what_was_not_recorded(status: int, body: Any, once: bool, error: type[IntegrationError]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert type(error_from("try", status, content, once=once)) is error


def test_the_wait_may_be_told_in_the_body() -> None:
    body = {"kind": "Status", "message": "m", "details": {"retryAfterSeconds": 5}}
    error = error_from("try", 504, json.dumps(body).encode())
    assert isinstance(error, Unavailable)
    assert error.retry_after == 5


def test_a_missing_right_is_named_as_a_role_would_write_it() -> None:
    error = error_of("10-access", 15)
    assert isinstance(error, MissingRight)
    assert (error.verb, error.resource) == ("patch", "deployments.apps")
    assert error.params["resource"] == "deployments.apps"
    core = error_of("10-access", 36)
    assert isinstance(core, MissingRight)
    assert (core.verb, core.resource) == ("create", "configmaps")
    path = error_of("10-access", 19)
    assert isinstance(path, MissingRight)
    assert (path.verb, path.resource) == ("get", "")


def test_warnings_are_texts() -> None:
    recorded = exchanges("03-server-side-apply")
    assert warnings_of(recorded[28]["response"]["headers"]["Warning"]) == ('line 5: key "name" already set in map',)
    assert warnings_of(recorded[37]["response"]["headers"]["Warning"]) == (
        'duplicate field "data.a"',
        'duplicate field "data"',
    )
    assert warnings_of("") == ()
