"""Operations on a version that is there: restarted, scaled, held, taken off; each followed to its end in a real sandbox."""

from __future__ import annotations

import time
from typing import Any

import pytest

from apps.core.errors import Conflict, InvalidInput
from apps.deployments import operations, selectors, services
from apps.deployments.models import Deployment, Status
from apps.integrations.errors import Missing
from apps.integrations.kubernetes.client import RESTART_ANNOTATION
from apps.workloads import reading

from .kills import after_each_request, before_each_write
from .world import Place, finish, greeting, step, until


def restart(place: Place, **options: Any) -> Deployment:
    return operations.request_restart(
        application=place.application, target=place.target, actor=place.world.actor, **options
    )


def scale(place: Place, replicas: int, **options: Any) -> Deployment:
    return operations.request_scale(
        application=place.application,
        target=place.target,
        actor=place.world.actor,
        replicas=replicas,
        confirmed=place.application.slug,
        **options,
    )


def remove(place: Place) -> Deployment:
    return operations.request_removal(
        application=place.application, target=place.target, actor=place.world.actor, confirmed=place.application.slug
    )


def pods(place: Place) -> dict[str, str]:
    """Return the pods that stay, by name, with their uids."""
    labels = {reading.APPLICATION_LABEL: place.application.uid}
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"]
        for pod in place.client.list_objects("Pod", place.target.namespace, labels=labels).items
        if not pod["metadata"].get("deletionTimestamp")
    }


def codes(deployment: Deployment) -> list[str]:
    return list(deployment.entries.values_list("code", flat=True))


def test_a_restart_replaces_all_pods_and_survives_the_next_apply(place: Place) -> None:
    version = place.run(greeting("one"))
    before = pods(place)
    restarted = finish(restart(place))
    assert (restarted.status, restarted.kind) == (Status.SUCCEEDED, "restart")
    after = pods(place)
    assert len(after) == 1
    assert not after.keys() & before.keys()
    assert selectors.live_deployment(place.application, place.target) == version

    step_again = restart(place)  # a killed step that is run again restarts nothing twice
    until(step_again, Status.PROGRESSING)
    generation = place.get("Deployment")["metadata"]["generation"]
    Deployment.objects.filter(pk=step_again.pk).update(status=Status.APPLYING)
    finish(step_again)
    assert place.get("Deployment")["metadata"]["generation"] == generation

    annotations = place.get("Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations[RESTART_ANNOTATION]
    stable = pods(place)
    finish(services.request_deployment(
        application=place.application, target=place.target, actor=place.world.actor,
        manifest_set=selectors.final_stage(version).manifest_set,
    ))  # fmt: skip
    assert pods(place) == stable


def test_chosen_pods_are_replaced_and_no_others(place: Place) -> None:
    place.run(greeting("one", replicas=2))
    before = pods(place)
    chosen, kept = sorted(before)
    with pytest.raises(InvalidInput) as refused:
        restart(place, pods=["somebody-elses"])
    assert refused.value.code == "deployment.no_such_pods"
    done = finish(restart(place, pods=[chosen]))
    assert done.status == Status.SUCCEEDED
    after = pods(place)
    assert kept in after
    assert chosen not in after
    assert (len(after), done.ready) == (2, 2)


def test_scaling_is_followed_and_the_next_release_sets_the_number_again(place: Place) -> None:
    place.run(greeting("one"))
    scaled = finish(scale(place, 2))
    assert (scaled.status, scaled.ready, scaled.wanted) == (Status.SUCCEEDED, 2, 2)
    requested = scaled.entries.first()
    assert requested is not None
    assert requested.params == {"by": place.world.actor.name, "replicas": 2, "stored": 1}
    none = finish(scale(place, 0))
    assert (none.status, none.wanted, pods(place)) == (Status.SUCCEEDED, 0, {})

    released = place.run(greeting("two"))  # no conflict: the number was ours, under a manager of its own
    assert (released.status, released.wanted) == (Status.SUCCEEDED, 1)
    assert place.get("Deployment")["spec"]["replicas"] == 1


def test_an_autoscaler_is_not_fought_over(place: Place) -> None:
    place.run(greeting("one", autoscaling={"min": 1, "max": 2, "cpu": 80}))
    with pytest.raises(Conflict) as refused:
        scale(place, 2)
    assert refused.value.code == "deployment.autoscaled"
    bounded = operations.request_bounds(
        application=place.application, target=place.target, actor=place.world.actor, least=2, most=4
    )
    assert finish(bounded).status == Status.SUCCEEDED
    live = place.get("HorizontalPodAutoscaler")["spec"]
    assert (live["minReplicas"], live["maxReplicas"]) == (2, 4)
    assert place.run(greeting("two", autoscaling={"min": 1, "max": 2, "cpu": 80})).status == Status.SUCCEEDED
    assert place.get("HorizontalPodAutoscaler")["spec"]["maxReplicas"] == 2


def test_somebody_elses_autoscaler_ends_a_scaling(place: Place) -> None:
    place.run(greeting("one"))
    place.client.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "theirs", "namespace": place.target.namespace},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": place.application.slug},
                "maxReplicas": 1,
            },
        },
        field_manager="somebody",
    )
    try:
        failed = finish(scale(place, 2))
    finally:
        place.client.delete("HorizontalPodAutoscaler", "theirs", place.target.namespace)
    assert (failed.status, failed.cause_code) == (Status.FAILED, "deployment.autoscaled")
    assert failed.cause_params == {"autoscaler": "theirs"}


