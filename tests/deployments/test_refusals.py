"""What a cluster does not take: named, nothing undone in silence, and a way out."""

from __future__ import annotations

from typing import Any

import pytest

from apps.deployments import presentation
from apps.deployments.models import Deployment, Status
from apps.integrations.kubernetes.client import KubernetesClient
from tests.deployments.test_applying import codes
from tests.deployments.world import Place, finish, greeting, step


def claim(place: Place, kind: str, spec: dict[str, Any], manager: str = "somebody") -> None:
    """Let another field manager own fields of an object."""
    api_version = {"Deployment": "apps/v1", "Service": "v1"}[kind]
    metadata = {"name": place.application.slug, "namespace": place.target.namespace}
    place.client.apply(
        {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}, field_manager=manager, force=True
    )


def test_all_conflicts_are_told_at_once_with_both_values(place: Place) -> None:
    place.run(greeting("one"))
    claim(place, "Service", {"type": "NodePort"}, "network-team")
    claim(place, "Deployment", {"replicas": 2}, "somebody")

    refused = place.run(greeting("two"))

    assert (refused.status, refused.cause_code) == (Status.FAILED, "apply.conflict")
    assert refused.cause_params["managers"] == "network-team, somebody"
    assert {
        (conflict["object"].split("/")[0], conflict["field"], conflict["live"], conflict["ours"])
        for conflict in refused.cause_params["conflicts"]
    } == {("Service", "spec.type", "NodePort", "ClusterIP"), ("Deployment", "spec.replicas", "2", "1")}
    assert place.greetings() == {"one"}

    taken = place.run(greeting("two"), take_over_fields=True)
    assert taken.status == Status.SUCCEEDED
    assert place.get("Service")["spec"]["type"] == "ClusterIP"


def test_stopping_half_way_says_what_was_taken(place: Place) -> None:
    place.run(greeting("one"))
    claim(place, "Deployment", {"replicas": 2})
    document = greeting("two", files=[{"path": "/etc/app/a.txt", "content": "a"}])
    refused = place.run(document)
    assert refused.status == Status.FAILED
    half = refused.entries.get(code="deployment.half_way")
    assert [name.split("/")[0] for name in half.params["sent"]] == ["ConfigMap", "Service"]
    assert half.params["unsent"] == [f"Deployment/{place.application.slug}"]
    titles = [row["title"] for row in presentation.timeline(refused)]
    assert any("has taken ConfigMap/" in title and "Deployment/" in title for title in titles), titles


def test_what_slipway_itself_decided_is_no_conflict(place: Place) -> None:
    place.run(greeting("one"))
    place.client.scale("Deployment", place.application.slug, place.target.namespace, 2)
    assert place.run(greeting("two")).status == Status.SUCCEEDED
    assert place.get("Deployment")["spec"]["replicas"] == 1


def token_of(place: Place, rules: list[dict[str, Any]]) -> str:
    """Return the token of an account with these rights in the namespace."""
    client, namespace = place.client, place.target.namespace
    account = {"kind": "ServiceAccount", "name": "weak", "namespace": namespace}
    metadata = {"name": "weak", "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    role = {"apiGroup": rbac, "kind": "Role", "name": "weak"}
    client.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    client.apply({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
    client.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": role,
            "subjects": [account],
        }
    )
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/weak/token"
    return str(client._json("POST", path, operation="request token", body=asked)["status"]["token"])


def test_a_right_that_is_missing_is_named_with_what_was_taken(place: Place) -> None:
    config_maps = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]}
    cluster = place.target.cluster
    document = greeting("one", files=[{"path": "/etc/app/a.txt", "content": "a"}])
    cluster.token = token_of(place, [config_maps])
    cluster.save()

    errored = place.run(document)

    assert (errored.status, errored.error_code) == (Status.ERRORED, "integration.missing_right")
    assert (errored.error_params["verb"], errored.error_params["resource"]) == ("patch", "services")
    assert presentation.cause(errored)["message"].startswith("Slipway may not patch services on cluster")
    half = errored.entries.get(code="deployment.half_way")
    assert [name.split("/")[0] for name in half.params["unsent"]] == ["Service", "Deployment"]


def test_an_object_that_is_being_deleted_is_waited_for(place: Place) -> None:
    place.run(greeting("one"))
    namespace, name = place.target.namespace, place.application.slug
    place.client.patch("Service", name, namespace, {"metadata": {"finalizers": ["example.com/hold"]}})
    place.client.delete("Service", name, namespace)

    deployment = place.request(greeting("two"))
    step(step(deployment))
    assert (deployment.status, deployment.error_code) == (Status.APPLYING, "apply.being_deleted")
    assert presentation.cause(deployment)["message"].startswith(f"Service/{name} is being deleted")

    place.client.patch("Service", name, namespace, {"metadata": {"finalizers": None}})
    assert finish(deployment).status == Status.SUCCEEDED
    assert "deletionTimestamp" not in place.get("Service")["metadata"]


def test_a_storm_of_writes_by_others_only_delays(place: Place) -> None:
    deployment = place.request(greeting("one"))
    with place.sandbox.fault(
        kind="status", status=409, server=place.cluster, method="PATCH", path=f"/{place.target.namespace}/", times=4
    ):
        step(deployment)
        assert deployment.error_code in ("integration.stale", "integration.already_exists")
        finish(deployment)
    assert (deployment.status, deployment.error_code) == (Status.SUCCEEDED, "")
    assert place.get("Deployment")["metadata"]["generation"] == 1


def test_the_number_of_pods_changes_hands_without_a_jump(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
    place.run(greeting("one", replicas=2, resources=resources))
    asked: list[int] = []
    whole = KubernetesClient.apply

    def seen(self: KubernetesClient, manifest: Any, **options: Any) -> Any:
        applied = whole(self, manifest, **options)
        if manifest["kind"] == "Deployment":
            asked.append(applied.object["spec"]["replicas"])
        return applied

    monkeypatch.setattr(KubernetesClient, "apply", seen)
    scaled = greeting("two", resources=resources, autoscaling={"min": 1, "max": 5, "cpu": 60})
    assert place.run(scaled).status == Status.SUCCEEDED
    assert set(asked) == {2}, "it never falls to one pod"

    # The autoscaler decides, and then the set names a number again.
    client, name, namespace = place.client, place.application.slug, place.target.namespace
    client.patch(
        "Deployment",
        name,
        namespace,
        {"spec": {"replicas": 3}},
        subresource="scale",
        field_manager="kube-controller-manager",
    )
    fixed = place.run(greeting("three", replicas=1, resources=resources))
    assert (fixed.status, fixed.cause_params) == (Status.SUCCEEDED, {})
    assert place.get("Deployment")["spec"]["replicas"] == 1
    assert client.find("HorizontalPodAutoscaler", name, namespace) is None


def test_an_autoscaler_that_somebody_made_keeps_its_number(place: Place) -> None:
    place.run(greeting("one"))
    client, name, namespace = place.client, place.application.slug, place.target.namespace
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "by-hand", "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": 4,
        },
    }
    client.apply(autoscaler, field_manager="somebody")
    patch = {"spec": {"replicas": 2}}
    client.patch("Deployment", name, namespace, patch, subresource="scale", field_manager="kube-controller-manager")
    refused: Deployment = place.run(greeting("two"))
    assert (refused.status, refused.cause_code) == (Status.FAILED, "apply.conflict")
    [conflict] = refused.cause_params["conflicts"]
    assert (conflict["manager"], conflict["subresource"]) == ("kube-controller-manager", "scale")
    assert "deployment.half_way" in codes(refused)
