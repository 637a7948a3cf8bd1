"""Two people at once, and a process killed between the steps."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from apps.core.errors import SlipwayError
from apps.deployments import services as deployments
from apps.deployments.models import Deployment
from apps.releases import services, steps
from apps.releases.models import Approval, PlannedTarget, ReleaseOrder, Status
from tests.releases.world import ReleaseWorld


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
