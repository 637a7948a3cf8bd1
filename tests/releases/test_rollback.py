"""Taking a whole order back: what ran before, from its stored bytes, the last wave first, at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEntry
from apps.core.errors import Blocked, Conflict
from apps.deployments import selectors as deployments
from apps.deployments import services as deploying
from apps.deployments.models import Deployment
from apps.deployments.models import Status as DeploymentStatus
from apps.releases import selectors, services
from apps.releases.models import ReleaseOrder, Status
from tests.releases.world import ReleaseWorld, end


def released(world: ReleaseWorld, order: ReleaseOrder, outcome: str = DeploymentStatus.SUCCEEDED) -> ReleaseOrder:
    """Carry an order out; its deployments end as `outcome`."""
    for _ in range(4):
        order = world.step(order)
        for row in selectors.planned_targets(order):
            if row.deployment is not None and not row.deployment.is_final:
                end(row.deployment, outcome)
    return world.step(order)


def version(world: ReleaseWorld, replicas: int, outcome: str = DeploymentStatus.SUCCEEDED) -> ReleaseOrder:
    """Release another version everywhere."""
    build = world.build()
    revision = world.revision(replicas=replicas)
    order = services.submit_order(order=world.order(build=build, revision=revision), actor=world.actor())
    return released(world, order, outcome)


def running(world: ReleaseWorld) -> dict[str, str]:
    """Return the hash of the bytes that are meant to run at each target."""
    found = {}
    for target in world.base.targets:
        live = deployments.live_deployment(world.application, target)
        assert live is not None
        found[str(target)] = deployments.final_stage(live).manifest_set.sha256
    return found


@pytest.mark.parametrize("outcome", [DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED])
def test_what_ran_before_comes_back_from_its_stored_bytes(world: ReleaseWorld, outcome: str) -> None:
    version(world, 1)
    before = running(world)
    order = version(world, 2, outcome)
    made = services.roll_back_order(order=order, actor=world.actor("approver"), note="slow")
    assert (made.kind, made.rolls_back, made.status) == (ReleaseOrder.Kind.ROLLBACK, order, Status.EXECUTING)
    made = released(world, made)
    assert made.status == Status.SUCCEEDED
    assert running(world) == before
    kinds = [row.deployment.kind for row in selectors.planned_targets(made) if row.deployment]
    assert kinds == [Deployment.Kind.ROLLBACK] * 2
    assert world.again(order).status == order.status
    entry = AuditEntry.objects.get(action="release.roll_back")
    assert (entry.object_id, entry.details["by_release"]) == (order.pk, made.number)
    assert "release.rolled_back_by" in {row.code for row in world.again(order).entries.all()}


def test_approvals_and_a_freeze_do_not_hold_it_up(world: ReleaseWorld) -> None:
    version(world, 1)
    order = version(world, 2)
    window = {"from": "2020-01-01T00:00+00:00", "until": "2099-01-01T00:00+00:00", "reason": "sale"}
    world.policy(approvals_needed=3, test_order_needed=True, freeze_windows=[window], unscanned_builds="block")
    assert services.roll_back_order(order=order, actor=world.actor()).status == Status.EXECUTING


def test_the_last_wave_goes_back_first(world: ReleaseWorld) -> None:
    other = ReleaseWorld(world.base, world.base.application(), world.people)
    for replicas in (1, 2):
        wishes = [
            services.Wish(one.application, one.build(), one.revision(replicas=replicas), wave)
            for wave, one in enumerate((world, other))
        ]
        order = services.create_order(environment=world.base.environment, wishes=wishes, actor=world.actor())
        order = released(world, services.submit_order(order=order, actor=world.actor()))
        assert order.status == Status.SUCCEEDED
    made = services.roll_back_order(order=order, actor=world.actor())
    assert [(item.application, item.wave) for item in made.items.order_by("wave")] == [
        (other.application, 0),
        (world.application, 1),
    ]
    world.step(made)
    kinds = {row.application_id: row.kind for row in Deployment.objects.order_by("id")}
    assert kinds == {other.application.pk: "rollback", world.application.pk: "deploy"}
    assert released(world, made).status == Status.SUCCEEDED


def test_an_order_that_is_executing_is_stopped_and_superseded(world: ReleaseWorld) -> None:
    version(world, 1)
    before = running(world)
    order = services.submit_order(
        order=world.order(build=world.build(), revision=world.revision(replicas=2)), actor=world.actor()
    )
    order = world.step(order)
    made = services.roll_back_order(order=order, actor=world.actor())
    assert world.again(order).status == Status.CANCELED
    world.step(made)
    statuses = Deployment.objects.filter(release_item_id=order.items.get().pk).values_list("status", flat=True)
    assert set(statuses) == {DeploymentStatus.SUPERSEDED}
    assert released(world, made).status == Status.SUCCEEDED
    assert running(world) == before


def test_where_nothing_ran_before_it_is_left_and_only_stopped(world: ReleaseWorld) -> None:
    order = services.submit_order(order=world.order(), actor=world.actor())
    order = world.step(order)
    with pytest.raises(Conflict) as refused:
        services.roll_back_order(order=order, actor=world.actor())
    assert refused.value.code == "release.nothing_to_roll_back"
    # One of two targets has a past: the other one is left as it is, and what goes on there is asked to stop.
    first, second = Deployment.objects.filter(application=world.application).order_by("id")
    end(first, DeploymentStatus.SUCCEEDED)
    end(second, DeploymentStatus.FAILED)
    world.step(order)
    later = services.submit_order(
        order=world.order(build=world.build(), revision=world.revision(replicas=2)), actor=world.actor()
    )
    later = world.step(later)
    made = services.roll_back_order(order=later, actor=world.actor())
    assert [row.target_id for row in selectors.planned_targets(made)] == [first.target_id]
    assert {gate["code"] for gate in made.gates} >= {"gate.nothing_before"}
    left = Deployment.objects.get(target=second.target, release_item_id=later.items.get().pk)
    assert left.cancel_requested_at is not None


def test_it_stands_with_what_it_brings_back(world: ReleaseWorld) -> None:
    other = ReleaseWorld(world.base, world.base.application(), world.people)
    version(other, 1)
    wishes = [services.Wish(one.application, one.build(), one.revision(replicas=2)) for one in (world, other)]
    order = services.create_order(environment=world.base.environment, wishes=wishes, actor=world.actor())
    order = released(world, services.submit_order(order=order, actor=world.actor()))
    assert order.application == world.application
    # The first application never ran before: the rollback is about the second alone.
    made = services.roll_back_order(order=order, actor=world.actor())
    assert made.application == other.application
    assert [row.target_id for row in selectors.planned_targets(made)] == [row.pk for row in world.base.targets]


def test_a_newer_version_is_not_taken_away(world: ReleaseWorld) -> None:
    version(world, 1)
    order = version(world, 2)
    version(world, 3)
    with pytest.raises(Blocked) as refused:
        services.roll_back_order(order=order, actor=world.actor())
    assert {code for code, _ in refused.value.blockers} == {"gate.overtaken"}
    assert not order.rollbacks.exists()


def test_targets_that_somebody_rolled_back_already_are_left_alone(world: ReleaseWorld) -> None:
    version(world, 1)
    order = version(world, 2)
    target = world.base.targets[0]
    past = deployments.rollback_points(world.application, target)[-1]
    end(deploying.request_rollback(deployment=past, actor=world.actor()), DeploymentStatus.SUCCEEDED)
    made = services.roll_back_order(order=order, actor=world.actor())
    assert [row.target_id for row in selectors.planned_targets(made)] == [world.base.targets[1].pk]
    assert {gate["code"] for gate in made.gates} >= {"gate.back_already"}


def test_a_cluster_in_maintenance_and_a_missing_image_stop_it(world: ReleaseWorld) -> None:
    version(world, 1)
    order = version(world, 2)
    cluster = world.base.clusters[0]
    type(cluster).objects.filter(pk=cluster.pk).update(state="maintenance")
    with pytest.raises(Blocked) as refused:
        services.roll_back_order(order=order, actor=world.actor())
    assert [code for code, _ in refused.value.blockers] == ["gate.cluster_maintenance"]


def test_it_is_rolled_back_once_and_not_tried_again_after(world: ReleaseWorld) -> None:
    version(world, 1)
    order = version(world, 2, DeploymentStatus.FAILED)
    assert order.status == Status.FAILED
    made = services.roll_back_order(order=order, actor=world.actor())
    with pytest.raises(Conflict) as refused:
        services.roll_back_order(order=world.again(order), actor=world.actor())
    assert refused.value.code == "release.rolling_back"
    released(world, made)
    with pytest.raises(Conflict) as refused:
        services.retry_order(order=world.again(order), actor=world.actor())
    assert refused.value.code == "release.rolled_back_already"
    assert "It was rolled back" in world.client("developer").get(order.get_absolute_url()).content.decode()


def test_drafts_and_what_waits_changed_nothing(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=1)
    with pytest.raises(Conflict) as refused:
        services.roll_back_order(order=order, actor=world.actor())
    assert refused.value.code == "release.nothing_to_roll_back"
    assert world.client("developer").get(f"{order.get_absolute_url()}rollback/").status_code == 200


def test_through_the_pages(world: ReleaseWorld) -> None:
    version(world, 1)
    order = version(world, 2)
    client, url = world.client("approver"), f"{order.get_absolute_url()}rollback/"
    assert url in client.get(order.get_absolute_url()).content.decode()
    assert url not in world.client("viewer").get(order.get_absolute_url()).content.decode()
    preview = client.get(url).content.decode()
    assert "What will change" in preview
    assert preview.count("0 added, 1 changed, 0 removed") == 2
    assert not order.rollbacks.exists()
    refused = client.post(url, {"note": "kept words"})
    assert refused.status_code == 422
    assert "kept words" in refused.content.decode()
    done = client.post(url, {"note": "slow", "confirm_name": world.application.slug})
    assert done.status_code == 302
    shown = client.get(done["Location"]).content.decode()
    assert f"Rolls release {order.number} back" in shown
    assert "Brings back" in shown
    listed = client.get(f"{world.application.get_absolute_url()}releases/").content.decode()
    assert f"Rolls release {order.number} back" in listed


def test_through_the_api(world: ReleaseWorld) -> None:
    version(world, 1)
    order = version(world, 2)
    url, headers = f"{world.url}{order.number}/rollback/", world.token("approver", "release")
    client = Client()
    assert client.get(url, headers=world.token("tester", "read", "release")).status_code == 403
    preview = client.get(url, headers=headers).json()
    assert not preview["blocked"]
    assert {row["restores"] for row in preview["targets"]} == {1, 2}

    def post(**given: Any) -> Any:
        return client.post(url, given, content_type="application/json", headers=headers)

    assert post(plan_hash="0" * 64).json()["error"]["code"] == "release.plan_changed"
    made = post(plan_hash=preview["plan_hash"], note="slow")
    assert made.status_code == 202, made.content
    answer = made.json()
    assert (answer["kind"], answer["status"]) == ("rollback", "executing")
    assert answer["rolls_back"] == {
        "application": world.application.slug,
        "number": order.number,
        "url": order.get_absolute_url(),
    }
    again = post()
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "release.rolling_back"
