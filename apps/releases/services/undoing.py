"""Take a whole order back: a new order, executed at once, that brings back what ran before.

Nobody has to approve it: those versions ran there, approved. Who holds the right to roll back may do it, also while the
first order is still executing: it is stopped by the same transaction, so that it asks for nothing more.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps.applications.models import next_number
from apps.core import events
from apps.core.actors import Actor
from apps.core.dispatch import enqueue
from apps.core.errors import Blocked, Conflict
from apps.deployments import services as deployments
from apps.releases import gates, moves, plan, timeline, undo
from apps.releases.models import PlannedTarget, ReleaseItem, ReleaseOrder, Status

from .rows import lock, require_status, write_audit


def roll_back_order(*, order: ReleaseOrder, actor: Actor, note: str = "", expected_plan_hash: str = "") -> ReleaseOrder:
    """Bring back what ran before an order, in reverse order of its waves; returns the new order, which is executing.

    Raises:
        Conflict: it changed nothing, is being rolled back already, or not what was looked at (`expected_plan_hash`).
        Blocked: another version went there since, an image is gone, or a cluster is in maintenance.
    """
    require_status(order, undo.BEGUN, "release.nothing_to_roll_back")
    way = undo.find_way_back(order)
    found = undo.evaluate(way)
    if stopped := gates.stopping(found):
        raise Blocked("release.cannot_roll_back", number=order.number, blockers=stopped)
    if not way.planned:
        raise Conflict("release.nothing_to_roll_back", number=order.number, status=order.get_status_display())
    plan_hash = plan.hash_of(order, way.planned)
    if expected_plan_hash and expected_plan_hash != plan_hash:
        raise Conflict("release.plan_changed", number=order.number)
    with transaction.atomic():
        first = lock(order, undo.BEGUN, "release.nothing_to_roll_back")
        _stop(first, actor)
        # Nothing of the first order moves any more: what was looked at must be what is there.
        present = undo.find_way_back(first)
        if not way.same_as(present) or any(undo.overtaking(present)):
            raise Conflict("release.plan_changed", number=order.number)
        made = _insert(first, present, found, plan_hash, actor, note)
        for deployment in present.left:
            if deployment.cancel_requested_at is None:
                deployments.cancel_deployment(deployment=deployment, actor=actor)
        timeline.note(first, "release.rolled_back_by", timeline.WARNING, by=actor.name, number=made.number)
        write_audit(first, actor, "release.roll_back", by_release=made.number, plan_hash=plan_hash, note=note)
        moves.execute(made, started_by=actor)
        enqueue(made.ADVANCE, made.pk)
    return made


def _stop(first: ReleaseOrder, actor: Actor) -> None:
    """End the first order where it is still going on.

    Raises:
        Conflict: it is being rolled back already.
    """
    running = first.rollbacks.filter(status__in=ReleaseOrder.active_statuses()).first()
    if running is not None:
        raise Conflict("release.rolling_back", number=first.number, by=running.number)
    if not first.is_final:
        timeline.note(first, "release.stop_requested", timeline.WARNING, by=actor.name)
        first.take_over(Status.CANCELED)
    moves.release_holds(first)


def _insert(
    first: ReleaseOrder, way: undo.WayBack, found: list[gates.Gate], plan_hash: str, actor: Actor, note: str
) -> ReleaseOrder:
    """Write the new order with its plan: approved, since what it brings back was."""
    now = timezone.now()
    applications = [item.application for item in way.items]
    stands_with = first.application if first.application in applications else applications[0]
    made = ReleaseOrder.objects.create(
        kind=ReleaseOrder.Kind.ROLLBACK,
        rolls_back=first,
        status=Status.APPROVED,
        application=stands_with,
        environment=first.environment,
        number=next_number(stands_with, "release"),
        note=note,
        created_by_id=actor.user_id,
        created_by_name=actor.name,
        submitted_by_id=actor.user_id,
        submitted_by_name=actor.name,
        submitted_at=now,
        plan_hash=plan_hash,
        planned_at=now,
        gates=[gate.as_dict() for gate in found],
    )
    for item in way.items:
        item.order = made
    ReleaseItem.objects.bulk_create(way.items)
    for row in way.planned:
        row.item_id = row.item.pk
    PlannedTarget.objects.bulk_create(way.planned)
    moves.hold(made)
    timeline.note(made, "release.rollback_created", by=actor.name, number=first.number)
    events.emit("release.created", made, project_id=made.event_project_id(), topics=made.live_topics())
    return made