def test_a_rollout_is_held_and_goes_on(place: Place) -> None:
    place.run(greeting("one"))
    rolling = until(place.request(greeting("two")), Status.PROGRESSING)
    operations.pause_deployment(deployment=rolling, actor=place.world.actor)
    until(rolling, Status.PAUSED)
    assert place.get("Deployment")["spec"]["paused"] is True
    with pytest.raises(Conflict):
        operations.pause_deployment(deployment=rolling, actor=place.world.actor)
    step(rolling)
    assert rolling.status == Status.PAUSED
    operations.resume_deployment(deployment=rolling, actor=place.world.actor)
    assert finish(rolling).status == Status.SUCCEEDED
    assert "paused" not in place.get("Deployment")["spec"]
    assert place.greetings() == {"two"}
    with pytest.raises(Conflict):
        operations.resume_deployment(deployment=rolling, actor=place.world.actor)


def test_a_rollback_takes_the_place_of_a_paused_rollout(place: Place) -> None:
    good = place.run(greeting("one"))
    rolling = until(place.request(greeting("two")), Status.PROGRESSING)
    operations.pause_deployment(deployment=rolling, actor=place.world.actor)
    until(rolling, Status.PAUSED)
    rollback = finish(services.request_rollback(deployment=good, actor=place.world.actor))
    assert rollback.status == Status.SUCCEEDED
    assert "deployment.pause_lifted" in codes(rollback)
    assert "paused" not in place.get("Deployment")["spec"]
    assert place.greetings() == {"one"}


