"""What pages show of a deployment: the timeline in words, the cause with its evidence, what a rollback would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.core import messages
from apps.manifests import diff
from apps.manifests import selectors as manifests

from . import selectors
from .models import Deployment, DeploymentEntry

_TONES = {
    DeploymentEntry.Level.INFO: ("neutral", "circle-dot"),
    DeploymentEntry.Level.WARNING: ("amber", "triangle-alert"),
    DeploymentEntry.Level.ERROR: ("red", "circle-x"),
}
_ICONS = {
    "deployment.requested": ("blue", "rocket"),
    "deployment.rollback_requested": ("violet", "undo-2"),
    "deployment.succeeded": ("green", "circle-check"),
}


def timeline(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the entries for the timeline component, each with the seconds since the one before."""
    rows: list[dict[str, Any]] = []
    before = deployment.created_at
    for entry in deployment.entries.all():
        tone, icon = _ICONS.get(entry.code) or _TONES[DeploymentEntry.Level(entry.level)]
        params = {
            name: ", ".join(map(str, value)) if isinstance(value, list) and name != "conflicts" else value
            for name, value in entry.params.items()
        }
        if "sha256" in params:
            params["sha256"] = str(params["sha256"])[:12] + "…"
        rows.append(
            {
                "title": messages.word(entry.code, params).message,
                "tone": tone,
                "icon": icon,
                "at": entry.at,
                "seconds": round((entry.at - before).total_seconds(), 1),
            }
        )
        before = entry.at
    return rows


def cause(deployment: Deployment) -> messages.Words | None:
    """Return why it failed, or why it waits; None where there is nothing to explain."""
    if deployment.cause_code:
        return messages.word(deployment.cause_code, deployment.cause_params)
    if deployment.error_code:
        return messages.word(deployment.error_code, deployment.error_params)
    return None


@dataclass(frozen=True)
class RollbackPreview:
    """What would change on the target by going back to a version."""

    to: Deployment
    live: Deployment | None
    changes: list[diff.ObjectChange]


def rollback_preview(to: Deployment) -> RollbackPreview:
    """Return what a rollback to `to` would change against what was last applied there, from stored bytes alone."""
    newest = (
        selectors.list_deployments(to.application, target=to.target).prefetch_related("stages__manifest_set").first()
    )
    applied = manifests.stored_objects(selectors.final_stage(newest).manifest_set) if newest else []
    wanted = manifests.stored_objects(selectors.final_stage(to).manifest_set)
    return RollbackPreview(to, selectors.live_deployment(to.application, to.target), diff.diff_sets(applied, wanted))
