"""Carry an approved order out: start, stop, try what failed again, run its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.formats import date_format

from apps.core import events, lifecycle
from apps.core.actors import Actor
from apps.core.dispatch import enqueue
from apps.core.errors import Blocked, Conflict
from apps.core.models import Event
from apps.deployments import selectors as deployments
from apps.deployments.models import Deployment
from apps.releases import moves, plan, selectors, timeline
from apps.releases.models import PlannedTarget, ReleaseOrder, Status
from apps.releases.steps import STEPS, place

from .rows import lock, require_status, write_audit


def start_order(*, order: ReleaseOrder, actor: Actor) -> ReleaseOrder:
    """Execute an approved order now. Asking again while it executes changes nothing.

    Raises:
        Conflict: it is not approved, or its time has not come.
        Blocked: a gate closed since.
    """
    if order.status == Status.EXECUTING:
        return order
    allowed = (Status.APPROVED, Status.SCHEDULED)
    require_status(order, allowed, "release.not_approved")
    if order.waits_for_its_time:
        assert order.scheduled_for is not None
        at = date_format(timezone.localtime(order.scheduled_for), "SHORT_DATETIME_FORMAT")
        raise Conflict("release.too_early", number=order.number, at=at)
    if stopped := _stopped(order):
        with transaction.atomic():
            moves.ask_for_approvals(lock(order, allowed, "release.not_approved"))
        raise Blocked("release.gates_stop", number=order.number, blockers=stopped)
    judged = order.plan_hash
    with transaction.atomic():
        order = lock(order, (*allowed, Status.EXECUTING), "release.not_approved")
        if order.status == Status.EXECUTING:
            return order
        if order.plan_hash != judged or not moves.execute(order, started_by=actor):
            raise Conflict("release.plan_changed", number=order.number)
        write_audit(order, actor, "release.start", plan_hash=order.plan_hash)
        enqueue(order.ADVANCE, order.pk)
    return order


def stop_order(*, order: ReleaseOrder, actor: Actor) -> ReleaseOrder:
    """Take an order back, or stop it: running deployments are asked to stop, further ones are not begun.

    Raises:
        Conflict: it has ended, or was asked already.
    """
    with transaction.atomic():
        order = lock(order, tuple(map(Status, ReleaseOrder.active_statuses())), "release.ended")
        if order.status == Status.EXECUTING:
            if not order.request_cancel():
                raise Conflict("release.ended", number=order.number, status=order.get_status_display())
            timeline.note(order, "release.stop_requested", timeline.WARNING, by=actor.name)
        else:
            timeline.note(order, "release.taken_back", timeline.WARNING, by=actor.name)
            order.take_over(Status.CANCELED)
            moves.release_holds(order)
        write_audit(order, actor, "release.stop")
    return order


def retry_order(*, order: ReleaseOrder, actor: Actor, take_over_fields: bool = False) -> ReleaseOrder:
    """Try the failed targets of an order again, with the bytes that were approved.

    With `take_over_fields` those that a conflict stopped take the fields over that others own. That is a part of what
    approvals sign, so where any are needed it takes a new order.

    Raises:
        Conflict: nothing failed, something else was released there since, the order was rolled back, or taking over
            needs approval.
        Blocked: a gate is closed now.
    """
    allowed = (Status.FAILED, Status.PAUSED)
    require_status(order, allowed, "release.not_failed")
    if take_over_fields and order.approvals_needed:
        raise Conflict("release.take_over_needs_approval", number=order.number)
    planned = selectors.planned_targets(order)
    _require_retriable(order, [row for row in planned if row.has_failed])
    for row in planned:
        if row.has_failed:  # what stopped a target last time is no reason not to try it again
            row.problem_code, row.problem_params = "", {}
    if stopped := _stopped(order, planned):
        raise Blocked("release.gates_stop", number=order.number, blockers=stopped)
    with transaction.atomic():
        order = lock(order, allowed, "release.not_failed")
        # Read again: somebody may have tried them meanwhile, and some may be done.
        failed = [row for row in selectors.planned_targets(order) if row.has_failed]
        _require_retriable(order, failed)
        PlannedTarget.objects.filter(pk__in=[row.pk for row in failed]).update(
            deployment=None, problem_code="", problem_params={}
        )
        places = [place(order, row) for row in failed]
        if take_over_fields:
            _take_over(order, actor, failed)
        _reopen(order)
        timeline.note(order, "release.retried", by=actor.name, targets=", ".join(places))
        write_audit(order, actor, "release.retry", targets=places, take_over_fields=take_over_fields)
        enqueue(order.ADVANCE, order.pk)
    return order


def _take_over(order: ReleaseOrder, actor: Actor, failed: Sequence[PlannedTarget]) -> None:
    """Let the targets that a conflict stopped take the fields over, and make that a part of the plan."""
    stopped = [row for row in failed if selectors.met_a_conflict(row)]
    PlannedTarget.objects.filter(pk__in=[row.pk for row in stopped]).update(take_over_fields=True)
    order.record(plan_hash=plan.hash_of(order, selectors.planned_targets(order)))
    places = ", ".join(place(order, row) for row in stopped)
    timeline.note(order, "release.takes_over", timeline.WARNING, by=actor.name, targets=places)


def advance_order(order_id: int) -> None:
    """Run the next step of an order."""
    lifecycle.advance(ReleaseOrder, order_id, STEPS)


def note_deployment(event_id: int) -> None:
    """Wake the order that a deployment belongs to: it has ended."""
    event = Event.objects.filter(pk=event_id).first()
    item_id = event.payload.get("release_item_id") if event else None
    order = ReleaseOrder.objects.filter(items=item_id).first() if item_id else None
    if order is not None and order.status == Status.EXECUTING:
        order.wake()


def _stopped(order: ReleaseOrder, planned: Sequence[PlannedTarget] | None = None) -> list[tuple[str, dict[str, Any]]]:
    """Return what stops an order, asked at a door and not under a lease.

    Raises:
        Conflict: a worker moves the order on at this moment.
    """
    try:
        return moves.stop_reasons(order, planned)
    except lifecycle.LeaseLost as exc:
        raise Conflict("release.busy", number=order.number) from exc


def _require_retriable(order: ReleaseOrder, failed: Sequence[PlannedTarget]) -> None:
    """Raise where trying again would bring back a version that was left behind."""
    undone_by = order.rollbacks.order_by("-id").first()
    if undone_by is not None:
        raise Conflict("release.rolled_back_already", number=order.number, by=undone_by.number)
    for row in failed:
        # A rollback after a failure is no reason not to try again; another release or a removal is.
        versions = deployments.list_versions(row.item.application, target=row.target)
        newest = versions.exclude(kind=Deployment.Kind.ROLLBACK).first()
        if newest is not None and newest.pk > _since(row) and newest.release_item_id != row.item_id:
            raise Conflict("release.overtaken", number=order.number, target=place(order, row), by=newest.number)


def _since(row: PlannedTarget) -> int:
    """Return the primary key of the deployment that a target was tried with, 0 where none was asked for."""
    return row.deployment.pk if row.deployment is not None else 0


def _reopen(order: ReleaseOrder) -> None:
    """Go on with an order. `failed` is final for everybody but this verb, so the move is written here and not in the table."""
    if order.status == Status.PAUSED:
        order.transition(Status.EXECUTING)
        return
    now = timezone.now()
    ReleaseOrder.objects.filter(pk=order.pk, status=Status.FAILED).update(
        status=Status.EXECUTING,
        status_since=now,
        finished_at=None,
        next_step_at=now,
        cancel_requested_at=None,
        error_code="",
        error_params={},
        fence=F("fence") + 1,
    )
    order.refresh_from_db()
    events.emit(
        "release.executing",
        order,
        project_id=order.event_project_id(),
        payload={"previous": Status.FAILED, **order.event_payload()},
        topics=order.live_topics(),
    )
