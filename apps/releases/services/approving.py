"""Approve and reject: people's words on the frozen plan of an order."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.errors import Conflict, InvalidInput, NotAllowed
from apps.releases import moves, selectors, timeline
from apps.releases.models import Approval, ReleaseOrder, Status
from apps.releases.steps import next_look_at_approvals

from .rows import lock, write_audit


def approve_order(*, order: ReleaseOrder, actor: Actor, note: str = "", expected_plan_hash: str = "") -> ReleaseOrder:
    """Agree to the frozen plan. With enough people the order goes on as its creator wanted.

    Raises:
        NotAllowed: it is the actor's own order, in person or through a token.
        Conflict: it is not waiting, the plan is not the one that was looked at, or the actor said so already.
    """
    with transaction.atomic():
        order = lock(order, (Status.SUBMITTED,), "release.not_waiting")
        _say(order, actor, Approval.Verdict.APPROVED, note, expected_plan_hash)
        agreed, needed = selectors.agreeing(order).count(), order.approvals_needed
        timeline.note(order, "release.agreed", by=actor.name, agreed=agreed, needed=needed, note=note)
        if agreed >= needed:
            moves.approve(order)
        else:
            order.record(next_step_at=next_look_at_approvals())  # announces it to open pages
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
        order = lock(order, (Status.SUBMITTED, Status.APPROVED, Status.SCHEDULED), "release.not_waiting")
        Approval.objects.filter(order=order, user=actor.user, voided_at=None).update(voided_at=timezone.now())
        _say(order, actor, Approval.Verdict.REJECTED, note, expected_plan_hash)
        timeline.note(order, "release.rejected", timeline.ERROR, by=actor.name, note=note)
        order.transition(Status.REJECTED)
        moves.release_holds(order)
    return order


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
    write_audit(order, actor, action, plan_hash=order.plan_hash, note=note)
