"""The steps of a release order: begin, and follow the deployments of its waves.

    approved, scheduled: gates once more -> executing, or stays and says what stops it
    executing: ask for the deployments of the wave (their rows and ours in one transaction), read how they do
               -> next wave | succeeded | failed | paused between waves | canceled when asked to stop
Deployments carry out themselves; their events wake the order, and the sweep alone would do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.core.actors import Actor, system_actor
from apps.core.errors import Conflict
from apps.core.lifecycle import Again, Step
from apps.deployments import services as deployments
from apps.registry import services as holds

from . import gates, plan, selectors, timeline
from .models import PlannedTarget, ReleaseOrder, Status

IDLE_SECONDS = 3600.0  # a person is waited for; the door that lets it go on wakes it
BUSY_SECONDS = 3.0
FOLLOW_SECONDS = 10.0  # deployments wake their order when they end


def wait(_order: ReleaseOrder) -> Again:
    """Wait for a person."""
    return Again(IDLE_SECONDS)


def begin(order: ReleaseOrder) -> Again | None:
    """Go on to executing by itself, where that was wanted and nothing stops it any more."""
    if order.status == Status.APPROVED and order.start != ReleaseOrder.Start.AT_ONCE:
        return Again(IDLE_SECONDS)
    stopped = stop_reasons(order)
    if stopped:
        code, params = stopped[0]
        timeline.note(order, "release.not_started", timeline.WARNING, gate=code, gate_params=params)
        if ask_for_approvals(order):
            return Again(IDLE_SECONDS)
        if order.status == Status.SCHEDULED:
            order.transition(Status.APPROVED)
        order.record(start=ReleaseOrder.Start.BY_HAND)
        return Again(IDLE_SECONDS)
    execute(order, started_by=Actor(user=order.submitted_by, name=order.submitted_by_name))
    return Again(0)


def stop_reasons(order: ReleaseOrder) -> list[tuple[str, dict[str, Any]]]:
    """Ask every gate again, store the answers, and return those that do not let through. Calls the registry."""
    planned = selectors.planned_targets(order)
    found = gates.evaluate(order, planned)
    order.record(gates=[gate.as_dict() for gate in found])
    stopped = gates.stopping(found)
    if plan.hash_of(order, planned) != order.plan_hash:
        stopped.append(("gate.plan_differs", {}))
    agreed = selectors.agreeing(order).count()
    if agreed < order.approvals_needed:
        stopped.append(("gate.approvals_missing", {"agreed": agreed, "needed": order.approvals_needed}))
    return stopped


def ask_for_approvals(order: ReleaseOrder) -> bool:
    """Let an approved order wait for approvals again where its environment asks for more than it has by now."""
    agreed, needed = selectors.agreeing(order).count(), order.approvals_needed
    if agreed >= needed:
        return False
    with transaction.atomic():
        if order.transition(Status.SUBMITTED):
            timeline.note(order, "release.approvals_missing", timeline.WARNING, agreed=agreed, needed=needed)
    return True


def execute(order: ReleaseOrder, *, started_by: Actor) -> bool:
    """Move to executing in the caller's transaction or step; False when somebody else moved the order on."""
    with transaction.atomic():
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


def follow(order: ReleaseOrder) -> Again | None:
    """Bring the present wave about, and decide when it has ended."""
    planned = selectors.planned_targets(order)
    if order.cancel_requested_at is not None:
        return _stop(order, planned)
    wave = min((row.item.wave for row in planned if not row.is_done), default=None)
    if wave is None:
        return _end(order, Status.SUCCEEDED, "release.succeeded")
    present = [row for row in planned if row.item.wave == wave]
    busy = False
    for row in present:
        if row.deployment is None and not row.problem_code:
            busy |= not _request(order, row)
    if busy:
        return Again(BUSY_SECONDS)
    if all(row.is_done for row in present):
        return Again(0)
    if any(not row.is_done and not row.has_failed for row in present):
        return Again(FOLLOW_SECONDS)
    failed = ", ".join(str(row.target) for row in present if row.has_failed)
    if any(row.item.wave > wave for row in planned):
        # A person decides: the wave again, or no further.
        timeline.note(order, "release.paused", timeline.ERROR, targets=failed)
        order.transition(Status.PAUSED)
        return Again(IDLE_SECONDS)
    return _end(order, Status.FAILED, "release.failed", targets=failed)


STEPS: Mapping[str, Step] = {
    Status.DRAFT: wait,
    Status.SUBMITTED: wait,
    Status.APPROVED: begin,
    Status.SCHEDULED: begin,
    Status.EXECUTING: follow,
    Status.PAUSED: wait,
}


def _request(order: ReleaseOrder, row: PlannedTarget) -> bool:
    """Ask for the deployment of a target; False where the target is busy with another one, so that it is tried again."""
    actor = Actor(user=order.started_by, name=order.started_by_name)
    assert row.manifest_set is not None
    try:
        with transaction.atomic():
            # Under the fencing number: who lost the lease meanwhile asks for nothing.
            order.record(attempts=0)
            row.deployment = deployments.request_deployment(
                application=row.item.application,
                target=row.target,
                manifest_set=row.manifest_set,
                actor=actor,
                build=row.item.build,
                note=order.note,
                release_item_id=row.item_id,
            )
            PlannedTarget.objects.filter(pk=row.pk).update(deployment=row.deployment, tries=F("tries") + 1)
            timeline.note(order, "release.deploying", target=str(row.target), number=row.deployment.number)
    except Conflict as exc:
        row.deployment = None
        timeline.note(order, exc.code, timeline.WARNING, **exc.params)
        if exc.code == "deployment.in_progress":
            return False
        row.problem_code, row.problem_params = exc.code, exc.params
        row.save(update_fields=["problem_code", "problem_params"])
    return True


def _stop(order: ReleaseOrder, planned: Sequence[PlannedTarget]) -> Again | None:
    """Ask what runs to stop, and end when it has."""
    running = [row.deployment for row in planned if row.deployment is not None and not row.deployment.is_final]
    for deployment in running:
        if deployment.cancel_requested_at is None:
            with contextlib.suppress(Conflict):  # it ended by itself just now
                deployments.cancel_deployment(deployment=deployment, actor=system_actor(f"release-{order.number}"))
    if running:
        return Again(BUSY_SECONDS)
    if all(row.is_done for row in planned):
        return _end(order, Status.SUCCEEDED, "release.succeeded")
    return _end(order, Status.CANCELED, "release.canceled")


def _end(order: ReleaseOrder, status: Status, code: str, **params: object) -> None:
    """End the order. A failed one keeps its hold on the image: it can be tried again."""
    level = timeline.ERROR if status == Status.FAILED else timeline.INFO
    with transaction.atomic():
        if order.transition(status):
            timeline.note(order, code, level, **params)
            if status != Status.FAILED:
                release_holds(order)


def hold(order: ReleaseOrder) -> None:
    """Keep the images of an order from being cleaned up while it may still be executed."""
    for item in order.items.select_related("application", "build"):
        holds.hold(
            application=item.application,
            digest=item.build.image_digest,
            holder=f"release:{order.pk}",
            reason="release order",
        )


def release_holds(order: ReleaseOrder) -> None:
    """Let go of the images; what was deployed is held by its deployment."""
    for item in order.items.select_related("application"):
        holds.release(application=item.application, holder=f"release:{order.pk}")
