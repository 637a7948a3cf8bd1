"""Plans freeze, approvals sign them, nobody approves their own, and what was approved is what is deployed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.applications.services import archive_application
from apps.audit.models import AuditEntry
from apps.core.errors import Blocked, Conflict, InvalidInput, NotAllowed
from apps.core.models import Event
from apps.deployments.models import Deployment
from apps.deployments.models import Status as DeploymentStatus
from apps.manifests import services as manifests
from apps.manifests.models import ManifestSet
from apps.registry.models import Hold
from apps.releases import moves, selectors, services, testing
from apps.releases.models import ReleaseOrder, Status
from tests import factories
from tests.releases.world import ReleaseWorld, end


def codes(order: ReleaseOrder, level: str) -> set[str]:
    return {gate["code"] for gate in order.gates if gate["level"] == level}


def test_a_draft_shows_its_plan_and_changes_nothing(world: ReleaseWorld) -> None:
    order = services.make_plan(order=world.order(), actor=world.actor())
    planned = selectors.planned_targets(order)
    assert order.status == Status.DRAFT
    assert len(planned) == 2
    assert all(row.manifest_set and not row.problem_code for row in planned), [row.problem_params for row in planned]
    assert codes(order, "stop") == set()
    assert {"gate.image_there", "gate.cluster_takes_it", "gate.not_frozen", "gate.scan_passed"} <= codes(order, "ok")
    assert order.plan_hash
    assert not Deployment.objects.filter(application=world.application).exists()


def test_the_same_plan_has_the_same_hash_and_another_one_another(world: ReleaseWorld) -> None:
    order = services.make_plan(order=world.order(), actor=world.actor())
    again = services.make_plan(order=order, actor=world.actor())
    assert again.plan_hash == order.plan_hash
    build = order.items.get().build
    world.revision(replicas=3)
    other = services.make_plan(order=world.order(build=build), actor=world.actor())
    assert other.plan_hash != order.plan_hash


def test_without_approvals_it_is_executed_at_once_and_follows_its_deployments(world: ReleaseWorld) -> None:
    order = world.submitted()
    assert order.status == Status.EXECUTING
    assert Hold.objects.filter(holder=f"release:{order.pk}", released_at=None).exists()
    world.step(order)
    deployments = list(Deployment.objects.filter(application=world.application).order_by("id"))
    assert [row.release_item_id for row in deployments] == [order.items.get().pk] * 2
    planned = {row.target_id: row.manifest_set_id for row in selectors.planned_targets(order)}
    for deployment in deployments:
        assert deployment.stages.get().manifest_set_id == planned[deployment.target_id]
    assert world.step(order).status == Status.EXECUTING
    end(deployments[0], DeploymentStatus.SUCCEEDED)
    assert world.step(order).status == Status.EXECUTING
    end(deployments[1], DeploymentStatus.SUCCEEDED)
    order = world.step(order)
    assert order.status == Status.SUCCEEDED
    assert order.finished_at is not None
    assert not Hold.objects.filter(holder=f"release:{order.pk}", released_at=None).exists()
    assert Deployment.objects.filter(application=world.application).count() == 2


def test_a_deployment_that_ends_wakes_its_order(world: ReleaseWorld) -> None:
    order = world.step(world.submitted())
    assert order.next_step_at is not None
    assert order.next_step_at > timezone.now() + timedelta(seconds=5)
    deployment = Deployment.objects.filter(application=world.application).first()
    assert deployment is not None
    end(deployment, DeploymentStatus.FAILED)
    event = Event.objects.get(name="deployment.failed", object_id=deployment.pk)
    services.note_deployment(event.pk)
    order = world.again(order)
    assert order.next_step_at is not None
    assert order.next_step_at <= timezone.now()


def test_one_failed_target_fails_the_order_and_can_be_tried_again(world: ReleaseWorld) -> None:
    order = world.step(world.submitted())
    good, bad = Deployment.objects.filter(application=world.application).order_by("id")
    end(good, DeploymentStatus.SUCCEEDED)
    end(bad, DeploymentStatus.FAILED)
    order = world.step(order)
    assert order.status == Status.FAILED
    order = services.retry_order(order=order, actor=world.actor())
    assert order.status == Status.EXECUTING
    order = world.step(order)
    third = Deployment.objects.filter(application=world.application).order_by("-id").first()
    assert third is not None
    assert third.target_id == bad.target_id
    assert third.stages.get().manifest_set_id == bad.stages.get().manifest_set_id
    end(third, DeploymentStatus.SUCCEEDED)
    assert world.step(order).status == Status.SUCCEEDED
    assert Deployment.objects.filter(application=world.application).count() == 3


def test_a_failed_order_that_was_overtaken_is_not_tried_again(world: ReleaseWorld) -> None:
    order = world.step(world.submitted())
    for deployment in Deployment.objects.filter(application=world.application):
        end(deployment, DeploymentStatus.FAILED)
    order = world.step(order)
    newer = world.step(world.submitted())
    with pytest.raises(Conflict) as refused:
        services.retry_order(order=order, actor=world.actor())
    assert refused.value.code == "release.overtaken"
    assert newer.status == Status.EXECUTING


def test_approvals_are_needed_from_others_and_in_number(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=2)
    assert order.status == Status.SUBMITTED
    with pytest.raises(Conflict):
        services.start_order(order=order, actor=world.actor())
    order = services.approve_order(order=order, actor=world.actor("approver"), expected_plan_hash=order.plan_hash)
    assert order.status == Status.SUBMITTED
    with pytest.raises(Conflict) as twice:
        services.approve_order(order=order, actor=world.actor("approver"))
    assert twice.value.code == "release.said_already"
    order = services.approve_order(order=order, actor=world.actor("owner"))
    assert order.status == Status.APPROVED
    assert world.step(order).status == Status.EXECUTING


@pytest.mark.parametrize("role", ["developer", "owner", "platform_admin"])
def test_nobody_approves_their_own_order(world: ReleaseWorld, role: str) -> None:
    world.policy(approvals_needed=1)
    order = services.submit_order(order=world.order(actor=world.actor(role)), actor=world.actor("developer"))
    for actor in (world.actor(role), world.actor(role, frozenset({"approve", "admin"}))):
        with pytest.raises(NotAllowed) as refused:
            services.approve_order(order=order, actor=actor)
        assert refused.value.code == "release.own_order"
    assert world.again(order).status == Status.SUBMITTED


def test_an_approval_of_another_plan_than_the_one_seen_is_refused(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=1)
    with pytest.raises(Conflict) as refused:
        services.approve_order(order=order, actor=world.actor("approver"), expected_plan_hash="0" * 64)
    assert refused.value.code == "release.plan_changed"


def test_a_changed_plan_voids_the_approvals(world: ReleaseWorld) -> None:
    manifests.set_secret(application=world.application, key="TOKEN", value="first value", actor=world.actor())
    revision = world.revision(
        secrets=[{"name": "TOKEN"}], env=[{"name": "GREETING", "value": "hello"}, {"name": "TOKEN", "secret": "TOKEN"}]
    )
    order = world.submitted(approvals=1, revision=revision, start=ReleaseOrder.Start.BY_HAND)
    order = services.approve_order(order=order, actor=world.actor("approver"))
    assert order.status == Status.APPROVED
    same = services.make_plan(order=order, actor=world.actor())
    assert same.status == Status.APPROVED
    manifests.set_secret(application=world.application, key="TOKEN", value="another value", actor=world.actor())
    # The frozen plan still holds the first value: nothing was voided yet, and nothing else would be applied.
    assert world.again(order).plan_hash == order.plan_hash
    changed = services.make_plan(order=order, actor=world.actor())
    assert changed.plan_hash != order.plan_hash
    assert changed.status == Status.SUBMITTED
    assert not selectors.agreeing(changed).exists()
    with pytest.raises(Conflict):
        services.start_order(order=changed, actor=world.actor())
    # The same person looks again, and may say so again.
    assert services.approve_order(order=changed, actor=world.actor("approver")).status == Status.APPROVED


def test_bytes_changed_behind_the_plan_are_never_deployed(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=1, start=ReleaseOrder.Start.BY_HAND)
    order = services.approve_order(order=order, actor=world.actor("approver"))
    row = selectors.planned_targets(order)[0]
    assert row.manifest_set is not None
    content = bytes(row.manifest_set.content).replace(b"hello", b"HELLO")
    ManifestSet.objects.filter(pk=row.manifest_set_id).update(content=content)
    with pytest.raises(Blocked) as refused:
        services.start_order(order=order, actor=world.actor())
    assert ("gate.plan_differs", {}) in refused.value.blockers
    assert not Deployment.objects.filter(application=world.application).exists()


def test_more_approvals_asked_for_later_count(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=1, start=ReleaseOrder.Start.BY_HAND)
    order = services.approve_order(order=order, actor=world.actor("approver"))
    world.policy(approvals_needed=2)
    with pytest.raises(Blocked) as refused:
        services.start_order(order=world.again(order), actor=world.actor())
    assert refused.value.blockers == [("gate.approvals_missing", {"agreed": 1, "needed": 2})]
    # It waits again, so that somebody can give what is missing.
    order = world.again(order)
    assert order.status == Status.SUBMITTED
    order = services.approve_order(order=order, actor=world.actor("owner"))
    assert services.start_order(order=order, actor=world.actor()).status == Status.EXECUTING


def test_a_scheduled_order_waits_for_more_approvals_too(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=1, scheduled_for=timezone.now() + timedelta(hours=1))
    order = services.approve_order(order=order, actor=world.actor("approver"))
    assert order.status == Status.SCHEDULED
    world.policy(approvals_needed=2)
    assert world.come_due(order).status == Status.SUBMITTED


@pytest.mark.parametrize("lost", ["membership", "role", "account"])
def test_who_may_no_longer_approve_does_not_count(world: ReleaseWorld, lost: str) -> None:
    order = world.submitted(approvals=1, start=ReleaseOrder.Start.BY_HAND)
    order = services.approve_order(order=order, actor=world.actor("approver"))
    assert order.status == Status.APPROVED
    person = world.people["approver"]
    if lost == "membership":
        person.memberships.all().delete()
    elif lost == "role":
        person.memberships.update(role="developer")
    else:
        type(person).objects.filter(pk=person.pk).update(is_active=False)
    with pytest.raises(Blocked) as refused:
        services.start_order(order=world.again(order), actor=world.actor())
    assert refused.value.blockers == [("gate.approvals_missing", {"agreed": 0, "needed": 1})]
    order = world.again(order)
    assert order.status == Status.SUBMITTED
    assert selectors.list_orders_of(world.application).get(pk=order.pk).agreed == 0
    shown = world.client("owner").get(order.get_absolute_url()).content.decode()
    assert "May no longer approve" in shown


def test_an_administrators_approval_counts_and_a_role_that_comes_back_counts_again(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=2, start=ReleaseOrder.Start.BY_HAND)
    services.approve_order(order=order, actor=world.actor("platform_admin"))
    world.people["approver"].memberships.update(role="viewer")
    # What was said while the role was held, is worth nothing without it, and something again with it.
    factories.member(world.base.project, world.people["stranger"], "approver")
    services.approve_order(order=order, actor=world.actor("stranger"))
    order = world.again(order)
    assert order.status == Status.APPROVED
    world.people["stranger"].memberships.update(role="viewer")
    with pytest.raises(Blocked):
        services.start_order(order=order, actor=world.actor())
    world.people["stranger"].memberships.update(role="approver")
    assert world.step(world.again(order)).status == Status.APPROVED


def test_fewer_approvals_asked_for_later_let_an_order_go_on(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=2)
    order = services.approve_order(order=order, actor=world.actor("approver"))
    assert order.next_step_at is not None
    assert world.step(order).status == Status.SUBMITTED
    world.policy(approvals_needed=1)
    assert world.step(order).status == Status.APPROVED
    assert world.step(order).status == Status.EXECUTING


def test_a_plan_made_again_behind_the_gates_is_not_executed(
    world: ReleaseWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the answers of the gates and the start somebody makes the plan again: another one, which nobody judged."""
    order = world.submitted(start=ReleaseOrder.Start.BY_HAND)
    judge = moves.stop_reasons

    def replanned(*given: Any) -> Any:
        answers = judge(*given)
        ReleaseOrder.objects.filter(pk=order.pk).update(plan_hash="f" * 64)
        return answers

    monkeypatch.setattr(moves, "stop_reasons", replanned)
    with pytest.raises(Conflict) as refused:
        services.start_order(order=order, actor=world.actor())
    assert refused.value.code == "release.plan_changed"
    ReleaseOrder.objects.filter(pk=order.pk).update(plan_hash=order.plan_hash, start=ReleaseOrder.Start.AT_ONCE)
    assert world.step(order).status == Status.APPROVED


