"""The moves of a release order that doors and steps share: go on once it is approved, begin, hold its images.

Callers hold the row: a door by its lock, a step by its lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.dispatch import enqueue
from apps.registry import services as holds

from . import gates, plan, selectors, timeline
from .models import PlannedTarget, ReleaseOrder, Status


def stop_reasons(
    order: ReleaseOrder, planned: Sequence[PlannedTarget] | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """Ask every gate again, store the answers, and return those that do not let through. Calls the registry.

    `planned` is the plan where the caller has read it already.

    Raises:
        LeaseLost: somebody else moves the order on at this moment.
    """
    planned = selectors.planned_targets(order) if planned is None else planned
    found = gates.evaluate(order, planned)
    order.record(gates=[gate.as_dict() for gate in found])
    stopped = gates.stopping(found)
    if plan.hash_of(order, planned) != order.plan_hash:
        stopped.append(("gate.plan_differs", {}))
    agreed = selectors.agreeing(order).count()
    if agreed < order.approvals_needed:
        stopped.append(("gate.approvals_missing", {"agreed": agreed, "needed": order.approvals_needed}))
    return stopped


def has_approvals(order: ReleaseOrder) -> bool:
    """Return whether enough people agree to the present plan, who still may."""
    return selectors.agreeing(order).count() >= order.approvals_needed


def approve(order: ReleaseOrder) -> None:
    """Move to approved in the caller's transaction, and on as its creator wanted: at a time, at once, or by a person."""
    if not order.transition(Status.APPROVED):
        return  # a step and a person at once: one of them did
    timeline.note(order, "release.approved", needed=order.approvals_needed)
    if order.waits_for_its_time:
        assert order.scheduled_for is not None
        # No countdown: the sweep finds it when its time has come, however far that is.
        order.transition(Status.SCHEDULED, next_step_in=(order.scheduled_for - timezone.now()).total_seconds())
    elif order.start == ReleaseOrder.Start.AT_ONCE:
        enqueue(order.ADVANCE, order.pk)
    else:
        order.record(next_step_at=None)  # a person starts it


def ask_for_approvals(order: ReleaseOrder) -> bool:
    """Let an approved order wait for approvals again where it has fewer than it needs by now."""
    agreed, needed = selectors.agreeing(order).count(), order.approvals_needed
    if agreed >= needed:
        return False
    with transaction.atomic():
        if order.transition(Status.SUBMITTED):
            timeline.note(order, "release.approvals_missing", timeline.WARNING, agreed=agreed, needed=needed)
    return True


def execute(order: ReleaseOrder, *, started_by: Actor) -> bool:
    """Move to executing, in the caller's transaction or step.

    False where it is not what the gates were asked about any more: somebody moved it on, made its plan again, or took an
    approver's role away.
    """
    with transaction.atomic():
        present = ReleaseOrder.objects.select_for_update(of=("self",)).get(pk=order.pk)
        if present.plan_hash != order.plan_hash or not has_approvals(order):
            return False
        if not order.transition(
            Status.EXECUTING,
            started_by_id=started_by.user_id,
            started_by_name=started_by.name,
            error_code="",
            error_params={},
        ):
            return False
        timeline.note(order, "release.executing", by=started_by.name)
    return True


def hold(order: ReleaseOrder) -> None:
    """Keep the images of an order from being cleaned up while it may still be executed."""
    images = {
        (row.item.application, row.manifest_set.image_digest)
        for row in selectors.planned_targets(order)
        if row.manifest_set is not None
    }
    for application, digest in images:
        holds.hold(application=application, digest=digest, holder=_holder(order), reason="release order")


def release_holds(order: ReleaseOrder) -> None:
    """Let go of the images; what was deployed is held by its deployment."""
    for item in order.items.select_related("application"):
        holds.release(application=item.application, holder=_holder(order))


def _holder(order: ReleaseOrder) -> str:
    return f"release:{order.pk}"
