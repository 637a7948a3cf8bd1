from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from apps.manifests.messages import describe
from apps.manifests.overrides import merge
from apps.manifests.parse import parse
from apps.manifests.resolve import resolve
from apps.manifests.spec import Spec
from tests.manifests.documents import FULL, documents, json_values

MINIMAL: dict[str, Any] = {"ports": [{"name": "http", "port": 8080}], "secrets": [{"name": "KEY"}]}


def errors_of(change: dict[str, Any]) -> dict[str, str]:
    resolved = resolve(merge(MINIMAL, change))
    return {error.path: error.code for error in resolved.errors}


@given(json_values)
def test_parse_never_raises(value: object) -> None:
    result = parse(value)
    assert isinstance(result, Spec) or result
    if not isinstance(result, Spec):
        assert all(describe(error.code, error.params) != f"deployyml.{error.code}" for error in result)


@given(json_values, documents())
def test_resolve_never_raises_on_a_field_of_any_kind(value: object, document: dict[str, Any]) -> None:
    for key in document:
        resolve({**document, key: value})


@given(documents())
def test_what_a_person_could_have_written_has_no_errors(document: dict[str, Any]) -> None:
    resolved = resolve(document)
    assert resolved.errors == ()
    assert resolved.spec is not None


def test_the_full_example_has_no_errors() -> None:
    assert resolve(FULL).errors == ()