def test_trying_again_reads_what_failed_under_the_lock(world: ReleaseWorld) -> None:
    """A cluster in maintenance stops a target; that it was stopped is kept until it is really tried again."""
    order = world.submitted()
    cluster = world.base.clusters[0]
    type(cluster).objects.filter(pk=cluster.pk).update(state="maintenance")
    order = world.step(order)
    end(Deployment.objects.get(application=world.application), DeploymentStatus.SUCCEEDED)
    order = world.step(order)
    assert order.status == Status.FAILED
    with pytest.raises(Blocked) as refused:
        services.retry_order(order=order, actor=world.actor())
    assert [code for code, _ in refused.value.blockers] == ["gate.cluster_maintenance"]
    stopped = next(row for row in selectors.planned_targets(order) if row.has_failed)
    assert stopped.problem_code == "cluster.maintenance"
    type(cluster).objects.filter(pk=cluster.pk).update(state="active")
    order = services.retry_order(order=world.again(order), actor=world.actor())
    assert not any(row.problem_code for row in selectors.planned_targets(order))
    world.step(order)
    assert Deployment.objects.filter(application=world.application).count() == 2


@pytest.mark.parametrize(
    ("policy", "approvals", "level"),
    [("by_approvals", 1, "stop"), ("by_approvals", 0, "warn"), ("block", 0, "stop"), ("warn", 1, "warn")],
)
def test_a_build_that_nobody_scanned_is_judged_by_the_environments_policy(
    world: ReleaseWorld, policy: str, approvals: int, level: str
) -> None:
    world.policy(unscanned_builds=policy, approvals_needed=approvals)
    build = world.build(report={"scan": {"scanners": [{"name": "bandit", "status": "missing"}]}})
    order = services.make_plan(order=world.order(build=build), actor=world.actor())
    assert "gate.not_scanned" in codes(order, level)