@pytest.mark.parametrize("where", ["after requests", "before writes"])
def test_a_hold_survives_kills_at_every_point(place: Place, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place.run(greeting("one"))
    rolling = until(place.request(greeting("two")), Status.PROGRESSING)
    operations.pause_deployment(deployment=rolling, actor=place.world.actor)
    with after_each_request(monkeypatch) if where == "after requests" else before_each_write() as kills:
        kills.drive(rolling, until=Status.PAUSED)
        assert place.get("Deployment")["spec"]["paused"] is True
        operations.resume_deployment(deployment=rolling, actor=place.world.actor)
        kills.drive(rolling)
    assert len(kills.points) > 2
    assert rolling.status == Status.SUCCEEDED
    said = codes(rolling)
    assert (said.count("deployment.paused"), said.count("deployment.resumed")) == (1, 1)
    assert "paused" not in place.get("Deployment")["spec"]


def test_somebody_else_lets_it_go_on(place: Place) -> None:
    place.run(greeting("one"))
    rolling = until(place.request(greeting("two")), Status.PROGRESSING)
    operations.pause_deployment(deployment=rolling, actor=place.world.actor)
    until(rolling, Status.PAUSED)
    place.client.patch("Deployment", place.application.slug, place.target.namespace, {"spec": {"paused": None}})
    assert finish(rolling).status == Status.SUCCEEDED
    assert "deployment.resumed_elsewhere" in codes(rolling)


def test_a_pause_by_somebody_else_is_told_and_can_be_lifted(place: Place) -> None:
    place.run(greeting("one"))
    name, namespace = place.application.slug, place.target.namespace
    place.client.patch("Deployment", name, namespace, {"spec": {"paused": True}}, field_manager="kubectl-rollout")
    rolling = until(place.request(greeting("two")), Status.PROGRESSING)
    deadline = time.monotonic() + 30
    while step(rolling).cause_code != "rollout.paused":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    operations.resume_deployment(deployment=rolling, actor=place.world.actor)
    assert finish(rolling).status == Status.SUCCEEDED
    assert "deployment.pause_lifted" in codes(rolling)
    assert place.greetings() == {"two"}


def test_stopping_says_what_the_cluster_is_left_with(place: Place) -> None:
    place.run(greeting("one"))
    early = place.request(greeting("two"))
    services.cancel_deployment(deployment=early, actor=place.world.actor)
    assert codes(finish(early))[-1] == "deployment.canceled_before"

    rolling = until(place.request(greeting("three")), Status.PROGRESSING)
    operations.pause_deployment(deployment=rolling, actor=place.world.actor)
    until(rolling, Status.PAUSED)
    services.cancel_deployment(deployment=rolling, actor=place.world.actor)
    assert codes(finish(rolling))[-1] == "deployment.canceled_paused"
    assert place.get("Deployment")["spec"]["paused"] is True

    for operation in (restart, lambda place: scale(place, 2)):
        with pytest.raises(Conflict) as refused:
            operation(place)
        assert refused.value.code == "deployment.paused_there"

    # Released again: the pause that was left behind does not hold it.
    assert place.run(greeting("four")).status == Status.SUCCEEDED
    assert selectors.paused_there(place.application, place.target) is None


def test_taking_off_deletes_what_is_ours_and_a_rollback_brings_it_back(place: Place) -> None:
    version = place.run(greeting("one", files=[{"path": "/etc/app/a", "content": "a"}], ingress={"host": "a.example"}))
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "theirs",
            "namespace": place.target.namespace,
            "labels": {reading.APPLICATION_LABEL: place.application.uid},
        },
    }
    place.client.apply(theirs, field_manager="somebody")
    removed = finish(remove(place))
    assert removed.status == Status.SUCCEEDED
    assert removed.total_objects == 4
    for kind in ("Deployment", "Service", "Ingress"):
        with pytest.raises(Missing):
            place.get(kind)
    assert pods(place) == {}
    assert [item for item in place.labelled() if item != "ConfigMap/theirs"] == []
    assert "deployment.left_alone" in codes(removed)
    assert selectors.live_deployment(place.application, place.target) is None
    assert [point.number for point in selectors.rollback_points(place.application, place.target)] == [version.number]
    with pytest.raises(Conflict) as refused:
        scale(place, 1)
    assert refused.value.code == "deployment.nothing_there"

    back = finish(services.request_rollback(deployment=version, actor=place.world.actor))
    assert back.status == Status.SUCCEEDED
    assert place.greetings() == {"one"}


def test_a_finalizer_that_holds_a_removal_is_named(place: Place) -> None:
    version = place.run(greeting("one"))
    name, namespace = place.application.slug, place.target.namespace
    place.client.patch("Service", name, namespace, {"metadata": {"finalizers": ["example.com/keep"]}})
    removing = until(remove(place), Status.PROGRESSING)
    deadline = time.monotonic() + 30
    while step(removing).cause_code != "removal.held" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert removing.cause_params == {"object": f"Service/{name}", "finalizers": "example.com/keep"}

    # A rollback takes its place, and waits for what is going: else the version would go with it.
    rollback = services.request_rollback(deployment=version, actor=place.world.actor)
    step(rollback)
    assert (rollback.status, codes(rollback)[-1]) == (Status.PENDING, "deployment.waits_for_removal")
    place.client.patch("Service", name, namespace, {"metadata": {"finalizers": None}})
    assert finish(rollback).status == Status.SUCCEEDED
    assert place.get("Service")["spec"]["ports"]
