"""The steps of a release order: begin, and follow the deployments of its waves.

    submitted: enough people agree -> approved
    approved, scheduled: gates once more -> executing, or stays and says what stops it
    executing: ask for the deployments of the wave (their rows and ours in one transaction), read how they do
               -> next wave | succeeded | failed | paused between waves | canceled when asked to stop
Deployments carry out themselves; their events wake the order, and the sweep alone would do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.core.actors import Actor, system_actor
from apps.core.errors import Conflict
from apps.core.lifecycle import Again, Step
from apps.deployments import services as deployments
from apps.deployments.models import Deployment

from . import moves, selectors, timeline
from .models import PlannedTarget, ReleaseOrder, Status

IDLE_SECONDS = 3600.0  # a person is waited for; the door that lets it go on wakes it
APPROVALS_SECONDS = 600.0  # whoever agrees moves the order on at once; this finds what changed elsewhere
BUSY_SECONDS = 3.0
FOLLOW_SECONDS = 10.0  # deployments wake their order when they end


def wait(_order: ReleaseOrder) -> Again:
    """Wait for a person."""
    return Again(IDLE_SECONDS)


def next_look_at_approvals() -> datetime:
    """Return when a submitted order looks by itself whether it has enough approvals."""
    return timezone.now() + timedelta(seconds=APPROVALS_SECONDS)


def gather(order: ReleaseOrder) -> Again:
    """Wait for approvals. What is there may become enough: the environment asks for fewer, or an approver is back."""
    if not moves.has_approvals(order):
        return Again(APPROVALS_SECONDS)
    with transaction.atomic():
        moves.approve(order)
    return Again(0)


def begin(order: ReleaseOrder) -> Again | None:
    """Go on to executing by itself, where that was wanted and nothing stops it any more."""
    if order.waits_for_its_time:
        assert order.scheduled_for is not None
        return Again((order.scheduled_for - timezone.now()).total_seconds())
    if order.start == ReleaseOrder.Start.BY_HAND:
        if order.status == Status.SCHEDULED:
            with transaction.atomic():
                order.transition(Status.APPROVED)
                timeline.note(order, "release.may_start")
        return Again(IDLE_SECONDS)
    stopped = moves.stop_reasons(order)
    if stopped:
        code, params = stopped[0]
        timeline.note(order, "release.not_started", timeline.WARNING, gate=code, gate_params=params)
        if moves.ask_for_approvals(order):
            return Again(APPROVALS_SECONDS)
        if order.status == Status.SCHEDULED:
            order.transition(Status.APPROVED)
        order.record(start=ReleaseOrder.Start.BY_HAND)
        return Again(IDLE_SECONDS)
    moves.execute(order, started_by=Actor(user=order.submitted_by, name=order.submitted_by_name))
    return Again(0)


def follow(order: ReleaseOrder) -> Again | None:
    """Bring the present wave about, and decide when it has ended."""
    planned = selectors.planned_targets(order)
    if order.cancel_requested_at is not None:
        return _stop(order, planned)
    wave = min((row.item.wave for row in planned if not row.is_done), default=None)
    if wave is None:
        _end(order, Status.SUCCEEDED, "release.succeeded")
        return None
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
    failed = ", ".join(place(order, row) for row in present if row.has_failed)
    if any(row.item.wave > wave for row in planned):
        # A person decides: the wave again, or no further.
        timeline.note(order, "release.paused", timeline.ERROR, targets=failed)
        order.transition(Status.PAUSED)
        return Again(IDLE_SECONDS)
    _end(order, Status.FAILED, "release.failed", targets=failed)
    return None


STEPS: Mapping[str, Step] = {
    Status.DRAFT: wait,
    Status.SUBMITTED: gather,
    Status.APPROVED: begin,
    Status.SCHEDULED: begin,
    Status.EXECUTING: follow,
    Status.PAUSED: wait,
}


def _request(order: ReleaseOrder, row: PlannedTarget) -> bool:
    """Ask for the deployment of a target; False where the target is busy with another one, so that it is tried again."""
    try:
        with transaction.atomic():
            # Under the fencing number: who lost the lease meanwhile asks for nothing.
            order.record(attempts=0)
            row.deployment = _ask(order, row)
            PlannedTarget.objects.filter(pk=row.pk).update(deployment=row.deployment, tries=F("tries") + 1)
            timeline.note(order, "release.deploying", target=place(order, row), number=row.deployment.number)
    except Conflict as exc:
        row.deployment = None
        timeline.note(order, exc.code, timeline.WARNING, **exc.params)
        if exc.code == "deployment.in_progress":
            return False
        row.problem_code, row.problem_params = exc.code, exc.params
        row.save(update_fields=["problem_code", "problem_params"])
    return True


def _ask(order: ReleaseOrder, row: PlannedTarget) -> Deployment:
    """Ask for the planned bytes, in the caller's transaction: neither way calls another system."""
    actor = Actor(user=order.started_by, name=order.started_by_name)
    if row.restores is not None:
        return deployments.request_rollback(
            deployment=row.restores,
            actor=actor,
            note=order.note,
            release_item_id=row.item_id,
            ask_registry=False,
            take_over_fields=row.take_over_fields,
        )
    assert row.manifest_set is not None
    return deployments.request_deployment(
        application=row.item.application,
        target=row.target,
        manifest_set=row.manifest_set,
        actor=actor,
        build=row.item.build,
        note=order.note,
        release_item_id=row.item_id,
        take_over_fields=row.take_over_fields,
    )


def place(order: ReleaseOrder, row: PlannedTarget) -> str:
    """Return the words for a target of an order, with its application where there are several."""
    return f"{row.item.application.slug} {row.target}" if order.has_several_items else str(row.target)


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
        _end(order, Status.SUCCEEDED, "release.succeeded")
    else:
        _end(order, Status.CANCELED, "release.canceled")
    return None


def _end(order: ReleaseOrder, status: Status, code: str, **params: object) -> None:
    """End the order. A failed one keeps its hold on the image: it can be tried again."""
    level = timeline.ERROR if status == Status.FAILED else timeline.INFO
    with transaction.atomic():
        if order.transition(status):
            timeline.note(order, code, level, **params)
            if status != Status.FAILED:
                moves.release_holds(order)
