from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.manifests import canonical, origins, validate
from apps.manifests.render import IngressWithoutHost, render
from apps.manifests.render.content import MissingReference
from apps.manifests.resolve import resolve
from apps.manifests.spec import Spec
from tests.manifests.documents import APPLICATION, FULL, IMAGE, SECRETS, TARGET, documents, references_for, shuffled

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = [f"1.{minor}" for minor in range(25, 38)]


def spec_of(document: dict[str, Any]) -> Spec:
    resolved = resolve(document)
    assert resolved.spec is not None, resolved.errors
    return resolved.spec


def rendered(document: dict[str, Any], **target: str) -> list[dict[str, Any]]:
    secrets = SECRETS if document is FULL else references_for(document)
    where = replace(TARGET, **target)
    return render(spec_of(document), application=APPLICATION, target=where, image=IMAGE, secrets=secrets)


def pod_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    pod: dict[str, Any] = objects[0]["spec"]["template"]["spec"]
    return pod


CASES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "minimal": ({"ports": [{"name": "http", "port": 8080}]}, {}),
    "worker": ({"replicas": 1, "command": ["python", "-m", "worker"]}, {}),
    "full": (FULL, {}),
    "full-old-cluster": (FULL, {"version": "v1.27.4+k3s1"}),
    "autoscaled-recreate": (
        {
            "ports": [{"name": "http", "port": 8080}],
            "autoscaling": {"min": 2, "max": 6, "cpu": 70},
            "strategy": {"type": "Recreate"},
            "init_process": False,
            "lifecycle": {"pre_stop_sleep": 0},
        },
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    """A changed golden file means that every application is rolled out again: change one only on purpose."""
    document, target = CASES[name]
    text = canonical.to_yaml_documents(rendered(document, **target))
    assert text == (GOLDEN / f"{name}.yaml").read_text()


@given(st.data())
def test_rendering_does_not_depend_on_the_order_of_keys(data: st.DataObject) -> None:
    document = data.draw(documents())
    other = shuffled(data.draw, document)
    assert canonical.encode(rendered(document)) == canonical.encode(rendered(other))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(documents(), st.sampled_from(VERSIONS))
def test_rendered_objects_pass_validation_for_every_version(document: dict[str, Any], version: str) -> None:
    errors = validate.validate(rendered(document, version=version), version, spec_of(document))
    assert errors == []


@pytest.mark.parametrize("version", ["1.25", "1.30", "1.37"])
def test_the_full_example_passes_validation(version: str) -> None:
    assert validate.validate(rendered(FULL, version=version), version, spec_of(FULL)) == []


@given(documents())
def test_objects_are_ours_and_named_once(document: dict[str, Any]) -> None:
    objects = rendered(document)
    assert len({(one["kind"], one["metadata"]["name"]) for one in objects}) == len(objects)
    for one in objects:
        assert one["metadata"]["namespace"] == TARGET.namespace
        assert one["metadata"]["labels"]["slipway.io/application"] == APPLICATION.uid


@given(documents())
def test_canonical_round_trip(document: dict[str, Any]) -> None:
    objects = rendered(document)
    content = canonical.encode(objects)
    assert canonical.encode(canonical.decode(content)) == content
    assert canonical.encode(list(reversed(objects))) == content
    assert json.loads(content) == canonical.sort_objects(objects)


def test_replicas_are_left_to_the_autoscaler() -> None:
    document, _ = CASES["autoscaled-recreate"]
    assert "replicas" not in rendered(document)[0]["spec"]


def test_content_decides_the_name_of_a_config_map() -> None:
    def name(content: str) -> str:
        objects = rendered({"files": [{"path": "/etc/app/a", "content": content}]})
        return str(next(one["metadata"]["name"] for one in objects if one["kind"] == "ConfigMap"))

    assert name("one") == name("one")
    assert name("one") != name("two")


def test_a_changed_file_is_a_changed_pod_template() -> None:
    first = pod_of(rendered({"files": [{"path": "/etc/app/a", "content": "1"}]}))
    second = pod_of(rendered({"files": [{"path": "/etc/app/a", "content": "2"}]}))
    assert first != second


def test_files_that_read_alike_get_keys_of_their_own() -> None:
    objects = rendered({"files": [{"path": "/a/b/c", "content": "1"}, {"path": "/a/b__c", "content": "2"}]})
    config_map = next(one for one in objects if one["kind"] == "ConfigMap")
    assert sorted(config_map["data"].values()) == ["1", "2"]


def test_the_forms_variable_wins_over_the_platforms() -> None:
    objects = rendered({"ports": [{"name": "http", "port": 8080}], "env": [{"name": "PORT", "value": "9000"}]})
    ports = [one for one in pod_of(objects)["containers"][0]["env"] if one["name"] == "PORT"]
    assert ports == [{"name": "PORT", "value": "9000"}]


def test_an_ingress_needs_a_host_from_somewhere() -> None:
    document = {"ports": [{"name": "http", "port": 8080}], "ingress": {}}
    with pytest.raises(IngressWithoutHost):
        rendered(document, ingress_domain="")


def test_a_secret_without_a_reference_is_refused() -> None:
    spec = spec_of({"secrets": [{"name": "K"}], "env": [{"name": "K", "secret": "K"}]})
    with pytest.raises(MissingReference):
        render(spec, application=APPLICATION, target=TARGET, image=IMAGE)


@given(documents())
def test_every_path_of_every_object_leads_back_to_a_field(document: dict[str, Any]) -> None:
    spec = spec_of(document)

    def paths(value: Any, here: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if isinstance(value, dict):
            return [here, *(path for key, child in value.items() for path in paths(child, (*here, key)))]
        if isinstance(value, list):
            return [here, *(path for index, child in enumerate(value) for path in paths(child, (*here, index)))]
        return [here]

    for one in rendered(document):
        for path in paths(one, ()):
            assert isinstance(origins.field_of(spec, one, path), str)


CONTAINER = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ((*CONTAINER, "resources", "limits", "memory"), "resources.limits.memory"),
        ((*CONTAINER, "env", 5, "value"), "env[0].value"),
        ((*CONTAINER, "env", 6, "valueFrom", "secretKeyRef", "key"), "env[1].secret"),
        ((*CONTAINER, "env", 0, "value"), "env"),
        ((*CONTAINER, "ports", 1, "containerPort"), "ports[1].port"),
        ((*CONTAINER, "readinessProbe", "periodSeconds"), "probes.readiness.period"),
        ((*CONTAINER, "readinessProbe", "httpGet", "path"), "probes.readiness.path"),
        ((*CONTAINER, "startupProbe", "exec", "command", 0), "probes.startup.command[0]"),
        ((*CONTAINER, "volumeMounts", 0, "mountPath"), "files[0].path"),
        ((*CONTAINER, "volumeMounts", 2, "mountPath"), "log_directory"),
        (("spec", "template", "spec", "terminationGracePeriodSeconds"), "lifecycle.grace_period"),
        (("spec", "strategy", "rollingUpdate", "maxSurge"), "strategy.max_surge"),
        (("spec", "replicas"), "replicas"),
    ],
)
def test_object_paths_lead_to_their_field(path: tuple[Any, ...], field: str) -> None:
    assert origins.field_of(spec_of(FULL), rendered(FULL)[0], path) == field
