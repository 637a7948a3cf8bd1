"""What all steps of a deployment share: obey a cancel, leave a cluster alone that is away or in maintenance, move and say so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.clusters import breaker
from apps.clusters import selectors as clusters
from apps.core.lifecycle import Again, LeaseLost, Step
from apps.integrations.errors import AlreadyExists, Stale, Unavailable

from . import entries
from .models import Deployment, DeploymentStage, Status
from .stopping import left_behind

MAINTENANCE_PAUSE = timedelta(seconds=10)
# Somebody wrote at the same moment, or an object of that name is still being deleted: it is read and tried again.
BUSY = (Stale, AlreadyExists)


def guarded(step: Step) -> Step:
    """Wrap a step that calls the cluster: leaves a dead cluster alone for a while, and obeys a request to cancel."""

    @wraps(step)
    def run(deployment: Deployment) -> Again | None:
        if deployment.cancel_requested_at is not None:
            code, params = left_behind(deployment)
            move(deployment, Status.CANCELED, code, entries.WARNING, params=params)
            return None
        if deployment.target.cluster.in_maintenance:
            return _wait_out_maintenance(deployment)
        cluster = deployment.target.cluster_id
        late = deployment.deadline_at is not None and timezone.now() > deployment.deadline_at
        try:
            with breaker.turn(cluster, patient=not late) as wait:
                if wait:
                    return Again(wait)
                with breaker.watch(cluster, Unavailable):
                    again = step(deployment)
        except BUSY as exc:
            if late:
                raise
            deployment.record(error_code=exc.code, error_params=exc.params)
            return Again(1.0)
        if deployment.error_code and not deployment.is_final:
            deployment.record(attempts=0, error_code="", error_params={})  # the cluster answers again
        return again

    return run


def _wait_out_maintenance(deployment: Deployment) -> Again:
    """Change and judge nothing: pods that move while nodes are drained prove nothing. The deadline moves along."""
    pause = MAINTENANCE_PAUSE
    if deployment.deadline_at is not None:
        deployment.record(deadline_at=deployment.deadline_at + pause)
    words = clusters.maintenance_params(deployment.target.cluster)
    entries.note(deployment, "deployment.waits_for_maintenance", entries.WARNING, **words)
    return Again(pause.total_seconds())


def move(
    deployment: Deployment,
    status: Status,
    code: str,
    level: str = entries.INFO,
    *,
    params: Mapping[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Move to `status` and say so in the timeline, both or neither; an error that was met on the way is over.

    Raises:
        LeaseLost: somebody else has moved the row on.
    """
    with transaction.atomic():
        if not deployment.transition(status, **({"error_code": "", "error_params": {}} | fields)):
            raise LeaseLost
        entries.note(deployment, code, level, **(params or {}))


def present_stage(deployment: Deployment) -> DeploymentStage:
    """Return the stage that the deployment is at, with its manifest set."""
    return DeploymentStage.objects.select_related("manifest_set__application", "manifest_set__target").get(
        deployment=deployment, position=deployment.stage_position
    )


def name_of(manifest: Mapping[str, Any]) -> str:
    """Return how the timeline names an object."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"
