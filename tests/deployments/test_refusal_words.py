"""Each refusal of a cluster becomes a code with what its sentence needs: which object, which cluster, which fields. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.applications.models import Target
from apps.clusters.models import Cluster
from apps.core import messages
from apps.deployments import refusals
from apps.integrations.errors import IntegrationError
from apps.integrations.kubernetes.answers import error_from
from apps.integrations.redaction import Redactor
from tests.integrations.kubernetes.recordings import exchanges

MANIFEST = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
TARGET = Target(namespace="shop", cluster=Cluster(name="Old", version="1.21"))


def told(error: IntegrationError) -> tuple[str, dict[str, Any], str]:
    code, params = refusals.of(error, MANIFEST, TARGET, Redactor(["hunter22"]))
    assert code in messages.known_codes()
    return code, params, messages.word(code, params).message


def recorded(scenario: str, number: int) -> IntegrationError:
    response = exchanges(scenario)[number]["response"]
    body = response.get("bodyText") or json.dumps(response["body"])
    return error_from("apply", response["status"], body.encode())


@pytest.mark.parametrize(
    ("scenario", "number", "code", "words"),
    [
        ("02-namespaces", 12, "apply.namespace_missing", "The namespace shop is gone"),
        ("02-namespaces", 20, "apply.namespace_ending", "The namespace shop is being deleted"),
        (
            "03-server-side-apply",
            93,
            "apply.kind_not_served",
            "Cluster Old (version 1.21) does not know autoscaling/v2",
        ),
        ("03-server-side-apply", 25, "apply.rejected", "replicaz: field not declared in schema"),
        (
            "03-server-side-apply",
            45,
            "apply.immutable",
            "does not let spec.selector of HorizontalPodAutoscaler/web change",
        ),
    ],
)
def test_a_recorded_refusal_in_words(scenario: str, number: int, code: str, words: str) -> None:
    found, params, sentence = told(recorded(scenario, number))
    assert found == code
    assert params["object"] == "HorizontalPodAutoscaler/web"
    assert words in sentence


def test_fields_are_named_where_the_server_names_them() -> None:
    _, params, _ = told(recorded("03-server-side-apply", 40))
    assert "spec.replicas" in params["fields"]
    _, params, _ = told(recorded("03-server-side-apply", 25))
    assert params["fields"] == ["spec.replicaz"]


def test_a_secret_that_a_server_quotes_is_masked() -> None:
    error = error_from("apply", 422, b'{"kind":"Status","message":"Secret is invalid: data: \\"hunter22\\" is wrong"}')
    _, params, sentence = told(error)
    assert "hunter22" not in str(params) + sentence


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3, "3"),
        ("text", "text"),
        ({"b": [1]}, '{"b":[1]}'),
        (None, "null"),
        ("x" * 300, "x" * (refusals.VALUE_SHOWN - 1) + "…"),
        (refusals.ABSENT, ""),
    ],
)
def test_values_are_short_texts(value: Any, shown: str) -> None:
    assert refusals.shown(value, Redactor([])) == shown
