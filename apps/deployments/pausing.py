"""Hold a rollout and let it go on: `spec.paused` by a field manager of its own.

A person's wish is `pause_wanted`; only steps move the row. That a pause of ours is on the cluster is written down before it
is sent (`rollout_paused`) and survives the end of the row: a rollback that takes a paused rollout's place lifts it.
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pausing-and-resuming-a-deployment
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from apps.core.lifecycle import Again, Step
from apps.integrations.errors import Missing
from apps.integrations.kubernetes.causes import Cause, Severity
from apps.integrations.kubernetes.field_managers import PAUSE_MANAGER
from apps.workloads import reading as workloads

from . import entries, rules
from .models import Deployment, Status
from .moves import guarded, move
from .restarting import workload_of

LOOK_SECONDS = 15.0  # whether somebody let it go on with kubectl


def pausable(follow: Step) -> Step:
    """Wrap the step that follows a rollout: it is held when somebody asked for that, and a pause left behind is lifted."""

    @wraps(follow)
    def run(deployment: Deployment) -> Again | None:
        if deployment.cancel_requested_at is None:
            if deployment.pause_wanted:
                return _pause(deployment)
            if deployment.pause_wanted is False or _left_behind(deployment).exists():
                _lift(deployment)
        return follow(deployment)

    return run


@guarded
def _pause(deployment: Deployment) -> Again | None:
    """Send the pause, and wait for a person. The deadline stands still as the cluster's does."""
    deployment.record(rollout_paused=True)
    try:
        live = _set(deployment, paused=True)
    except Missing:
        deployment.record(rollout_paused=False, pause_wanted=None)
        return Again(0)  # following says what is gone
    progress = _progress(live)
    move(deployment, Status.PAUSED, "deployment.paused", entries.WARNING, params=progress, deadline_at=None, **progress)
    return Again(LOOK_SECONDS)


@guarded
def hold(deployment: Deployment) -> Again | None:
    """Wait until somebody lets the rollout go on, here or with another tool."""
    name = str(workload_of(deployment)["metadata"]["name"])
    live = workloads.client_for(deployment.target).find("Deployment", name, deployment.target.namespace)
    if live is None:
        gone = Cause("rollout.gone", Severity.ERROR)
        move(deployment, Status.FAILED, gone.code, entries.ERROR, cause_code=gone.code, cause_params={})
        return None
    if deployment.pause_wanted and live["spec"].get("paused"):
        if (progress := _progress(live)) != {"updated": deployment.updated, "wanted": deployment.wanted}:
            deployment.record(**progress)
        return Again(LOOK_SECONDS)
    code = "deployment.resumed_elsewhere" if deployment.pause_wanted else "deployment.resumed"
    _set(deployment, paused=False)
    deadline = timezone.now() + rules.patience(deployment, [workload_of(deployment)])
    move(deployment, Status.PROGRESSING, code, deadline_at=deadline, pause_wanted=None, rollout_paused=False)
    return Again(0.5)


@guarded
def _lift(deployment: Deployment) -> Again | None:
    """Let a rollout go on that is paused although nobody wants it to be any more."""
    try:
        _set(deployment, paused=False)
    except Missing:
        return None  # following says what is gone
    _left_behind(deployment).update(rollout_paused=False)
    if deployment.pause_wanted is not None:
        deployment.record(pause_wanted=None)
    entries.note(deployment, "deployment.pause_lifted")
    return None


def _left_behind(deployment: Deployment) -> QuerySet[Deployment]:
    """Return the earlier deployments there that ended while their rollout was held."""
    return Deployment.objects.filter(
        application=deployment.application, target=deployment.target, rollout_paused=True, pk__lt=deployment.pk
    )


def _progress(live: Mapping[str, Any]) -> dict[str, int]:
    """Return how many pods are of the new version, as far as the cluster's controller has counted, and how many are wanted."""
    status = live.get("status") or {}
    return {"updated": int(status.get("updatedReplicas") or 0), "wanted": int(live["spec"].get("replicas", 1))}


def _set(deployment: Deployment, *, paused: bool) -> Mapping[str, Any]:
    """Tell the cluster; a field that is taken away again belongs to nobody, so the next release finds it as it was."""
    return workloads.client_for(deployment.target).patch(
        "Deployment",
        str(workload_of(deployment)["metadata"]["name"]),
        deployment.target.namespace,
        {"spec": {"paused": True if paused else None}},
        field_manager=PAUSE_MANAGER,
    )
