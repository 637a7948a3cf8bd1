"""Verbs on release orders: create, plan, submit, approve, reject, start, stop, retry. Steps are in `steps.py`.

    create -> draft with a plan -> submit (plan made again and frozen) -> approvals sign its hash -> executing -> ended
Calls to clusters and the registry are made before a transaction, never inside. Every verb that moves an order locks its
row first, so two people at once are two people one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from apps.applications.models import Application, Environment, next_number
from apps.audit import services as audit
from apps.builds.models import Build
from apps.builds.models import Status as BuildStatus
from apps.core import events, lifecycle
from apps.core.actors import Actor
from apps.core.dispatch import enqueue
from apps.core.errors import Blocked, Conflict, InvalidInput, NotAllowed
from apps.core.models import Event
from apps.deployments import selectors as deployments
from apps.deployments.models import Deployment
from apps.manifests.models import DeployYmlRevision

from . import gates, plan, selectors, timeline
from .models import PLANNABLE, Approval, PlannedTarget, ReleaseItem, ReleaseOrder, Status
from .steps import STEPS, ask_for_approvals, execute, hold, release_holds, stop_reasons


def create_order(
    *,
    application: Application,
    environment: Environment,
    build: Build,
    revision: DeployYmlRevision,
    actor: Actor,
    note: str = "",
    start: str = ReleaseOrder.Start.AT_ONCE,
    scheduled_for: datetime | None = None,
) -> ReleaseOrder:
    """Create a draft: bring a build with a DeployYml to an environment. Its plan is made by `make_plan` or `submit_order`.

    The same build with a newer DeployYml is a release of the configuration alone.

    Raises:
        InvalidInput: the build did not succeed, or a part belongs to another application or project.
    """
    if build.application_id != application.pk or build.status != BuildStatus.SUCCEEDED:
        raise InvalidInput("release.build_not_succeeded", number=build.number, fields={"build": ["not_succeeded"]})
    if revision.application_id != application.pk or environment.project_id != application.project_id:
        raise InvalidInput("release.foreign_parts")
    if scheduled_for is not None and scheduled_for <= timezone.now():
        raise InvalidInput("release.schedule_past", fields={"scheduled_for": ["past"]})
    with transaction.atomic():
        order = ReleaseOrder.objects.create(
            application=application,
            environment=environment,
            number=next_number(application, "release"),
            note=note,
            start=start,
            scheduled_for=scheduled_for,
            created_by_id=actor.user_id,
            created_by_name=actor.name,
            next_step_at=None,
        )
        ReleaseItem.objects.create(order=order, application=application, build=build, revision=revision)
        timeline.note(order, "release.created", by=actor.name)
        _audit(order, actor, "release.create", environment=environment.slug, build=build.number, note=note)
        events.emit("release.created", order, project_id=order.event_project_id(), topics=order.live_topics())
    return order


def make_plan(*, order: ReleaseOrder, actor: Actor) -> ReleaseOrder:
    """Make the plan again, as things are now. A submitted order whose plan has changed loses its approvals.

    Raises:
        Conflict: it is executing or has ended.
        Blocked: a submitted order cannot be planned any more; its frozen plan stays as it was.
    """
    _require(order, PLANNABLE, "release.cannot_plan")
    planned, found = _draw_up(order)
    with transaction.atomic():
        order = _lock(order, PLANNABLE, "release.cannot_plan")
        plan_hash = plan.hash_of(order, planned)
        if order.status != Status.DRAFT and not plan_hash:
            raise Blocked("release.gates_stop", number=order.number, blockers=gates.stopping(found))
        changed = _store(order, planned, found, plan_hash)
        if changed and order.status != Status.DRAFT:
            _void_approvals(order)
        _audit(order, actor, "release.plan", plan_hash=plan_hash, changed=changed)
    return order


def submit_order(*, order: ReleaseOrder, actor: Actor, expected_plan_hash: str = "") -> ReleaseOrder:
    """Make the plan once more and freeze it. Where no approval is needed, the order goes on at once.

    Raises:
        Conflict: it is no draft any more, or the plan is not the one that was looked at (`expected_plan_hash`).
        Blocked: gates do not let it through; the draft shows which.
    """
    _require(order, (Status.DRAFT,), "release.not_draft")
    planned, found = _draw_up(order)
    plan_hash = plan.hash_of(order, planned)
    stopped = gates.stopping(found)
    with transaction.atomic():
        order = _lock(order, (Status.DRAFT,), "release.not_draft")
        _store(order, planned, found, plan_hash)
    if stopped:
        raise Blocked("release.gates_stop", number=order.number, blockers=stopped)
    if expected_plan_hash and expected_plan_hash != plan_hash:
        raise Conflict("release.plan_changed", number=order.number)
    with transaction.atomic():
        order = _lock(order, (Status.DRAFT,), "release.not_draft")
        if order.plan_hash != plan_hash:
            raise Conflict("release.plan_changed", number=order.number)
        order.transition(
            Status.SUBMITTED,
            submitted_by_id=actor.user_id,
            submitted_by_name=actor.name,
            submitted_at=timezone.now(),
        )
        hold(order)
        timeline.note(order, "release.submitted", by=actor.name, hash=plan_hash[:12])
        _audit(order, actor, "release.submit", plan_hash=plan_hash)
        if order.approvals_needed:
            order.record(next_step_at=None)
        else:
            _approve(order)
            if order.start == ReleaseOrder.Start.AT_ONCE and order.scheduled_for is None:
                # The gates were asked just now: no need to ask them in a step again.
                execute(order, started_by=actor)
                enqueue(order.ADVANCE, order.pk)
            else:
                _go_on(order)
    return order


def approve_order(*, order: ReleaseOrder, actor: Actor, note: str = "", expected_plan_hash: str = "") -> ReleaseOrder:
    """Agree to the frozen plan. With enough people the order goes on as its creator wanted.

    Raises:
        NotAllowed: it is the actor's own order, in person or through a token.
        Conflict: it is not waiting, the plan is not the one that was looked at, or the actor said so already.
    """
    with transaction.atomic():
        order = _lock(order, (Status.SUBMITTED,), "release.not_waiting")
        _say(order, actor, Approval.Verdict.APPROVED, note, expected_plan_hash)
        agreed = selectors.agreeing(order).count()
        timeline.note(order, "release.agreed", by=actor.name, agreed=agreed, needed=order.approvals_needed, note=note)
        if agreed >= order.approvals_needed:
            _approve(order)
            _go_on(order)
        else:
            order.record(next_step_at=None)  # announces it to open pages
    return order


def reject_order(*, order: ReleaseOrder, actor: Actor, note: str, expected_plan_hash: str = "") -> ReleaseOrder:
    """Refuse the plan; the order ends.

    Raises:
        InvalidInput: no reason is given.
        NotAllowed, Conflict: see `approve_order`.
    """
    if not note.strip():
        raise InvalidInput("release.reason_needed", fields={"note": ["required"]})
    with transaction.atomic():
        order = _lock(order, (Status.SUBMITTED, Status.APPROVED, Status.SCHEDULED), "release.not_waiting")
        Approval.objects.filter(order=order, user_id=actor.user_id, voided_at=None).update(voided_at=timezone.now())
        _say(order, actor, Approval.Verdict.REJECTED, note, expected_plan_hash)
        timeline.note(order, "release.rejected", timeline.ERROR, by=actor.name, note=note)
        order.transition(Status.REJECTED)
        release_holds(order)
    return order


def start_order(*, order: ReleaseOrder, actor: Actor) -> ReleaseOrder:
    """Execute an approved order now. Asking again while it executes changes nothing.

    Raises:
        Conflict: it is not approved.
        Blocked: a gate closed since.
    """
    if order.status == Status.EXECUTING:
        return order
    allowed = (Status.APPROVED, Status.SCHEDULED)
    _require(order, allowed, "release.not_approved")
    if stopped := _stopped(order):
        with transaction.atomic():
            ask_for_approvals(_lock(order, allowed, "release.not_approved"))
        raise Blocked("release.gates_stop", number=order.number, blockers=stopped)
    with transaction.atomic():
        order = _lock(order, (*allowed, Status.EXECUTING), "release.not_approved")
        if order.status != Status.EXECUTING:
            execute(order, started_by=actor)
            _audit(order, actor, "release.start", plan_hash=order.plan_hash)
            enqueue(order.ADVANCE, order.pk)
    return order


def stop_order(*, order: ReleaseOrder, actor: Actor) -> ReleaseOrder:
    """Take an order back, or stop it: running deployments are asked to stop, further ones are not begun.

    Raises:
        Conflict: it has ended, or was asked already.
    """
    with transaction.atomic():
        order = _lock(order, tuple(map(Status, ReleaseOrder.active_statuses())), "release.ended")
        if order.status == Status.EXECUTING:
            if not order.request_cancel():
                raise Conflict("release.ended", number=order.number, status=order.get_status_display())
            timeline.note(order, "release.stop_requested", timeline.WARNING, by=actor.name)
        else:
            timeline.note(order, "release.taken_back", timeline.WARNING, by=actor.name)
            order.take_over(Status.CANCELED)
            release_holds(order)
        _audit(order, actor, "release.stop")
    return order


def retry_order(*, order: ReleaseOrder, actor: Actor) -> ReleaseOrder:
    """Try the failed targets of an order again, with the bytes that were approved.

    Raises:
        Conflict: nothing failed, or something else was released there since.
        Blocked: a gate is closed now.
    """
    allowed = (Status.FAILED, Status.PAUSED)
    _require(order, allowed, "release.not_failed")
    failed = [row for row in selectors.planned_targets(order) if row.has_failed]
    _require_newest(order, failed)
    # What stopped a target last time is no reason not to try it again.
    PlannedTarget.objects.filter(pk__in=[row.pk for row in failed]).update(problem_code="", problem_params={})
    if stopped := _stopped(order):
        raise Blocked("release.gates_stop", number=order.number, blockers=stopped)
    with transaction.atomic():
        order = _lock(order, allowed, "release.not_failed")
        PlannedTarget.objects.filter(pk__in=[row.pk for row in failed]).update(deployment=None)
        _reopen(order)
        timeline.note(order, "release.retried", by=actor.name, targets=", ".join(str(row.target) for row in failed))
        _audit(order, actor, "release.retry", targets=[str(row.target) for row in failed])
        enqueue(order.ADVANCE, order.pk)
    return order


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


def _audit(order: ReleaseOrder, actor: Actor, action: str, **details: object) -> None:
    audit.record(actor=actor, action=action, subject=order, project=order.application.project, **details)


def _require(order: ReleaseOrder, allowed: Sequence[str], code: str) -> None:
    if order.status not in allowed:
        raise Conflict(code, number=order.number, status=order.get_status_display())


def _lock(order: ReleaseOrder, allowed: Sequence[str], code: str) -> ReleaseOrder:
    """Return the order read again under a lock, after checking that it still is where it was looked at."""
    locked = (
        ReleaseOrder.objects.select_for_update(of=("self",))
        .select_related(*selectors.RELATED, "environment__project")
        .get(pk=order.pk)
    )
    _require(locked, allowed, code)
    return locked


def _stopped(order: ReleaseOrder) -> list[tuple[str, dict[str, Any]]]:
    """Return what stops an order, asked at a door and not under a lease.

    Raises:
        Conflict: a worker moves the order on at this moment.
    """
    try:
        return stop_reasons(order)
    except lifecycle.LeaseLost as exc:
        raise Conflict("release.busy", number=order.number) from exc


def _draw_up(order: ReleaseOrder) -> tuple[list[PlannedTarget], list[gates.Gate]]:
    planned = plan.draw_up(order)
    return planned, gates.evaluate(order, planned)


def _store(order: ReleaseOrder, planned: Sequence[PlannedTarget], found: Sequence[gates.Gate], plan_hash: str) -> bool:
    """Replace the plan; True where it is another one than before."""
    changed = order.plan_hash != plan_hash
    PlannedTarget.objects.filter(item__order=order).delete()
    PlannedTarget.objects.bulk_create(planned)
    order.record(plan_hash=plan_hash, planned_at=timezone.now(), gates=[gate.as_dict() for gate in found])
    return changed


def _void_approvals(order: ReleaseOrder) -> None:
    """Take back what was said about another plan, and wait for approvals again."""
    voided = Approval.objects.filter(order=order, voided_at=None).update(voided_at=timezone.now())
    timeline.note(order, "release.plan_changed_by_replan", timeline.WARNING, voided=voided, hash=order.plan_hash[:12])
    if not order.approvals_needed:
        return  # nobody is waited for
    if order.status in (Status.APPROVED, Status.SCHEDULED):
        order.transition(Status.SUBMITTED)
    order.record(next_step_at=None)


def _say(order: ReleaseOrder, actor: Actor, verdict: str, note: str, expected_plan_hash: str) -> None:
    """Write one person's word on the present plan."""
    if actor.user_id is None or actor.user_id in (order.created_by_id, order.submitted_by_id):
        raise NotAllowed("release.own_order", number=order.number)
    if expected_plan_hash and expected_plan_hash != order.plan_hash:
        raise Conflict("release.plan_changed", number=order.number)
    try:
        with transaction.atomic():
            Approval.objects.create(
                order=order,
                plan_hash=order.plan_hash,
                verdict=verdict,
                note=note,
                user_id=actor.user_id,
                user_name=actor.name,
                token_name=actor.token_name,
            )
    except IntegrityError as exc:
        raise Conflict("release.said_already", number=order.number) from exc
    action = "release.approve" if verdict == Approval.Verdict.APPROVED else "release.reject"
    _audit(order, actor, action, plan_hash=order.plan_hash, note=note)