def test_a_changed_plan_that_needs_nobody_waits_for_nobody(world: ReleaseWorld) -> None:
    manifests.set_secret(application=world.application, key="TOKEN", value="first value", actor=world.actor())
    revision = world.revision(secrets=[{"name": "TOKEN"}], env=[{"name": "TOKEN", "secret": "TOKEN"}])
    order = world.submitted(revision=revision, start=ReleaseOrder.Start.BY_HAND)
    manifests.set_secret(application=world.application, key="TOKEN", value="another value", actor=world.actor())
    changed = services.make_plan(order=order, actor=world.actor())
    assert changed.plan_hash != order.plan_hash
    assert services.start_order(order=changed, actor=world.actor()).status == Status.EXECUTING


def test_an_archived_application_is_not_released_by_the_clock(world: ReleaseWorld) -> None:
    order = world.submitted(scheduled_for=timezone.now() + timedelta(hours=1))
    archive_application(application=world.application, actor=world.actor("owner"))
    order = world.come_due(order)
    assert order.status == Status.APPROVED
    assert codes(order, "stop") == {"gate.application_archived"}
    assert not Deployment.objects.filter(application=world.application).exists()


def test_who_starts_an_order_that_a_worker_moves_on_is_told_so(world: ReleaseWorld) -> None:
    order = world.submitted(start=ReleaseOrder.Start.BY_HAND)
    with ReleaseOrder.objects.get(pk=order.pk).lease() as won:
        assert won
        with pytest.raises(Conflict) as refused:
            services.start_order(order=order, actor=world.actor())
    assert refused.value.code == "release.busy"


