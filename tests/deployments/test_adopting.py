"""A Deployment that somebody else made becomes an application's: same names, same selector, no second container, no gap."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from apps.applications.models import Target
from apps.audit.models import AuditEntry
from apps.core.errors import Blocked, Conflict, NotFound
from apps.deployments import services
from apps.deployments.models import Deployment, Status
from apps.integrations.calls import Effect
from apps.integrations.kubernetes.kinds import kind_of
from apps.manifests import adopting
from apps.manifests import services as manifests
from apps.manifests.models import Adoption, SecretValue
from apps.manifests.selectors import find_latest_revision, list_secret_values
from apps.registry import selectors as registry
from apps.workloads import adoption

from .world import SERVE, Place, finish

SECRET = "correct horse battery staple"


def create(place: Place, manifest: dict[str, Any], manager: str = "kubectl-create") -> None:
    """Create an object as a hand tool does: by POST, so that its fields belong to an update."""
    namespace = place.target.namespace
    manifest["metadata"]["namespace"] = namespace
    path = kind_of(manifest["kind"], manifest["apiVersion"]).path(namespace)
    place.client._json(
        "POST", path, operation="create", effect=Effect.ONCE, query={"fieldManager": manager}, body=manifest
    )


def legacy(place: Place, **pod: Any) -> str:
    """Put a workload in place that Slipway knows nothing of, and wait until it runs."""
    image = registry.image_reference(place.application, place.digest)
    encoded = base64.b64encode(SECRET.encode()).decode()
    create(
        place, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "legacy-keys"}, "data": {"TOKEN": encoded}}
    )
    create(
        place, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "legacy"}, "data": {"GREETING": "old"}}
    )
    container = {
        "name": "web",
        "image": image,
        "command": ["python3", "-c", SERVE],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "legacy-keys", "key": "TOKEN"}}}],
        "envFrom": [{"configMapRef": {"name": "legacy"}}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "resources": {"limits": {"cpu": "200m", "memory": "128Mi"}},
    }
    template = {
        "metadata": {"labels": {"app": "legacy", "tier": "front"}},
        "spec": {
            "containers": [container],
            "imagePullSecrets": [{"name": "slipway-pull"}],
            "terminationGracePeriodSeconds": 1,
            **pod,
        },
    }
    spec = {
        "replicas": 1,
        "minReadySeconds": 1,
        "selector": {"matchLabels": {"app": "legacy"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": template,
    }
    create(place, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "legacy-web"}, "spec": spec})
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    service = {"selector": {"app": "legacy"}, "ports": ports}
    # A tool that applies: its fields are handed over as well.
    metadata = {"name": "legacy", "namespace": place.target.namespace, "annotations": {"tool/mark": "1"}}
    front = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service}
    place.client.apply(front, field_manager="some-tool")
    deadline = time.monotonic() + 60
    while not place.get("Deployment", "legacy-web").get("status", {}).get("availableReplicas"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return "legacy-web"


@pytest.fixture
def name(place: Place) -> Any:
    yield legacy(place)
    for kind, name in (
        ("Deployment", "legacy-web"),
        ("Service", "legacy"),
        ("Secret", "legacy-keys"),
        ("ConfigMap", "legacy"),
    ):
        place.client.delete(kind, name, place.target.namespace)


def adopt(place: Place, name: str, **options: Any) -> Adoption:
    return adoption.adopt(
        application=place.application, target=place.target, name=name, actor=place.world.actor, **options
    )


def release(place: Place) -> Deployment:
    """Return a release of the newest revision that has ended."""
    revision = find_latest_revision(place.application)
    assert revision is not None
    stored = manifests.render_for_target(
        application=place.application,
        target=place.target,
        revision=revision,
        image=registry.image_reference(place.application, place.digest),
    )
    return finish(
        services.request_deployment(
            application=place.application, target=place.target, manifest_set=stored, actor=place.world.actor
        )
    )


def test_what_ran_before_is_taken_over_under_its_own_name(place: Place, name: str) -> None:
    (found,) = adoption.list_strangers(place.target)
    assert (found.name, found.ready, found.managers, found.adoptable) == (name, 1, ["kubectl-create"], True)

    proposal = adoption.propose(place.application, place.target, name)
    assert proposal.possible
    assert SECRET not in str(proposal)
    assert proposal.managers == ["kubectl-create", "some-tool"]
    assert proposal.imported.findings[0].params == {"tools": "some-tool"}
    before = place.get("Deployment", name)
    with pytest.raises(Conflict) as refused:
        adopt(place, name)
    assert (refused.value.code, refused.value.params["count"]) == ("adoption.losses", 2)  # minReadySeconds, the mark

    adopted = adopt(place, name, accept_losses=True, import_secrets=True)
    assert place.get("Deployment", name) == before
    assert [value.key for value in list_secret_values(place.application)] == ["TOKEN"]
    assert SecretValue.objects.get(application=place.application).value == SECRET
    entry = AuditEntry.objects.filter(action="application.adopt").latest("id")
    assert SECRET not in str(entry.__dict__)
    with pytest.raises(Conflict) as twice:
        adopt(place, name, accept_losses=True)
    assert twice.value.code == "adoption.already"

    deployment = release(place)
    assert (deployment.status, deployment.take_over_fields) == (Status.SUCCEEDED, True)
    after = place.get("Deployment", name)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["selector"] == before["spec"]["selector"]
    (container,) = after["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "web"
    assert "envFrom" not in container
    assert "minReadySeconds" not in after["spec"]
    assert after["spec"]["template"]["metadata"]["labels"]["tier"] == "front"
    assert {entry["name"] for entry in container["env"]} >= {"TOKEN", "GREETING"}
    assert "annotations" not in place.get("Service", "legacy")["metadata"]
    endpoints = place.get("Service", "legacy")["spec"]["selector"]
    assert endpoints == {"app": "legacy"}
    assert place.greetings() == {"old"}
    assert adoption.list_strangers(place.target) == []
    with pytest.raises(NotFound):
        adoption.propose(place.application, place.target, name)

    again = release(place)
    assert (again.status, again.take_over_fields) == (Status.SUCCEEDED, False)
    assert adopted.revision.number == 1


def test_an_adoption_can_be_withdrawn_until_a_release_took_it_over(place: Place, name: str) -> None:
    common: dict[str, Any] = {"application": place.application, "target": place.target, "actor": place.world.actor}
    with pytest.raises(NotFound):
        adoption.withdraw(name=name, **common)
    adopt(place, name, accept_losses=True, import_secrets=True)
    waiting = adoption.find_waiting(place.application, place.target)
    assert waiting is not None
    assert waiting.workload == name
    adoption.withdraw(name=name, **common)
    assert Adoption.objects.count() == 0
    assert AuditEntry.objects.filter(action="application.adoption_withdraw").count() == 1

    adopt(place, name, accept_losses=True)
    release(place)
    assert adoption.find_waiting(place.application, place.target) is None
    with pytest.raises(Conflict) as refused:
        adoption.withdraw(name=name, **common)
    assert refused.value.code == "adoption.taken_over"


def test_a_second_target_becomes_an_override(place: Place, name: str) -> None:
    latest = place.manifest_set(
        {"replicas": 2, "ports": [{"name": "http", "port": 8080}], "ingress": {"host": "a.example"}}
    )
    adopted = adopt(place, name, accept_losses=True)
    revision = adopted.revision
    assert revision.base == latest.revision.base
    key = f"{place.target.environment.slug}/{place.target.slug}"
    override = revision.overrides["targets"][key]
    assert (override["replicas"], override["ingress"]) == (1, None)
    assert [value.key for value in list_secret_values(place.application)] == []
    imported = adoption.import_workload(adoption._read(place.client, place.target.namespace, name))
    assert adopting.find_obstacles(place.application, place.target, imported) == []


def test_what_would_not_run_is_refused(place: Place) -> None:
    try:
        with_sidecar = legacy(
            place, serviceAccountName="default", hostAliases=[{"ip": "127.0.0.1", "hostnames": ["x"]}]
        )
        proposal = adoption.propose(place.application, place.target, with_sidecar)
        assert [finding.code for finding in proposal.imported.stops] == ["needed"]
        with pytest.raises(Blocked) as refused:
            adopt(place, with_sidecar, accept_losses=True)
        assert refused.value.blockers[0][0] == "adoption.needed"
        assert Adoption.objects.count() == 0
        assert Target.objects.count() >= 1
    finally:
        for kind, name in (
            ("Deployment", "legacy-web"), ("Service", "legacy"), ("Secret", "legacy-keys"), ("ConfigMap", "legacy"),
        ):  # fmt: skip
            place.client.delete(kind, name, place.target.namespace)
