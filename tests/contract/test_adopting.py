"""What somebody else made becomes an application's: read with Slipway's rights, taken over under its own names."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from apps.deployments.models import Status
from apps.integrations.calls import Effect
from apps.integrations.kubernetes.kinds import kind_of
from apps.manifests.selectors import list_secret_values
from apps.workloads import adoption

from .place import AMOUNTS, READY_FILE, Place, told
from .test_deploying import eventually, succeeded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SCRIPT = f'echo "this is $WORD"; : > {READY_FILE}; trap "exit 0" TERM; while :; do sleep 1; done'


def create(place: Place, api_version: str, kind: str, name: str, **content: Any) -> None:
    """Create an object as `kubectl create` does: its fields belong to an update, not to an apply."""
    metadata = {"name": name, "namespace": place.namespace, "labels": {"app": "before"}}
    place.ground.client._json(
        "POST",
        kind_of(kind, api_version).path(place.namespace),
        operation=f"create {kind}",
        effect=Effect.ONCE,
        query={"fieldManager": "kubectl-create"},
        body={"apiVersion": api_version, "kind": kind, "metadata": metadata, **content},
    )


def test_what_ran_before_is_adopted_under_its_own_names(place: Place) -> None:
    token = base64.b64encode(b"not for everybody").decode()
    create(place, "v1", "ConfigMap", "settings", data={"WORD": "before"})
    create(place, "v1", "Secret", "keys", data={"TOKEN": token})
    container = {
        "name": "web",
        "image": place.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", SCRIPT],
        "ports": [{"name": "http", "containerPort": 8080}],
        "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}],
        "resources": AMOUNTS,
        "readinessProbe": {"exec": {"command": ["cat", READY_FILE]}, "periodSeconds": 1, "timeoutSeconds": 5},
    }
    labels = {"app": "before"}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 2}
    template = {"metadata": {"labels": {**labels, "tier": "front"}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    create(place, "apps/v1", "Deployment", "old-web", spec=spec)
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    create(place, "v1", "Service", "old-front", spec={"selector": labels, "ports": ports})
    eventually(lambda: [(item.name, item.ready) for item in adoption.list_strangers(place.target)], [("old-web", 1)])

    proposal = adoption.propose(place.application, place.target, "old-web")
    assert proposal.possible, (proposal.imported.stops, proposal.errors)
    before = place.get("Deployment", "old-web")
    adopted = adoption.adopt(
        application=place.application,
        target=place.target,
        name="old-web",
        actor=place.actor,
        accept_losses=True,
        import_secrets=True,
    )
    assert [value.key for value in list_secret_values(place.application)] == ["TOKEN"]
    assert place.get("Deployment", "old-web")["metadata"]["generation"] == before["metadata"]["generation"]

    deployment = succeeded(place.run(adopted.revision.base))
    assert deployment.take_over_fields, told(deployment)
    after = place.get("Deployment", "old-web")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    (now,) = after["spec"]["template"]["spec"]["containers"]
    assert (now["name"], "envFrom" in now) == ("web", False)
    assert after["spec"]["template"]["metadata"]["labels"].items() >= {"app": "before", "tier": "front"}.items()
    assert place.get("Service", "old-front")["spec"]["selector"] == labels
    eventually(place.words, {"before"})
    assert adoption.list_strangers(place.target) == []

    again = place.run(adopted.revision.base)
    assert (again.status, again.take_over_fields) == (Status.SUCCEEDED, False), told(again)
    assert place.get("Deployment", "old-web")["metadata"]["generation"] == after["metadata"]["generation"]
