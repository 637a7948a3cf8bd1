"""Two people at once, and a process killed between the steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.core.errors import SlipwayError
from apps.deployments import services as deployments
from apps.deployments.models import Deployment
from apps.deployments.models import Status as DeploymentStatus
from apps.manifests import services as manifests
from apps.releases import selectors, services, steps
from apps.releases.models import Approval, PlannedTarget, ReleaseOrder, Status
from tests.releases.world import ReleaseWorld, end


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run all at the same moment, each with its own connection; return results or errors."""
    barrier = threading.Barrier(len(works))
    results: list[object] = [None] * len(works)

    def run(index: int, work: Callable[[], object]) -> None:
        try:
            barrier.wait(10)
            results[index] = work()
        except SlipwayError as exc:
            results[index] = exc
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index, work)) for index, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_two_people_at_once_and_a_kill_at_each_step(
    committed_world: ReleaseWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = committed_world
    order = world.submitted(approvals=2, start=ReleaseOrder.Start.BY_HAND)
    first, second = world.actor("approver"), world.actor("second_approver")
    # The same person twice, and another one, at once: two words, one approval of the order.
    results = at_once(
        lambda: services.approve_order(order=order, actor=first),
        lambda: services.approve_order(order=order, actor=first),
        lambda: services.approve_order(order=order, actor=second),
    )
    refused = [result for result in results if isinstance(result, SlipwayError)]
    assert len(refused) == 1, results
    assert Approval.objects.filter(order=order).count() == 2
    order = world.again(order)
    assert order.status == Status.APPROVED
    assert order.entries.filter(code="release.approved").count() == 1

    # Two people start it at once: it is executed once.
    at_once(*(lambda: services.start_order(order=world.again(order), actor=world.actor()) for _ in range(2)))
    assert world.again(order).entries.filter(code="release.executing").count() == 1

    # Killed after the first deployment was asked for: the second is asked for later, none twice.
    request = deployments.request_deployment
    asked = []

    def killed(**given: object) -> Deployment:
        made = request(**given)  # type: ignore[arg-type]
        asked.append(made.pk)
        if len(asked) == 1:
            raise SystemExit
        return made

    with monkeypatch.context() as patched:
        patched.setattr(steps.deployments, "request_deployment", killed)
        with pytest.raises(SystemExit):
            services.advance_order(order.pk)
    # The row and its deployment are one transaction: what was not kept was not asked for.
    assert not Deployment.objects.filter(application=world.application).exists()
    ReleaseOrder.objects.filter(pk=order.pk).update(leased_until=None, next_step_at=timezone.now())
    at_once(*(lambda: services.advance_order(order.pk) for _ in range(3)))
    assert Deployment.objects.filter(application=world.application).count() == 2
    assert PlannedTarget.objects.filter(item__order=order, deployment__isnull=False, tries=1).count() == 2


def test_two_people_with_different_wishes_are_one_after_another(committed_world: ReleaseWorld) -> None:
    world = committed_world

    # One approves while the other takes the order back, several times: whoever was first, the order knows one truth.
    approver, developer = world.actor("approver"), world.actor()
    for _ in range(3):
        order = world.submitted(approvals=1, start=ReleaseOrder.Start.BY_HAND)
        approved, stopped = at_once(
            lambda order=order: services.approve_order(order=order, actor=approver),
            lambda order=order: services.stop_order(order=order, actor=developer),
        )
        assert not isinstance(stopped, SlipwayError), stopped
        order = world.again(order)
        assert order.status == Status.CANCELED
        codes = [entry.code for entry in order.entries.all()]
        assert ("release.approved" in codes) == (not isinstance(approved, SlipwayError))
        assert codes[-1] == "release.taken_back"

    # One makes the plan again, with another secret in it, while the other approves the one on the screen.
    manifests.set_secret(application=world.application, key="TOKEN", value="first value", actor=world.actor())
    revision = world.revision(secrets=[{"name": "TOKEN"}], env=[{"name": "TOKEN", "secret": "TOKEN"}])
    order = world.submitted(approvals=1, revision=revision, start=ReleaseOrder.Start.BY_HAND)
    manifests.set_secret(application=world.application, key="TOKEN", value="another value", actor=world.actor())
    seen = order.plan_hash
    at_once(
        lambda: services.make_plan(order=world.again(order), actor=world.actor()),
        lambda: services.approve_order(order=order, actor=world.actor("approver"), expected_plan_hash=seen),
    )
    order = world.again(order)
    assert order.plan_hash != seen
    assert order.status == Status.SUBMITTED
    assert not selectors.agreeing(order).exists()
    services.stop_order(order=order, actor=world.actor())

    # Two roll the same order back at once: it is rolled back once.
    for replicas in (1, 2):
        order = world.submitted(revision=world.revision(replicas=replicas))
        order = world.step(order)
        for deployment in Deployment.objects.filter(application=world.application, finished_at=None):
            end(deployment, DeploymentStatus.SUCCEEDED)
        order = world.step(order)
        assert order.status == Status.SUCCEEDED
    results = at_once(*(lambda: services.roll_back_order(order=order, actor=world.actor()) for _ in range(2)))
    assert len([result for result in results if isinstance(result, SlipwayError)]) == 1, results
    assert order.rollbacks.count() == 1

    # A person starts a scheduled order in the moment in which a worker does.
    made = order.rollbacks.get()
    services.stop_order(order=made, actor=world.actor())
    world.step(made)
    order = world.submitted(scheduled_for=timezone.now() + timedelta(hours=1))
    past = timezone.now() - timedelta(seconds=1)
    ReleaseOrder.objects.filter(pk=order.pk).update(scheduled_for=past, next_step_at=past)
    order = world.again(order)
    results = at_once(
        lambda: services.start_order(order=order, actor=world.actor()), lambda: services.advance_order(order.pk)
    )
    assert all(
        getattr(result, "code", "release.busy") in ("release.busy", "release.plan_changed")
        for result in results
        if isinstance(result, SlipwayError)
    )
    services.advance_order(order.pk)
    assert world.again(order).entries.filter(code="release.executing").count() == 1


def test_two_try_the_failed_targets_again_at_once(committed_world: ReleaseWorld) -> None:
    world = committed_world
    order = world.step(world.submitted())
    good, bad = Deployment.objects.filter(application=world.application).order_by("id")
    end(good, DeploymentStatus.SUCCEEDED)
    end(bad, DeploymentStatus.FAILED)
    order = world.step(order)
    results = at_once(*(lambda: services.retry_order(order=order, actor=world.actor()) for _ in range(3)))
    done = [result for result in results if not isinstance(result, SlipwayError)]
    assert len(done) == 1, results
    at_once(*(lambda: services.advance_order(order.pk) for _ in range(2)))
    again = Deployment.objects.filter(application=world.application).exclude(pk__in=[good.pk, bad.pk])
    assert [row.target_id for row in again] == [bad.target_id]