def test_a_rejection_needs_a_reason_and_ends_the_order(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=1)
    with pytest.raises(InvalidInput):
        services.reject_order(order=order, actor=world.actor("approver"), note=" ")
    order = services.reject_order(order=order, actor=world.actor("approver"), note="not on a Friday")
    assert order.status == Status.REJECTED
    with pytest.raises(Conflict):
        services.approve_order(order=order, actor=world.actor("owner"))
    assert not Hold.objects.filter(holder=f"release:{order.pk}", released_at=None).exists()


def test_gates_stop_a_submission_and_the_draft_says_why(world: ReleaseWorld) -> None:
    now = timezone.now()
    world.policy(
        test_order_needed=True,
        allowed_branches=["main", "release/*"],
        freeze_windows=[
            {
                "from": (now - timedelta(hours=1)).isoformat(),
                "until": (now + timedelta(hours=1)).isoformat(),
                "reason": "sale",
            }
        ],
    )
    order = world.order(build=world.build(pushed=False))
    with pytest.raises(Blocked) as refused:
        services.submit_order(order=order, actor=world.actor())
    stopped = {code for code, _ in refused.value.blockers}
    assert stopped == {"gate.frozen", "gate.branch_refused", "gate.test_missing", "gate.image_gone"}
    order = world.again(order)
    assert order.status == Status.DRAFT
    assert codes(order, "stop") == stopped


