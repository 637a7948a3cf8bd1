"""What a deployment that was stopped leaves behind: stopping sends nothing, so the cluster keeps what it was told. Pure."""

from __future__ import annotations

from typing import Any

from .models import Deployment, Status


def left_behind(deployment: Deployment) -> tuple[str, dict[str, Any]]:
    """Return the code and parameters of the sentence that says in which state the cluster is left."""
    progress = {"ready": deployment.ready, "wanted": deployment.wanted}
    if deployment.status == Status.PENDING:
        return "deployment.canceled_before", {}
    if deployment.kind == Deployment.Kind.REMOVAL:
        return "deployment.canceled_removing", {"left": deployment.total_objects - deployment.applied_objects}
    if deployment.status == Status.APPLYING:
        sent = {"sent": deployment.applied_objects, "objects": deployment.total_objects}
        return ("deployment.canceled_half", sent) if deployment.total_objects else ("deployment.canceled_unknown", {})
    if deployment.rollout_paused:
        return "deployment.canceled_paused", {"updated": deployment.updated, "wanted": deployment.wanted}
    return "deployment.canceled_rolling", progress
