"""Draw an order up: create a draft, make its plan, submit it so that the plan is frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.applications.models import Application, Environment, next_number
from apps.builds.models import Build
from apps.builds.models import Status as BuildStatus
from apps.core import events
from apps.core.actors import Actor
from apps.core.errors import Blocked, Conflict, InvalidInput
from apps.manifests.models import DeployYmlRevision
from apps.releases import gates, moves, plan, timeline
from apps.releases.models import MOST_WAVES, PLANNABLE, Approval, PlannedTarget, ReleaseItem, ReleaseOrder, Status
from apps.releases.steps import place

from .rows import lock, require_status, write_audit


@dataclass(frozen=True)
class Wish:
    """One application of a new order: a build with a DeployYml. Waves go one after another, the lowest first."""

    application: Application
    build: Build
    revision: DeployYmlRevision
    wave: int = 0


def create_order(
    *,
    environment: Environment,
    wishes: Sequence[Wish],
    actor: Actor,
    note: str = "",
    start: str = ReleaseOrder.Start.AT_ONCE,
    scheduled_for: datetime | None = None,
) -> ReleaseOrder:
    """Create a draft: bring builds with their DeployYml to an environment. `make_plan` or `submit_order` makes its plan.

    It stands with the first application. The same build with a newer DeployYml is a release of the configuration alone.

    Raises:
        InvalidInput: nothing or an application twice, a build that did not succeed, a part of another application or project.
    """
    _check(environment, wishes)
    if scheduled_for is not None and scheduled_for <= timezone.now():
        raise InvalidInput("release.schedule_past", fields={"scheduled_for": ["past"]})
    first = wishes[0].application
    waves = sorted({wish.wave for wish in wishes})  # without gaps: 1, 5 is 1, 2
    with transaction.atomic():
        order = ReleaseOrder.objects.create(
            application=first,
            environment=environment,
            number=next_number(first, "release"),
            note=note,
            start=start,
            scheduled_for=scheduled_for,
            created_by_id=actor.user_id,
            created_by_name=actor.name,
            next_step_at=None,
        )
        ReleaseItem.objects.bulk_create(
            ReleaseItem(
                order=order,
                application=wish.application,
                build=wish.build,
                revision=wish.revision,
                wave=waves.index(wish.wave),
            )
            for wish in wishes
        )
        timeline.note(order, "release.created", by=actor.name)
        builds = {wish.application.slug: wish.build.number for wish in wishes}
        write_audit(order, actor, "release.create", environment=environment.slug, builds=builds, note=note)
        events.emit("release.created", order, project_id=order.event_project_id(), topics=order.live_topics())
    return order


def _check(environment: Environment, wishes: Sequence[Wish]) -> None:
    if not wishes:
        raise InvalidInput("release.nothing_chosen", fields={"items": ["required"]})
    if len({wish.application.pk for wish in wishes}) < len(wishes):
        raise InvalidInput("release.application_twice", fields={"items": ["repeated"]})
    for wish in wishes:
        if wish.build.application_id != wish.application.pk or wish.build.status != BuildStatus.SUCCEEDED:
            raise InvalidInput(
                "release.build_not_succeeded", number=wish.build.number, fields={"build": ["not_succeeded"]}
            )
        if {wish.revision.application_id, wish.build.application_id} != {wish.application.pk}:
            raise InvalidInput("release.foreign_parts")
        if wish.application.project_id != environment.project_id:
            raise InvalidInput("release.foreign_parts")
        if not 0 <= wish.wave < MOST_WAVES:
            raise InvalidInput("release.wave_unknown", most=MOST_WAVES, fields={"wave": ["range"]})


def make_plan(*, order: ReleaseOrder, actor: Actor, decisions: plan.Decisions | None = None) -> ReleaseOrder:
    """Make the plan again, as things are now. A submitted order whose plan has changed loses its approvals.

    `decisions` say for which targets fields that others own are taken over: it becomes a part of the plan.

    Raises:
        Conflict: it is executing or has ended.
        Blocked: a submitted order cannot be planned any more; its frozen plan stays as it was.
    """
    require_status(order, PLANNABLE, "release.cannot_plan")
    planned, found = _draw_up(order, decisions)
    with transaction.atomic():
        order = lock(order, PLANNABLE, "release.cannot_plan")
        plan_hash = plan.hash_of(order, planned)
        if order.status != Status.DRAFT and not plan_hash:
            raise Blocked("release.gates_stop", number=order.number, blockers=gates.stopping(found))
        changed = _store(order, planned, found, plan_hash)
        if changed and order.status != Status.DRAFT:
            _void_approvals(order)
            moves.hold(order)
        taken_over = [place(order, row) for row in planned if row.take_over_fields]
        if decisions:
            code = "release.takes_over" if taken_over else "release.leaves_fields"
            timeline.note(order, code, timeline.WARNING, by=actor.name, targets=", ".join(taken_over))
        write_audit(order, actor, "release.plan", plan_hash=plan_hash, changed=changed, take_over_fields=taken_over)
    return order


def submit_order(*, order: ReleaseOrder, actor: Actor, expected_plan_hash: str = "") -> ReleaseOrder:
    """Make the plan once more and freeze it. Where no approval is needed, the order goes on at once.

    Raises:
        Conflict: it is no draft any more, or the plan is not the one that was looked at (`expected_plan_hash`).
        Blocked: gates do not let it through; the draft shows which.
    """
    require_status(order, (Status.DRAFT,), "release.not_draft")
    planned, found = _draw_up(order)
    plan_hash = plan.hash_of(order, planned)
    stopped = gates.stopping(found)
    with transaction.atomic():
        order = lock(order, (Status.DRAFT,), "release.not_draft")
        _store(order, planned, found, plan_hash)
    if stopped:
        raise Blocked("release.gates_stop", number=order.number, blockers=stopped)
    if expected_plan_hash and expected_plan_hash != plan_hash:
        raise Conflict("release.plan_changed", number=order.number)
    with transaction.atomic():
        order = lock(order, (Status.DRAFT,), "release.not_draft")
        if order.plan_hash != plan_hash:
            raise Conflict("release.plan_changed", number=order.number)
        order.transition(
            Status.SUBMITTED,
            submitted_by_id=actor.user_id,
            submitted_by_name=actor.name,
            submitted_at=timezone.now(),
        )
        moves.hold(order)
        timeline.note(order, "release.submitted", by=actor.name, hash=plan_hash[:12])
        write_audit(order, actor, "release.submit", plan_hash=plan_hash)
        if not order.approvals_needed:
            moves.approve(order)
            if order.begins_at_once:
                # The gates were asked just now: no need to ask them in a step again.
                moves.execute(order, started_by=actor)
    return order


def _draw_up(
    order: ReleaseOrder, decisions: plan.Decisions | None = None
) -> tuple[list[PlannedTarget], list[gates.Gate]]:
    planned = plan.draw_up(order, decisions)
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
    if order.approvals_needed and order.status in (Status.APPROVED, Status.SCHEDULED):
        order.transition(Status.SUBMITTED)
