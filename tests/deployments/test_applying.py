"""What is applied, once; what is refused; what is removed."""

from __future__ import annotations

import pytest

from apps.applications import preparation
from apps.core.errors import Conflict, InvalidInput
from apps.deployments import selectors, services
from apps.deployments.models import Deployment, Status
from apps.deployments.prune import PRUNED_KINDS
from apps.manifests import selectors as stored
from apps.manifests import services as manifests
from tests.deployments.world import Place, finish, greeting, until


def codes(deployment: Deployment) -> list[str]:
    return list(deployment.entries.values_list("code", flat=True))


EVERY_KIND = {
    "files": [{"path": "/etc/app/a.txt", "content": "a"}, {"path": "/etc/app/key", "secret": "KEY"}],
    "secrets": [{"name": "KEY"}],
    "ingress": {"host": "shop.example.com", "tls": True},
    "autoscaling": {"min": 1, "max": 3, "cpu": 60},
    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
}


def test_an_unchanged_set_changes_nothing(place: Place) -> None:
    manifests.set_secret(application=place.application, key="KEY", value="very-secret-1", actor=place.world.actor)
    document = greeting("hello", **EVERY_KIND)
    first = place.run(document)
    assert (first.status, first.cause_code, first.error_code) == ("succeeded", "", ""), first.cause_params
    assert first.ready == first.wanted == 1
    before = place.versions()
    assert {name.split("/")[0] for name in before} == {*PRUNED_KINDS, "generation"} - {"Deployment"}

    again = place.run(document)

    assert again.status == Status.SUCCEEDED
    assert place.versions() == before
    bound = stored.bound_objects(again.stages.get().manifest_set)
    assert [item["kind"] for item in bound.objects if place.client.ensure(item)] == [], "not one is written"
    assert again.stages.get().manifest_set.sha256 == first.stages.get().manifest_set.sha256
    assert selectors.rollback_points(place.application, place.target) == []


def test_every_step_may_run_again(place: Place) -> None:
    since = place.sandbox.journal_end()
    deployment = place.run(greeting("hello"))
    before = place.versions()
    writes = [entry for entry in place.sandbox.journal(place.cluster, since) if _writes(entry, place)]
    assert len(writes) == deployment.total_objects

    for status in (Status.PENDING, Status.APPLYING, Status.PROGRESSING):
        Deployment.objects.filter(pk=deployment.pk).update(
            status=status, applied_objects=0, finished_at=None, next_step_at=None
        )
        assert finish(deployment).status == Status.SUCCEEDED
        assert place.versions() == before


def _writes(entry: dict[str, object], place: Place) -> bool:
    by_slipway = "fieldManager=slipway" in f"{entry.get('query', '')}{entry['path']}"
    return entry["method"] == "PATCH" and f"/{place.target.namespace}/" in str(entry["path"]) and by_slipway


def test_what_left_the_set_goes_away_and_nothing_else(place: Place) -> None:
    assert place.run(greeting("one", files=[{"path": "/etc/app/a.txt", "content": "a"}])).status == Status.SUCCEEDED
    labels = place.get("Service")["metadata"]["labels"]
    other = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "by-hand", "namespace": place.target.namespace, "labels": labels},
        "data": {"a": "b"},
    }
    place.client.apply(other, field_manager="somebody")

    second = place.run(greeting("two", service={"enabled": False}))

    assert second.status == Status.SUCCEEDED
    assert place.client.find("Service", place.application.slug, place.target.namespace) is None
    assert place.client.find("ConfigMap", "by-hand", place.target.namespace) is not None
    kept = [name for name in place.versions() if name.startswith("ConfigMap/") and name != "ConfigMap/by-hand"]
    assert len(kept) == 1, "the ReplicaSet that a rollback brings back still needs its ConfigMap"
    pruned = second.entries.get(code="deployment.pruned")
    assert pruned.params == {"objects": [f"Service/{place.application.slug}"]}


def test_what_cannot_be_removed_is_told_and_the_version_runs(place: Place) -> None:
    place.run(greeting("one"))
    with place.sandbox.fault(kind="status", status=403, server=place.cluster, method="DELETE", path="/services/"):
        second = place.run(greeting("two", service={"enabled": False}))
    assert second.status == Status.SUCCEEDED
    assert "deployment.not_pruned" in codes(second)