def _approve(order: ReleaseOrder) -> None:
    order.transition(Status.APPROVED)
    timeline.note(order, "release.approved", needed=order.approvals_needed)


def _go_on(order: ReleaseOrder) -> None:
    """Let an approved order go on as its creator wanted: at a time, at once, or when somebody starts it."""
    if order.scheduled_for is not None and order.scheduled_for > timezone.now():
        # No countdown: the sweep finds it when its time has come, however far that is.
        order.transition(Status.SCHEDULED, next_step_in=(order.scheduled_for - timezone.now()).total_seconds())
    elif order.start == ReleaseOrder.Start.AT_ONCE or order.scheduled_for is not None:
        enqueue(order.ADVANCE, order.pk)
    else:
        order.record(next_step_at=None)


def _require_newest(order: ReleaseOrder, failed: Sequence[PlannedTarget]) -> None:
    """Raise where another release went to a target after this order's: retrying would bring an older version back."""
    for row in failed:
        newest = deployments.list_deployments(row.item.application, target=row.target).first()
        overtaken = newest is not None and newest.kind == Deployment.Kind.DEPLOY
        if overtaken and newest is not None and newest.release_item_id != row.item_id:
            raise Conflict("release.overtaken", number=order.number, target=str(row.target), by=newest.number)


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
    order.refresh_from_db(fields=["status", "status_since", "finished_at", "next_step_at", "fence"])
    events.emit(
        "release.executing",
        order,
        project_id=order.event_project_id(),
        payload={"previous": Status.FAILED, **order.event_payload()},
        topics=order.live_topics(),
    )
