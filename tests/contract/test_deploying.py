"""The engine from a revision to ready pods and back, with the rights that Slipway asks for and no others."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.applications import preparation
from apps.clusters.models import Cluster
from apps.core.errors import Conflict
from apps.deployments import operations, selectors, services
from apps.deployments.models import Deployment, Status
from apps.integrations.kubernetes.field_managers import FIELD_MANAGER
from apps.manifests import selectors as manifests
from apps.workloads import reading
from apps.workloads.selectors import target_state

from . import place as places
from .ground import Ground
from .place import Objects, Place, finish, progressing, serving, shell, told, until, workload

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SEEN_SECONDS = 60


def succeeded(deployment: Deployment) -> Deployment:
    """Return a deployment that brought its version out."""
    assert deployment.status == Status.SUCCEEDED, told(deployment)
    return deployment


def eventually(what: Any, expected: Any) -> None:
    """Wait until a question has the expected answer: controllers take their time."""
    deadline = time.monotonic() + SEEN_SECONDS
    while (found := what()) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.3)


def ready_endpoints(place: Place) -> int:
    """Return to how many pods the cluster sends what comes to the Service."""
    labels = {"kubernetes.io/service-name": place.application.slug}
    slices = place.ground.client.list_objects("EndpointSlice", place.namespace, labels=labels).items
    return sum(
        1 for item in slices for each in item.get("endpoints") or [] if (each.get("conditions") or {}).get("ready")
    )


def test_version_goes_out_is_replaced_and_comes_back_from_its_bytes(place: Place) -> None:
    files = [{"path": "/etc/contract/word.txt", "content": "first"}]
    first = succeeded(place.run(serving("first", replicas=2, files=files)))
    assert (first.ready, first.wanted) == (2, 2)
    assert place.words() == {"first"}
    eventually(place.logged, {"this is first"})
    eventually(lambda: ready_endpoints(place), 2)

    second = succeeded(place.run(serving("second", replicas=2)))
    assert place.words() == {"second"}
    kept = [item["metadata"]["name"] for item in place.list("ConfigMap")]
    assert len(kept) == 1, "the way back needs its ConfigMap"
    assert selectors.live_deployment(place.application, place.target) == second

    back = services.request_rollback(deployment=first, actor=place.actor)
    began = timezone.now()
    succeeded(finish(back))
    assert back.first_accepted_at is not None
    assert back.first_accepted_at - began < timedelta(seconds=30)
    assert back.stages.get().manifest_set == first.stages.get().manifest_set
    assert place.words() == {"first"}
    eventually(place.logged, {"this is first"})


def test_unchanged_set_changes_nothing(place: Place) -> None:
    document = serving("same", files=[{"path": "/etc/contract/a", "content": "a"}], ingress={})
    succeeded(place.run(document))
    eventually(lambda: len(place.list("Pod")), 1)
    before, pods = place.versions(), [pod["metadata"]["uid"] for pod in place.list("Pod")]
    succeeded(place.run(document))
    assert place.versions() == before
    assert [pod["metadata"]["uid"] for pod in place.list("Pod")] == pods


def test_every_kind_that_is_rendered_is_taken_and_keeps_its_version(place: Place) -> None:
    """Nobody else writes to these: an apply of the same bytes that raised a version would be ours."""
    document = serving(
        "all",
        autoscaling={"min": 1, "max": 2, "cpu": 80},
        files=[{"path": "/etc/contract/a", "content": "a"}],
        ingress={},
        log_directory="/var/log/app",
        strategy={"type": "RollingUpdate", "max_surge": "25%", "max_unavailable": 0},
        probes={
            name: {"type": "command", "command": ["cat", places.READY_FILE], "period": 5, "timeout": 5}
            for name in ("readiness", "liveness", "startup")
        },
    )
    succeeded(place.run(document))
    objects = manifests.stored_objects(selectors.final_stage(Deployment.objects.get()).manifest_set)
    assert {item["kind"] for item in objects} == {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "Service",
    }
    before = place.versions()
    for manifest in objects:
        eventually(lambda manifest=manifest: place.client.ensure(manifest), expected=False)
    assert place.versions() == before


def test_what_left_the_set_goes_and_what_is_not_ours_stays(place: Place) -> None:
    succeeded(place.run(serving("one", ingress={})))
    labels = place.get("Service")["metadata"]["labels"]
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "by-hand", "namespace": place.namespace, "labels": labels},
        "data": {"a": "b"},
    }
    place.ground.client.apply(theirs, field_manager="somebody")

    second = succeeded(place.run(serving("two", service={"enabled": False})))
    assert place.list("Service") == []
    assert place.list("Ingress") == []
    assert [item["metadata"]["name"] for item in place.list("ConfigMap")] == ["by-hand"]
    pruned = second.entries.get(code="deployment.pruned").params["objects"]
    assert sorted(pruned) == [f"Ingress/{place.application.slug}", f"Service/{place.application.slug}"]


def test_field_of_another_manager_stops_a_deployment_until_somebody_takes_it_over(place: Place) -> None:
    succeeded(place.run(serving("one")))
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": place.application.slug, "namespace": place.namespace},
        "spec": {"replicas": 2},
    }
    place.ground.client.apply(patch, field_manager="somebody", force=True)

    refused = place.run(serving("two"))
    assert (refused.status, refused.cause_code) == (Status.FAILED, "apply.conflict"), told(refused)
    assert "somebody" in str(refused.cause_params)
    assert "spec.replicas" in str(refused.cause_params)
    assert place.get("Deployment")["spec"]["replicas"] == 2
    assert place.words() == {"one"}

    succeeded(place.run(serving("two"), take_over_fields=True))
    assert place.get("Deployment")["spec"]["replicas"] == 1


def test_what_kubectl_applied_is_taken_over_without_replacing_its_pods(place: Place) -> None:
    """An object made by client-side apply: its fields belong to an Update, and pods run that must stay."""
    document = serving("theirs")
    theirs = [item for item in manifests.stored_objects(place.stored(document)) if item["kind"] == "Deployment"]
    place.ground.client.apply(theirs[0], field_manager="before")
    managed = place.ground.client.get("Deployment", place.application.slug, place.namespace)["metadata"][
        "managedFields"
    ]
    entries = [
        {**entry, "manager": "kubectl-client-side-apply", "operation": "Update"}
        if entry["manager"] == "before"
        else entry
        for entry in managed
        if not entry.get("subresource")
    ]
    place.ground.client.patch(
        "Deployment", place.application.slug, place.namespace, {"metadata": {"managedFields": entries}}
    )
    eventually(lambda: len(place.list("Pod")), 1)
    pods = [pod["metadata"]["uid"] for pod in place.list("Pod")]

    succeeded(place.run(document, take_over_fields=True))
    assert [pod["metadata"]["uid"] for pod in place.list("Pod")] == pods
    managers = {entry["manager"]: entry for entry in place.get("Deployment")["metadata"]["managedFields"]}
    assert managers[FIELD_MANAGER]["operation"] == "Apply"


def uids(place: Place) -> set[str]:
    return {pod["metadata"]["uid"] for pod in place.list("Pod")}


def test_restart_replaces_all_pods_or_the_chosen_one_and_survives_the_next_release(place: Place) -> None:
    succeeded(place.run(serving("one", replicas=2)))
    eventually(lambda: len(uids(place)), 2)
    before = uids(place)
    succeeded(finish(operations.request_restart(application=place.application, target=place.target, actor=place.actor)))
    eventually(lambda: len(uids(place)), 2)
    restarted = uids(place)
    assert not restarted & before

    chosen = place.list("Pod")[0]["metadata"]
    one = operations.request_restart(
        application=place.application, target=place.target, actor=place.actor, pods=[chosen["name"]]
    )
    succeeded(finish(one))
    eventually(lambda: len(uids(place)), 2)
    assert uids(place) & restarted == restarted - {chosen["uid"]}

    settled = uids(place)
    succeeded(place.run(serving("one", replicas=2)))
    assert uids(place) == settled, "the next release of the same version restarts nothing"


def test_scale_holds_until_the_next_release(place: Place) -> None:
    succeeded(place.run(serving("one")))
    for replicas in (2, 0, 1):
        asked = operations.request_scale(
            application=place.application, target=place.target, actor=place.actor, replicas=replicas
        )
        succeeded(finish(asked))
        eventually(lambda: len(place.list("Pod")), replicas)
    succeeded(
        finish(
            operations.request_scale(application=place.application, target=place.target, actor=place.actor, replicas=2)
        )
    )
    succeeded(place.run(serving("two")))
    eventually(lambda: len(place.list("Pod")), 1)
    assert place.words() == {"two"}


def test_autoscaler_decides_between_bounds_that_may_be_moved(place: Place) -> None:
    document = serving("one", autoscaling={"min": 1, "max": 2, "cpu": 90})
    succeeded(place.run(document))
    with pytest.raises(Conflict):
        operations.request_scale(application=place.application, target=place.target, actor=place.actor, replicas=2)
    asked = operations.request_bounds(
        application=place.application, target=place.target, actor=place.actor, least=2, most=3
    )
    succeeded(finish(asked))
    spec = place.get("HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 3)
    succeeded(place.run(document))
    spec = place.get("HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 2), "the next release sets what the DeployYml says"


def test_number_of_pods_does_not_jump_when_an_autoscaler_comes_and_goes(place: Place) -> None:
    succeeded(place.run(serving("one", replicas=2)))
    succeeded(place.run(serving("two", autoscaling={"min": 2, "max": 3, "cpu": 90})))
    assert place.get("Deployment")["spec"]["replicas"] == 2
    third = succeeded(place.run(serving("three", replicas=2)))
    assert place.get("Deployment")["spec"]["replicas"] == 2
    assert place.list("HorizontalPodAutoscaler") == [], told(third)


def test_paused_rollout_waits_for_a_person_and_goes_on(place: Place) -> None:
    succeeded(place.run(serving("one")))
    waiting = place.request(serving("two"))
    operations.pause_deployment(deployment=waiting, actor=place.actor)
    until(waiting, lambda row: row.status == Status.PAUSED)
    assert place.get("Deployment")["spec"]["paused"] is True
    operations.resume_deployment(deployment=waiting, actor=place.actor)
    succeeded(finish(waiting))
    eventually(place.words, {"two"})
    assert not place.get("Deployment")["spec"].get("paused")


def test_rollout_that_somebody_else_pauses_says_so(place: Place) -> None:
    succeeded(place.run(serving("one")))
    pause: dict[str, Any] = {"spec": {"paused": True}}
    place.client.patch("Deployment", place.application.slug, place.namespace, pause, field_manager="somebody")
    waiting = progressing(place.request(serving("two")))
    until(waiting, lambda row: row.cause_code == "rollout.paused")
    assert place.words() == {"one"}
    resume: dict[str, Any] = {"spec": {"paused": None}}
    place.client.patch("Deployment", place.application.slug, place.namespace, resume, field_manager="somebody")
    succeeded(finish(waiting))
    eventually(place.words, {"two"})


def test_what_is_taken_off_is_gone_and_comes_back_from_its_bytes(place: Place) -> None:
    files = [{"path": "/etc/contract/word.txt", "content": "first"}]
    first = succeeded(place.run(serving("first", files=files, ingress={})))
    labels = place.get("Service")["metadata"]["labels"]
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "by-hand", "namespace": place.namespace, "labels": labels},
    }
    place.ground.client.apply(theirs, field_manager="somebody")

    succeeded(finish(operations.request_removal(application=place.application, target=place.target, actor=place.actor)))
    left = [
        item["kind"] for kind in ("Deployment", "Service", "Ingress", "ReplicaSet", "Pod") for item in place.list(kind)
    ]
    assert left == []
    assert [item["metadata"]["name"] for item in place.list("ConfigMap")] == ["by-hand"]
    assert selectors.live_deployment(place.application, place.target) is None

    succeeded(finish(services.request_rollback(deployment=first, actor=place.actor)))
    assert place.words() == {"first"}


def test_rollback_of_a_rollout_in_progress_supersedes_it(place: Place) -> None:
    good = succeeded(place.run(serving("good")))
    bad = progressing(place.request(shell("while :; do sleep 1; done", env=[{"name": "WORD", "value": "bad"}])))
    back = services.request_rollback(deployment=good, actor=place.actor)
    succeeded(finish(back))
    bad.refresh_from_db()
    assert bad.status == Status.SUPERSEDED
    eventually(place.words, {"good"})


def test_canceled_deployment_stops_where_it_is(place: Place) -> None:
    running = progressing(place.request(shell("while :; do sleep 1; done")))
    services.cancel_deployment(deployment=running, actor=place.actor)
    assert finish(running).status == Status.CANCELED
    assert place.get("Deployment")["spec"]["replicas"] == 1


def test_workload_that_somebody_deletes_ends_the_rollout(place: Place) -> None:
    running = progressing(place.request(shell("while :; do sleep 1; done")))
    place.ground.client.delete("Deployment", place.application.slug, place.namespace)
    finish(running)
    assert (running.status, running.cause_code) == (Status.FAILED, "rollout.gone"), told(running)


@pytest.mark.parametrize("document", [{"replicas": 0}, {"strategy": {"type": "Recreate"}}], ids=["none", "recreate"])
def test_other_shapes_of_a_rollout(place: Place, document: dict[str, Any]) -> None:
    succeeded(place.run(serving("one", **document)))
    second = succeeded(place.run(serving("two", **document)))
    assert second.ready == second.wanted == document.get("replicas", 1)
    eventually(place.words, {"two"} if second.wanted else set())


def test_namespace_with_default_limits_gives_them_to_pods_that_name_none(place: Place) -> None:
    place.client.apply(preparation.limit_range(place.namespace))

    def without_amounts(objects: Objects) -> None:
        workload(objects)["spec"]["template"]["spec"]["containers"][0].pop("resources")

    succeeded(place.run(serving("limited"), without_amounts))
    resources = place.list("Pod")[0]["spec"]["containers"][0]["resources"]
    assert resources["limits"] == preparation.DEFAULT_LIMITS
    assert resources["requests"] == preparation.DEFAULT_REQUESTS


def test_namespace_that_is_missing_or_ending_is_named(ground: Ground, cluster: Cluster, image: str) -> None:
    place = places.make(ground, cluster, image, namespace=ground.namespace_name())
    failed = place.run(serving("one"))
    assert (failed.status, failed.cause_code) == (Status.FAILED, "apply.namespace_missing"), told(failed)

    ground.client.ensure_namespace(place.namespace)
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": place.namespace, "finalizers": ["contract.slipway.io/held"]},
    }
    ground.client.apply(held, field_manager="contract")
    ground.client.delete("Namespace", place.namespace)
    failed = place.run(serving("one"))
    assert failed.status == Status.FAILED, told(failed)
    assert place.namespace in str(failed.cause_params)
    ground.client.patch("ConfigMap", "held", place.namespace, {"metadata": {"finalizers": None}})


def test_pages_see_what_runs(place: Place) -> None:
    succeeded(place.run(serving("seen", replicas=2)))
    eventually(lambda: target_state(place.application, place.target).ready, 2)
    state = target_state(place.application, place.target)
    assert (state.error, state.wanted) == (None, 2)
    assert all(pod.ready and pod.cause is None and pod.restarts == 0 for pod in state.pods)
    assert {pod.image for pod in state.pods} == {place.image}
    read = reading.read(place.application, place.target)
    assert {event["involvedObject"]["kind"] for event in read.events} >= {"Pod"}