def test_a_testers_verdict_opens_the_gate(world: ReleaseWorld) -> None:
    world.policy(test_order_needed=True, allowed_branches=["release/*"])
    build = world.build(ref="release/1", ref_kind="branch", pushed=False)
    build.image_digest = world.build().image_digest
    build.save(update_fields=["image_digest"])
    test = testing.request_test(application=world.application, build=build, actor=world.actor())
    with pytest.raises(Conflict):
        testing.request_test(application=world.application, build=build, actor=world.actor())
    with pytest.raises(InvalidInput):
        testing.give_verdict(test=test, verdict="failed", actor=world.actor("tester"))
    testing.give_verdict(test=test, verdict="failed", note="slow", actor=world.actor("tester"))
    with pytest.raises(Conflict):
        testing.give_verdict(test=test, verdict="passed", actor=world.actor("tester"))
    order = services.make_plan(order=world.order(build=build), actor=world.actor())
    assert codes(order, "stop") == {"gate.test_failed"}
    second = testing.request_test(application=world.application, build=build, actor=world.actor())
    testing.give_verdict(test=second, verdict="passed", actor=world.actor("tester"))
    assert services.submit_order(order=order, actor=world.actor()).status == Status.EXECUTING


def test_a_cluster_that_refuses_is_in_the_plan_with_its_words(world: ReleaseWorld) -> None:
    target = world.base.targets[0]
    target.namespace = "not-there"
    target.save(update_fields=["namespace"])
    order = services.make_plan(order=world.order(), actor=world.actor())
    row = next(row for row in selectors.planned_targets(order) if row.target_id == target.pk)
    assert row.problem_code == "apply.namespace_missing"
    assert "apply.namespace_missing" in codes(order, "stop")


def test_a_cluster_in_maintenance_stops_and_a_dead_one_too(world: ReleaseWorld) -> None:
    north, south = world.base.clusters
    type(north).objects.filter(pk=north.pk).update(state="maintenance")
    type(south).objects.filter(pk=south.pk).update(server="https://127.0.0.1:1")
    order = services.make_plan(order=world.order(), actor=world.actor())
    assert {"gate.cluster_maintenance", "gate.cluster_unreachable"} <= codes(order, "stop")


def test_targets_added_after_approval_are_not_released_to(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=1, start=ReleaseOrder.Start.BY_HAND)
    order = services.approve_order(order=order, actor=world.actor("approver"))
    factories.target(world.base.environment, world.base.clusters[0])
    with pytest.raises(Blocked) as refused:
        services.start_order(order=order, actor=world.actor())
    assert refused.value.blockers[0][0] == "gate.targets_changed"


def test_a_busy_target_is_waited_for(world: ReleaseWorld) -> None:
    first = world.step(world.submitted())
    second = world.step(world.submitted())
    assert second.status == Status.EXECUTING
    assert Deployment.objects.filter(application=world.application).count() == 2
    assert {entry.code for entry in second.entries.all()} >= {"deployment.in_progress"}
    for deployment in Deployment.objects.filter(application=world.application):
        end(deployment, DeploymentStatus.SUCCEEDED)
    assert world.step(first).status == Status.SUCCEEDED
    world.step(second)
    assert Deployment.objects.filter(application=world.application).count() == 4


