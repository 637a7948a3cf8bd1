"""What pages show of a deployment: the timeline in words, the cause with its evidence, what a rollback would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.accounts.selectors import display_names
from apps.core import messages
from apps.manifests import diff
from apps.manifests import selectors as manifests
from apps.workloads.selectors import PAGE_TIMEOUT

from . import preview, selectors
from .models import Deployment, DeploymentEntry, Status

_TONES = {
    DeploymentEntry.Level.INFO: ("neutral", "circle-dot"),
    DeploymentEntry.Level.WARNING: ("amber", "triangle-alert"),
    DeploymentEntry.Level.ERROR: ("red", "circle-x"),
}
_ICONS = {
    "deployment.requested": ("blue", "rocket"),
    "deployment.rollback_requested": ("violet", "undo-2"),
    "deployment.reapply_requested": ("blue", "rotate-ccw"),
    "deployment.succeeded": ("green", "circle-check"),
    "deployment.restart_requested": ("blue", "refresh-cw"),
    "deployment.scale_requested": ("blue", "gauge"),
    "deployment.bounds_requested": ("blue", "gauge"),
    "deployment.removal_requested": ("red", "trash-2"),
    "deployment.paused": ("violet", "circle-pause"),
    "deployment.removed": ("green", "circle-check"),
}


def timeline(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the entries for the timeline component, each with the seconds since the one before."""
    rows: list[dict[str, Any]] = []
    before = deployment.created_at
    names = display_names(by for entry in deployment.entries.all() if isinstance(by := entry.params.get("by"), str))
    for entry in deployment.entries.all():
        tone, icon = _ICONS.get(entry.code) or _TONES[DeploymentEntry.Level(entry.level)]
        params = {
            name: ", ".join(value)
            if isinstance(value, list) and all(isinstance(each, str) for each in value)
            else value
            for name, value in entry.params.items()
        }
        if params.get("by") in names:
            params["by"] = names[params["by"]]
        if "sha256" in params:
            params["sha256"] = str(params["sha256"])[:12] + "…"
        rows.append(
            {
                "code": entry.code,
                "title": messages.word(entry.code, params).message,
                "tone": tone,
                "icon": icon,
                "at": entry.at,
                "seconds": round((entry.at - before).total_seconds(), 1),
            }
        )
        before = entry.at
    if deployment.is_final and deployment.error_code and deployment.finished_at and (why := cause(deployment)):
        seconds = round((deployment.finished_at - before).total_seconds(), 1)
        tone, icon = _TONES[DeploymentEntry.Level.ERROR]
        rows.append(
            {"title": why["message"], "tone": tone, "icon": icon, "at": deployment.finished_at, "seconds": seconds}
        )
    return rows


def stopped(rows: list[dict[str, Any]]) -> str:
    """Return what the timeline says of the state that a stopped deployment left; empty where nobody stopped it."""
    return next((row["title"] for row in rows if str(row.get("code", "")).startswith("deployment.canceled")), "")


def serving(deployment: Deployment) -> dict[str, Any] | None:
    """Return what was found to serve after a bad end, in words; None where nobody looked."""
    if deployment.serving is None:
        return None
    code = "deployment.serving" if deployment.serving else "deployment.nothing_serves"
    words = messages.word(code, {"serving": deployment.serving})
    return {"versions": deployment.serving, "message": words.message, "hint": words.hint}


def afterwards(deployment: Deployment) -> dict[str, Any] | None:
    """Return how a version ran badly soon after it succeeded, in words; None where nothing was seen."""
    found = deployment.afterwards
    if not found:
        return None
    words = messages.word(found["code"], found["params"])
    return {**found, "message": words.message, "hint": words.hint}


def cause(deployment: Deployment) -> dict[str, Any] | None:
    """Return why it failed, or why it waits: code, params, message, hint; None where there is nothing to explain.

    An error of ours or of the cluster goes first: it is cleared as soon as a step gets through.
    """
    code, params = deployment.error_code, deployment.error_params
    if not code:
        code, params = deployment.cause_code, deployment.cause_params
    if not code:
        return None
    words = messages.word(code, params)
    return {"code": code, "params": params, "message": words.message, "hint": words.hint}


@dataclass(frozen=True)
class RollbackPreview:
    """What would change on the target by going back to a version."""

    to: Deployment
    live: Deployment | None
    changes: list[diff.ObjectChange]


def rollback_preview(to: Deployment) -> RollbackPreview:
    """Return what a rollback to `to` would change against what was last applied there, from stored bytes alone."""
    newest = selectors.list_versions(to.application, target=to.target).prefetch_related("stages__manifest_set").first()
    if newest is not None and not newest.brings_version and newest.status == Status.SUCCEEDED:
        newest = None  # taken off: everything is new
    live = selectors.live_deployment(to.application, to.target)
    return RollbackPreview(to, live, diff.diff_sets(_objects(newest), _objects(to)))


def asked_preview(to: Deployment) -> dict[str, Any]:
    """Return what the cluster says that a rollback would change, with `problem` in words where it cannot say."""
    stage = selectors.final_stage(to)
    question = preview.question(stage.manifest_set, to.target)
    if question is None:
        answer = preview.SetPreview(problem=(preview.UNREACHABLE, {"cluster": to.target.cluster.slug, "message": ""}))
    else:
        answer = preview.ask(question, PAGE_TIMEOUT)
    words = messages.word(*answer.problem) if answer.problem else None
    return {**answer.as_dict(), "problem": {"message": words.message, "hint": words.hint} if words else None}


def changes_since_previous(deployment: Deployment) -> list[diff.ObjectChange]:
    """Return what a deployment's bytes changed against the deployment before it on the same target."""
    before = (
        selectors.list_versions(deployment.application, target=deployment.target)
        .filter(number__lt=deployment.number)
        .prefetch_related("stages__manifest_set")
        .first()
    )
    return diff.diff_sets(_objects(before), _objects(deployment))


def _objects(deployment: Deployment | None) -> list[dict[str, Any]]:
    return manifests.stored_objects(selectors.final_stage(deployment).manifest_set) if deployment else []
