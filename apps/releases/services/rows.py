"""Read an order's row under a lock, and write about it: what all verbs share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.audit import services as audit
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.releases import selectors
from apps.releases.models import ReleaseOrder


def require_status(order: ReleaseOrder, allowed: Sequence[str], code: str) -> None:
    """Raise where an order is not where a verb needs it to be.

    Raises:
        Conflict: `code`, with its number and status.
    """
    if order.status not in allowed:
        raise Conflict(code, number=order.number, status=order.get_status_display())


def lock(order: ReleaseOrder, allowed: Sequence[str], code: str) -> ReleaseOrder:
    """Return the order read again under a lock, after checking that it still is where it was looked at.

    Raises:
        Conflict: `code`: it was moved on meanwhile.
    """
    locked = (
        ReleaseOrder.objects.select_for_update(of=("self",))
        .select_related(*selectors.RELATED, "environment__project")
        .get(pk=order.pk)
    )
    require_status(locked, allowed, code)
    return locked


def write_audit(order: ReleaseOrder, actor: Actor, action: str, **details: Any) -> None:
    """Record an action on an order."""
    audit.record(actor=actor, action=action, subject=order, project=order.application.project, **details)
