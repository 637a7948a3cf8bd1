from __future__ import annotations

import copy
from typing import Any

import pytest

from apps.manifests import objects, validate
from tests.manifests.documents import FULL
from tests.manifests.test_render import rendered, spec_of


def errors_after(kind: str, path: tuple[str | int, ...], value: Any, version: str = "1.36") -> dict[str, str]:
    """Return field → code after one field of one rendered object was changed behind the renderer's back."""
    manifests = copy.deepcopy(rendered(FULL))
    target: Any = next(one for one in manifests if one["kind"] == kind)
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return {error.path: error.code for error in validate.validate(manifests, version, spec_of(FULL))}


CONTAINER = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("kind", "path", "value", "field", "code"),
    [
        ("Deployment", ("spec", "replicas"), "three", "replicas", "schema"),
        ("Deployment", ("spec", "replcas"), 3, "", "schema"),
        ("Deployment", (*CONTAINER, "env", 5, "value"), 5, "env[0].value", "schema"),
        ("Deployment", (*CONTAINER, "resources", "limits", "memory"), "abc", "resources.limits.memory", "not_a_quantity"),
        ("Deployment", (*CONTAINER, "resources", "requests", "memory"), "9Gi", "resources.requests.memory", "request_above_limit"),
        ("Deployment", (*CONTAINER, "ports", 0, "containerPort"), 99999, "ports[0].port", "out_of_range"),
        ("Deployment", (*CONTAINER, "ports", 0, "protocol"), "HTTP", "ports[0].protocol", "not_a_choice"),
        ("Deployment", (*CONTAINER, "ports", 1, "name"), "http", "ports[1].name", "duplicate"),
        ("Deployment", (*CONTAINER, "imagePullPolicy"), "Sometimes", "", "not_a_choice"),
        ("Deployment", (*CONTAINER, "readinessProbe", "httpGet", "port"), "web", "probes.readiness.port", "no_such_port"),
        ("Deployment", (*CONTAINER, "volumeMounts", 0, "name"), "none", "files[0].path", "no_such_volume"),
        ("Deployment", ("spec", "template", "metadata", "labels"), {"a": "b"}, "", "selector_misses_template"),
        ("Deployment", ("spec", "template", "spec", "nodeSelector", "disk"), "s s d", "node_selector.disk", "not_a_label_value"),
        ("Service", ("metadata", "name"), "1st", "service", "slug_not_a_service_name"),
        ("Service", ("spec", "type"), "Magic", "service.type", "not_a_choice"),
        ("Ingress", ("spec", "rules", 0, "http", "paths", 0, "pathType"), "Regex", "ingress.path_type", "not_a_choice"),
        ("ConfigMap", ("data", "etc__storefront__config.json"), 5, "files[0].content", "schema"),
        ("ConfigMap", ("data", "a b"), "", "files", "not_a_secret_key"),
    ],
)  # fmt: skip
def test_an_error_in_an_object_stands_at_its_field(
    kind: str, path: tuple[str | int, ...], value: Any, field: str, code: str
) -> None:
    assert errors_after(kind, path, value).get(field) == code


def test_all_errors_of_a_set_are_reported() -> None:
    manifests = copy.deepcopy(rendered(FULL))
    manifests[0]["spec"]["replicas"] = "x"
    manifests[0]["spec"]["paused"] = "y"
    manifests[1]["spec"]["type"] = 5
    errors = validate.validate(manifests, "1.36", spec_of(FULL))
    assert {error.params["object_path"] for error in errors} == {"spec.replicas", "spec.paused", "spec.type"}


def test_a_kind_that_version_does_not_have_is_named() -> None:
    manifest = {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "x"}}
    (error,) = validate.schema_errors(manifest, validate.schema_version("1.36"))
    assert error.code == "schema_unknown_kind"


def test_a_kind_cannot_name_a_file_elsewhere() -> None:
    manifest = {"apiVersion": "v1", "kind": "../../x", "metadata": {"name": "x"}}
    (error,) = validate.schema_errors(manifest, validate.schema_version("1.36"))
    assert error.code == "schema_unknown_kind"


def test_an_action_newer_than_the_cluster_is_refused() -> None:
    """The sleep action came in 1.29: a set rendered for 1.36 must not pass for 1.27."""
    errors = validate.validate(rendered(FULL), "1.27", spec_of(FULL))
    assert [error.path for error in errors] == ["lifecycle.pre_stop_sleep"]


@pytest.mark.parametrize(
    ("cluster", "version", "exact"),
    [
        ("1.36", "1.36", True),
        ("v1.30.4+k3s1", "1.30", True),
        ("v1.29.3-gke.1", "1.29", True),
        ("1.9", "1.25", False),
        ("1.99", "1.37", False),
        ("", "1.37", False),
        ("unknown", "1.37", False),
    ],
)
def test_the_nearest_schemas_are_used(cluster: str, version: str, exact: bool) -> None:
    found = validate.schema_version(cluster)
    assert (found.version, found.exact) == (version, exact)


def test_objects_outside_our_renderer_are_checked_too() -> None:
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "Bad_Name", "namespace": "Bad.Namespace"},
        "spec": {
            "updateStrategy": {"type": "Recreate"},
            "template": {
                "spec": {
                    "restartPolicy": "Maybe",
                    "containers": [{"name": "a", "env": [{"name": "1"}]}, {"name": "a"}],
                }
            },
        },
    }
    assert {error.code for error in objects.check(manifest)} == {
        "not_a_dns_name",
        "not_a_dns_label",
        "not_a_choice",
        "not_an_env_name",
        "duplicate",
    }