def test_stopping_before_and_while_it_executes(world: ReleaseWorld) -> None:
    draft = services.make_plan(order=world.order(), actor=world.actor())
    assert services.stop_order(order=draft, actor=world.actor()).status == Status.CANCELED
    order = world.step(world.submitted())
    services.stop_order(order=order, actor=world.actor())
    order = world.step(order)
    assert order.status == Status.EXECUTING
    for deployment in Deployment.objects.filter(application=world.application):
        assert deployment.cancel_requested_at is not None
        assert deployment.transition(DeploymentStatus.CANCELED)
    assert world.step(order).status == Status.CANCELED
    with pytest.raises(Conflict):
        services.stop_order(order=world.again(order), actor=world.actor())


def test_a_scheduled_order_begins_when_its_time_has_come(world: ReleaseWorld) -> None:
    with pytest.raises(InvalidInput):
        world.order(scheduled_for=timezone.now() - timedelta(minutes=1))
    order = world.submitted(scheduled_for=timezone.now() + timedelta(hours=1))
    assert order.status == Status.SCHEDULED
    services.advance_order(order.pk)
    assert world.again(order).status == Status.SCHEDULED
    assert world.step(order).status == Status.SCHEDULED
    assert world.come_due(order).status == Status.EXECUTING


def test_an_order_for_a_person_and_a_time_waits_for_both(world: ReleaseWorld) -> None:
    order = world.submitted(start=ReleaseOrder.Start.BY_HAND, scheduled_for=timezone.now() + timedelta(hours=1))
    assert order.status == Status.SCHEDULED
    with pytest.raises(Conflict) as refused:
        services.start_order(order=order, actor=world.actor())
    assert refused.value.code == "release.too_early"
    order = world.come_due(order)
    assert order.status == Status.APPROVED
    assert "release.may_start" in {entry.code for entry in order.entries.all()}
    assert world.step(order).status == Status.APPROVED
    assert services.start_order(order=world.again(order), actor=world.actor()).status == Status.EXECUTING


def test_an_order_for_a_person_that_is_approved_after_its_time_waits_for_the_person(world: ReleaseWorld) -> None:
    soon = timezone.now() + timedelta(hours=1)
    order = world.submitted(approvals=1, start=ReleaseOrder.Start.BY_HAND, scheduled_for=soon)
    ReleaseOrder.objects.filter(pk=order.pk).update(scheduled_for=timezone.now() - timedelta(minutes=1))
    order = services.approve_order(order=order, actor=world.actor("approver"))
    assert order.status == Status.APPROVED
    assert world.step(order).status == Status.APPROVED


def test_a_freeze_is_judged_at_the_time_of_starting(world: ReleaseWorld) -> None:
    order = world.submitted(start=ReleaseOrder.Start.BY_HAND, scheduled_for=timezone.now() + timedelta(hours=1))
    order = world.come_due(order)
    now = timezone.now()
    window = {"from": now.isoformat(), "until": (now + timedelta(hours=1)).isoformat(), "reason": "sale"}
    world.policy(freeze_windows=[window])
    with pytest.raises(Blocked) as refused:
        services.start_order(order=world.again(order), actor=world.actor())
    assert [code for code, _ in refused.value.blockers] == ["gate.frozen"]


def test_a_gate_that_closes_before_an_automatic_start_is_told(world: ReleaseWorld) -> None:
    order = world.submitted(scheduled_for=timezone.now() + timedelta(hours=1))
    type(world.base.clusters[0]).objects.filter(pk=world.base.clusters[0].pk).update(state="maintenance")
    order = world.come_due(order)
    assert order.status == Status.APPROVED
    assert order.start == ReleaseOrder.Start.BY_HAND
    assert "release.not_started" in {entry.code for entry in order.entries.all()}
    assert not Deployment.objects.filter(application=world.application).exists()


def test_every_verb_leaves_an_audit_entry(world: ReleaseWorld) -> None:
    order = world.submitted(approvals=1)
    services.approve_order(order=order, actor=world.actor("approver"), note="fine")
    found = AuditEntry.objects.filter(object_type="releaseorder", object_id=order.pk).values_list("action", flat=True)
    assert list(found.order_by("id")) == ["release.create", "release.submit", "release.approve"]


def test_a_plan_of_a_build_that_failed_is_refused(world: ReleaseWorld) -> None:
    with pytest.raises(InvalidInput):
        world.order(build=world.build(status="failed"))