def test_a_field_of_somebody_else_is_named_and_may_be_taken_over(place: Place) -> None:
    place.run(greeting("one"))
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": place.application.slug, "namespace": place.target.namespace},
        "spec": {"replicas": 2},
    }
    place.client.apply(patch, field_manager="somebody", force=True)

    refused = place.run(greeting("two"))
    assert (refused.status, refused.cause_code) == (Status.FAILED, "apply.conflict")
    assert refused.cause_params["managers"] == "somebody"
    [conflict] = refused.cause_params["conflicts"]
    assert (conflict["manager"], conflict["field"]) == ("somebody", "spec.replicas")
    assert (conflict["live"], conflict["ours"]) == ("2", "1")
    assert place.get("Deployment")["spec"]["replicas"] == 2

    assert place.run(greeting("two"), take_over_fields=True).status == Status.SUCCEEDED
    assert place.get("Deployment")["spec"]["replicas"] == 1


def test_a_namespace_that_is_gone_is_named(place: Place) -> None:
    place.client.delete("Namespace", place.target.namespace, grace_seconds=0)
    failed = place.run(greeting("one"))
    assert failed.status == Status.FAILED
    assert failed.cause_code in ("apply.namespace_missing", "apply.namespace_ending")
    assert place.target.namespace in str(failed.cause_params)


def test_a_workload_that_somebody_deletes_ends_the_rollout(place: Place) -> None:
    deployment = until(place.request(greeting("one")), Status.PROGRESSING)
    place.client.delete("Deployment", place.application.slug, place.target.namespace)
    finish(deployment)
    assert (deployment.status, deployment.cause_code) == (Status.FAILED, "rollout.gone")


def test_pods_that_the_quota_refuses(place: Place) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": place.target.namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    place.client.apply(quota, field_manager="administrator")
    deployment = place.request(greeting("one"))
    until(deployment, Status.PROGRESSING)
    for _ in range(50):
        deployment.refresh_from_db()
        if deployment.cause_code == "workload.quota_exceeded":
            break
        Deployment.objects.filter(pk=deployment.pk).update(next_step_at=None)
        services.advance_deployment(deployment.pk)
    assert deployment.cause_params["quota"] == "small"
    Deployment.objects.filter(pk=deployment.pk).update(deadline_at=deployment.created_at)
    assert finish(deployment).cause_code == "workload.quota_exceeded"
    assert deployment.status == Status.FAILED


def test_a_cluster_in_maintenance_takes_nothing(place: Place) -> None:
    document = place.manifest_set(greeting("one"))
    place.target.cluster.state = "maintenance"
    place.target.cluster.save()
    with pytest.raises(Conflict) as refused:
        services.request_deployment(
            application=place.application, target=place.target, manifest_set=document, actor=place.world.actor
        )
    assert refused.value.code == "cluster.maintenance"
    assert not Deployment.objects.exists()


def test_manifests_of_another_target_are_refused(place: Place) -> None:
    document = place.manifest_set(greeting("one"))
    preparation.prepare_target(target=place.world.targets[1], harbor=place.world.harbor, actor=place.world.actor)
    with pytest.raises(InvalidInput) as refused:
        services.request_deployment(
            application=place.application,
            target=place.world.targets[1],
            manifest_set=document,
            actor=place.world.actor,
        )
    assert refused.value.code == "deployment.foreign_manifests"


def test_one_at_a_time(place: Place) -> None:
    running = place.request(greeting("one"))
    with pytest.raises(Conflict) as refused:
        place.request(greeting("two"))
    assert (refused.value.code, refused.value.params["number"]) == ("deployment.in_progress", running.number)


def test_cancel_stops_at_the_next_step(place: Place) -> None:
    deployment = until(place.request(greeting("one")), Status.PROGRESSING)
    services.cancel_deployment(deployment=deployment, actor=place.world.actor)
    with pytest.raises(Conflict):
        services.cancel_deployment(deployment=deployment, actor=place.world.actor)
    finish(deployment)
    assert deployment.status == Status.CANCELED
    assert codes(deployment)[-2:] == ["deployment.cancel_requested", "deployment.canceled_rolling"]
    assert place.client.find("Deployment", place.application.slug, place.target.namespace) is not None
