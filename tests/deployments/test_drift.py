"""Drift on a real cluster: found, named, brought back or accepted; and the looking itself costs little and blocks nobody."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from apps.core.errors import Conflict
from apps.core.models import Event
from apps.deployments import services
from apps.deployments.drift import services as drifting
from apps.deployments.drift import watching
from apps.deployments.models import Deployment, DriftWatch, Status
from apps.manifests.selectors import find_latest_revision
from tests.deployments.world import Place, finish, greeting


def look(place: Place) -> DriftWatch:
    """Run the check of a place now."""
    watch, _ = DriftWatch.objects.get_or_create(application=place.application, target=place.target)
    DriftWatch.objects.filter(pk=watch.pk).update(next_step_at=None)
    drifting.advance_watch(watch.pk)
    return DriftWatch.objects.get(pk=watch.pk)


def edit(place: Place, change: dict[str, Any], *, manager: str = "kubectl-edit") -> None:
    place.client.patch(
        "Deployment",
        place.application.slug,
        place.target.namespace,
        {"spec": change},
        style="strategic",
        field_manager=manager,
    )


def container(**changes: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "app", **changes}]}}}


def fields(watch: DriftWatch) -> dict[str, dict[str, Any]]:
    return {
        f"{finding['kind']} {field['path'].rpartition(']')[2]}": field
        for finding in watch.findings
        for field in finding["fields"]
    }


def test_drift_is_found_named_and_brought_back(place: Place) -> None:
    document = greeting("hello", replicas=1, secrets=[{"name": "TOKEN"}])
    assert place.run(document).status == Status.SUCCEEDED
    assert look(place).status == "clean"

    services_before = place.get("Service")["metadata"]["resourceVersion"]
    place.client.scale("Deployment", place.application.slug, place.target.namespace, 1)
    place.client.restart("Deployment", place.application.slug, place.target.namespace, timezone.now())
    assert look(place).status == "clean", "what was done through Slipway is no drift"

    edit(
        place, {"replicas": 2, **container(env=[{"name": "GREETING", "value": "by hand"}, {"name": "X", "value": "1"}])}
    )
    place.client.delete("Service", place.application.slug, place.target.namespace)
    watch = look(place)
    assert watch.status == "found"
    found = fields(watch)
    assert set(found) == {"Deployment .spec.replicas", "Deployment .value", "Deployment "}
    assert {field["manager"] for field in found.values()} == {"kubectl-edit"}
    assert found["Deployment .value"]["live"] == "by hand"
    assert ("Service", "missing") in {(finding["kind"], finding["what"]) for finding in watch.findings}
    assert Event.objects.filter(name="drift.found").count() == 1
    assert "by hand" not in str(Event.objects.get(name="drift.found").payload)
    look(place)
    assert Event.objects.filter(name="drift.found").count() == 1, "told once"

    made = finish(services.request_reapply(application=place.application, target=place.target, actor=place.world.actor))
    assert (made.status, made.kind) == (Status.SUCCEEDED, "reapply")
    assert made.stages.get().manifest_set == Deployment.objects.get(number=1, application=place.application).stages.get().manifest_set  # fmt: skip
    assert place.get("Deployment")["spec"]["replicas"] == 1
    assert place.get("Service")["metadata"]["resourceVersion"] != services_before
    assert look(place).status == "clean", "what was added by hand went too"

    edit(place, container(env=[{"name": "Y", "value": "1"}]), manager="injector")
    finish(services.request_reapply(application=place.application, target=place.target, actor=place.world.actor))
    left = look(place)
    assert {field["manager"] for field in fields(left).values()} == {"injector"}, "a program's own stays, and is shown"


def test_drift_is_accepted_into_a_revision_where_the_form_has_it(place: Place) -> None:
    place.run(greeting("hello"))
    latest = find_latest_revision(place.application)
    assert latest is not None
    image = "registry.example/other:1"
    edit(
        place,
        {
            "replicas": 3,
            **container(
                image=image,
                env=[{"name": "GREETING", "value": "bonjour"}, {"name": "EXTRA", "value": "1"}],
                resources={"limits": {"memory": "300Mi"}},
                readinessProbe={"periodSeconds": 2},
            ),
        },
    )
    done = drifting.accept(application=place.application, target=place.target, actor=place.world.actor)
    assert {code for _, code in done.refused} == {"drift.is_image"}
    assert len(done.accepted) == 5
    assert done.revision.number == latest.number + 1
    assert done.revision.base == latest.base
    key = f"{place.target.environment.slug}/{place.target.slug}"
    layer = done.revision.overrides["targets"][key]
    assert layer["replicas"] == 3
    assert layer["resources"] == {"limits": {"memory": "300Mi"}}
    assert layer["probes"]["readiness"] == {"type": "tcp", "port": "http", "period": 2}
    assert {row["name"]: row["value"] for row in layer["env"]} == {"GREETING": "bonjour", "EXTRA": "1"}

    with pytest.raises(Conflict, match=r"drift\.nothing_to_accept"):
        drifting.accept(application=place.application, target=place.target, actor=place.world.actor, chosen=set())


def test_a_look_is_cheap_and_leaves_others_alone(place: Place) -> None:
    place.run(greeting("hello"))
    since = place.sandbox.journal_end()
    watch = look(place)
    asked = [entry for entry in place.sandbox.journal(place.cluster, since) if place.target.namespace in entry["path"]]
    assert {entry["method"] for entry in asked} == {"GET"}
    assert len(asked) <= len({"Deployment", "Service", "Ingress", "HorizontalPodAutoscaler", "ConfigMap", "Secret"})
    assert watch.next_step_at is not None
    assert (watch.next_step_at - timezone.now()).total_seconds() > watching.LEAST_SECONDS - 5

    edit(place, {"replicas": 2})
    found = look(place)
    with place.sandbox.fault(kind="status", status=503, server=place.cluster, path="/services", times=None):
        away = look(place)
    assert (away.status, away.findings) == ("found", found.findings), "the last finding stays"
    assert away.error_code == "integration.unavailable"
    assert away.checked_at == found.checked_at
    assert look(place).error_code == ""

    place.target.cluster.state = "maintenance"
    place.target.cluster.save()
    since = place.sandbox.journal_end()
    assert look(place).error_code == "cluster.maintenance"
    assert not [e for e in place.sandbox.journal(place.cluster, since) if place.target.namespace in e["path"]]


def test_nothing_is_judged_while_or_after_something_went_wrong(place: Place) -> None:
    first = place.run(greeting("hello"))
    running = place.request(greeting("newer"))
    edit(place, {"replicas": 2})
    assert look(place).status == "unknown"
    Deployment.objects.filter(pk=running.pk).update(status=Status.FAILED, first_accepted_at=timezone.now())
    watch = look(place)
    assert (watch.status, watch.error_code) == ("unknown", "drift.later_attempt")
    Deployment.objects.filter(pk=first.pk).update(status=Status.FAILED)
    drifting.advance_watch(watch.pk)
    DriftWatch.objects.filter(pk=watch.pk).update(next_step_at=None)
    drifting.advance_watch(watch.pk)
    assert not DriftWatch.objects.exists(), "nothing is live there: nothing is watched"
