"""Fields that others own: in the plan, decided by a person, and a part of what is approved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from apps.applications.models import Target
from apps.audit.models import AuditEntry
from apps.core.errors import Conflict, InvalidInput
from apps.deployments.models import Deployment
from apps.deployments.models import Status as DeploymentStatus
from apps.integrations.kubernetes.client import KubernetesClient
from apps.releases import lookup, selectors, services
from apps.releases.models import Status
from apps.workloads import reading
from tests.releases.world import ReleaseWorld, end

TYPE = "spec.type"


@contextmanager
def claimed(world: ReleaseWorld, target: Target) -> Iterator[KubernetesClient]:
    """Let somebody else own the Service's type, before Slipway came."""
    client = reading.client_for(target)
    metadata = {"name": world.application.slug, "namespace": target.namespace}
    service: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    service["spec"] = {"type": "NodePort", "ports": [{"name": "other", "port": 9999}]}
    client.apply(service, field_manager="network-team", force=True)
    yield client
    client.delete("Service", world.application.slug, target.namespace)


@pytest.fixture
def contested(world: ReleaseWorld) -> Iterator[Target]:
    with claimed(world, world.base.targets[0]):
        yield world.base.targets[0]


def test_a_conflict_stops_its_target_until_somebody_decides(world: ReleaseWorld, contested: Target) -> None:
    target, client = contested, reading.client_for(contested)
    order = services.make_plan(order=world.order(), actor=world.actor())
    [row, *others] = selectors.planned_targets(order)
    assert row.problem_code == "apply.conflict"
    assert [(each["manager"], each["field"], each["live"]) for each in row.preview["conflicts"]] == [
        ("network-team", TYPE, "NodePort")
    ]
    assert not any(other.problem_code for other in others)
    before = order.plan_hash

    name = f"{world.application.slug}/{target.slug}"
    page = world.client("developer").get(order.get_absolute_url()).content.decode()
    assert f'name="take_over" value="{name}"' in page
    answer = world.client("developer").post(f"{order.get_absolute_url()}plan/", {"take_over": name})
    assert answer.status_code == 302
    order = world.again(order)
    [row, *others] = selectors.planned_targets(order)
    assert (row.take_over_fields, row.problem_code) == (True, "")
    assert not any(other.take_over_fields for other in others)
    assert order.plan_hash not in ("", before), "approvals sign it"
    assert AuditEntry.objects.filter(action="release.plan").latest("id").details["take_over_fields"] == [str(target)]
    assert order.entries.filter(code="release.takes_over").exists()

    order = services.make_plan(order=order, actor=world.actor())
    assert selectors.planned_targets(order)[0].take_over_fields is True, "what was decided stays decided"
    order = services.submit_order(order=order, actor=world.actor())
    order = world.step(order)
    made = Deployment.objects.get(target=target)
    assert made.take_over_fields is True
    there = world.client("viewer").get(f"{world.application.get_absolute_url()}releases/of/{made.release_item_id}/")
    assert there.headers["Location"] == order.get_absolute_url()
    assert client.get("Service", world.application.slug, target.namespace)["spec"]["type"] == "NodePort"


def test_it_can_be_left_to_its_owner_again(world: ReleaseWorld, contested: Target) -> None:
    order = services.make_plan(order=world.order(), actor=world.actor())
    name = f"{world.application.slug}/{contested.slug}"
    url = f"{world.url}{order.number}/plan/"
    headers = world.token("developer", "release")
    said = world.client("developer").post(url, {"take_over": [name]}, "application/json", headers=headers).json()
    assert said["plan"]["targets"][0]["take_over_fields"] is True
    assert said["plan"]["targets"][0]["preview"]["conflicts"][0]["live"] == "NodePort"
    said = world.client("developer").post(url, {"leave": [name]}, "application/json", headers=headers).json()
    assert said["plan"]["targets"][0]["take_over_fields"] is False
    assert said["plan"]["targets"][0]["problem"]["code"] == "apply.conflict"
    with pytest.raises(InvalidInput):
        lookup.find_decisions(order, ["nothing/here"], [])


def test_trying_again_takes_over_only_where_nobody_has_to_approve(world: ReleaseWorld) -> None:
    order = world.step(world.submitted())
    failed, *others = [row.deployment for row in selectors.planned_targets(order) if row.deployment]
    for other in others:
        end(other, DeploymentStatus.SUCCEEDED)
    end(failed, DeploymentStatus.FAILED)
    failed.record(cause_code="apply.conflict")
    order = world.step(order)
    assert order.status == Status.FAILED

    world.policy(approvals_needed=1)
    with pytest.raises(Conflict) as refused:
        services.retry_order(order=world.again(order), actor=world.actor(), take_over_fields=True)
    assert refused.value.code == "release.take_over_needs_approval"

    world.policy(approvals_needed=0)
    assert "take_over_fields" in world.client("developer").get(order.get_absolute_url()).content.decode()
    again = services.retry_order(order=world.again(order), actor=world.actor(), take_over_fields=True)
    again = world.step(again)
    assert again.status == Status.EXECUTING
    assert Deployment.objects.latest("id").take_over_fields is True