FIELD_ERRORS: list[tuple[dict[str, Any], str, str]] = [
    ({"replicas": "3"}, "replicas", "wrong_type"),
    ({"replicas": True}, "replicas", "wrong_type"),
    ({"replicas": -1}, "replicas", "out_of_range"),
    ({"replcas": 1}, "replcas", "unknown_field"),
    ({"kind": "Pod"}, "kind", "not_a_choice"),
    ({"ports": [{"name": "HTTP", "port": 80}]}, "ports[1].name", "not_a_port_name"),
    ({"ports": [{"name": "web", "port": 70000}]}, "ports[1].port", "out_of_range"),
    ({"ports": [{"name": "web"}]}, "ports[1].port", "required"),
    ({"ports": [{"name": "web", "port": 1, "protocol": "HTTP"}]}, "ports[1].protocol", "not_a_choice"),
    ({"resources": {"limits": {"memory": "abc"}}}, "resources.limits.memory", "not_a_quantity"),
    ({"resources": {"limits": {"memory": "512m"}}}, "resources.limits.memory", "memory_too_small"),
    ({"resources": {"limits": {"cpu": "500Mi"}}}, "resources.limits.cpu", "cpu_too_large"),
    ({"resources": {"requests": {"cpu": "-1"}}}, "resources.requests.cpu", "negative"),
    ({"env": [{"name": "1X", "value": ""}]}, "env[0].name", "not_an_env_name"),
    ({"env": [{"name": "X"}]}, "env[0].value", "value_or_secret"),
    ({"env": [{"name": "X", "value": "a", "secret": "KEY"}]}, "env[0].value", "value_or_secret"),
    ({"env": [{"name": "X", "value": "a\0b"}]}, "env[0].value", "not_text"),
    ({"env": [{"name": "X", "value": "\ud800"}]}, "env[0].value", "not_text"),
    ({"env": ["X=1"]}, "env[0]", "wrong_type"),
    ({"env": [{"name": "X", "secret": "NONE"}]}, "env[0].secret", "secret_not_declared"),
    ({"env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}]}, "env[1].name", "duplicate"),
    ({"files": [{"path": "config.json", "content": ""}]}, "files[0].path", "not_an_absolute_path"),
    ({"files": [{"path": "/etc/../x", "content": ""}]}, "files[0].path", "not_an_absolute_path"),
    ({"files": [{"path": "/etc/passwd", "content": ""}]}, "files[0].path", "directory_reserved"),
    ({"files": [{"path": "/a/b", "content": ""}, {"path": "/a/b/c", "content": ""}]}, "files[0].path", "file_is_directory"),
    ({"files": [{"path": "/a/b", "content": "x"}], "log_directory": "/a/logs"}, "files[0].path", "directory_taken"),
    ({"files": [{"path": "/a/b", "content": "x" * 1_048_570}, {"path": "/a/c", "content": "1234567"}]}, "files", "files_too_large"),
    ({"probes": {"liveness": {"type": "http", "port": "web"}}}, "probes.liveness.port", "no_such_port"),
    ({"probes": {"liveness": {"type": "command"}}}, "probes.liveness.command", "probe_without_command"),
    ({"probes": {"liveness": {"type": "tcp", "success_threshold": 2}}}, "probes.liveness.success_threshold", "only_once"),
    ({"probes": {"liveness": {"type": "tcp", "path": "/"}}}, "probes.liveness.path", "unknown_field"),
    ({"probes": {"liveness": {"type": "grpc"}}}, "probes.liveness.type", "not_a_choice"),
    ({"lifecycle": {"pre_stop_sleep": 40, "grace_period": 40}}, "lifecycle.grace_period", "grace_period_too_short"),
    ({"strategy": {"max_surge": 0, "max_unavailable": "0%"}}, "strategy.max_surge", "no_progress"),
    ({"strategy": {"max_surge": "a lot"}}, "strategy.max_surge", "not_a_count_or_percent"),
    ({"autoscaling": {"min": 5, "max": 2, "cpu": 50}}, "autoscaling.min", "minimum_above_maximum"),
    ({"autoscaling": {"min": 5, "cpu": 50}}, "autoscaling.max", "required"),
    ({"ingress": {"host": "Shop.Example"}}, "ingress.host", "not_a_dns_name"),
    ({"ingress": {"path": "shop"}}, "ingress.path", "not_a_url_path"),
    ({"ingress": {}, "service": {"enabled": False}}, "ingress", "ingress_needs_service"),
    ({"annotations": {"slipway.io/application": "x"}}, 'annotations["slipway.io/application"]', "reserved_annotation"),
    ({"annotations": {"a/b/c": "x"}}, 'annotations["a/b/c"]', "not_a_label_key"),
    ({"node_selector": {"disk": "s s d"}}, "node_selector.disk", "not_a_label_value"),
    ({"bandwidth": {"ingress": "fast"}}, "bandwidth.ingress", "not_a_quantity"),
    (
        {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}},
        "resources.requests.memory",
        "request_above_limit",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "path", "code"), FIELD_ERRORS, ids=[f"{path}:{code}" for _, path, code in FIELD_ERRORS]
)
def test_an_error_stands_at_its_field(change: dict[str, Any], path: str, code: str) -> None:
    assert errors_of(change).get(path) == code


def test_every_error_is_reported_not_just_the_first() -> None:
    found = errors_of({"replicas": -1, "resources": {"limits": {"memory": "x"}}, "env": [{"name": "-"}]})
    assert {"replicas", "resources.limits.memory", "env[0].name", "env[0].value"} <= found.keys()


def test_a_program_without_ports_needs_no_service_and_no_probes() -> None:
    spec = resolve({"replicas": 1}).spec
    assert spec is not None
    assert (spec.service.enabled, spec.probes.readiness, spec.probes.liveness) == (False, None, None)


def test_defaults_follow_what_is_written() -> None:
    spec = resolve({**MINIMAL, "lifecycle": {"pre_stop_sleep": 30}, "resources": {"limits": {"memory": "64Mi"}}}).spec
    assert spec is not None
    assert spec.lifecycle.grace_period == 50
    assert spec.resources.requests.memory == "64Mi"


def test_reasons_are_given_only_for_values_nobody_wrote() -> None:
    reasons = resolve({**MINIMAL, "replicas": 5}).reasons()
    assert "replicas" not in reasons
    assert "lifecycle.pre_stop_sleep" in reasons
