"""Send a stage's stored bytes to the cluster, those objects that others need first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.core.lifecycle import Again
from apps.integrations.errors import IntegrationError, Missing, Rejected
from apps.integrations.kubernetes.answers import ApplyConflict
from apps.integrations.kubernetes.order import apply_order
from apps.integrations.kubernetes.ownership import apply_over_own
from apps.integrations.redaction import Redactor
from apps.manifests import selectors as manifests
from apps.workloads import reading as workloads

from . import entries
from .models import Deployment, DeploymentStage, Status
from .moves import guarded, move, name_of, present_stage

DEADLINE_SLACK = timedelta(seconds=30)
DEFAULT_PROGRESS_SECONDS = 600
CONFLICTS_SHOWN = 10


@guarded
def begin(deployment: Deployment) -> Again | None:
    """Take the first stage up."""
    stage = present_stage(deployment)
    objects = manifests.stored_objects(stage.manifest_set)
    move(
        deployment,
        Status.APPLYING,
        "deployment.applying",
        params={"objects": len(objects), "sha256": stage.manifest_set.sha256},
        applied_objects=0,
        total_objects=len(objects),
    )
    return apply(deployment)


@guarded
def apply(deployment: Deployment) -> Again | None:
    """Send the stage's objects, those that others need first. After a kill it goes on where it was; an apply may repeat."""
    stage = present_stage(deployment)
    bound = manifests.bound_objects(stage.manifest_set)
    client = workloads.client_for(deployment.target)
    ordered = apply_order(bound.objects)
    for index, manifest in enumerate(ordered):
        if index < deployment.applied_objects:
            continue
        try:
            apply_over_own(client, manifest, force=deployment.take_over_fields)
        except (ApplyConflict, Rejected, Missing) as exc:
            _refuse(deployment, name_of(manifest), exc, bound.redactor)
            return None
        except IntegrationError as exc:
            # It is tried again, and shown until it worked: a server's words may quote what was sent.
            exc.params["message"] = bound.redactor(exc.message)
            raise
        accepted = deployment.first_accepted_at or timezone.now()
        deployment.record(applied_objects=index + 1, first_accepted_at=accepted)
    with transaction.atomic():
        move(
            deployment,
            Status.PROGRESSING,
            "deployment.applied",
            params={"objects": len(ordered)},
            deadline_at=timezone.now() + progress_deadline(ordered) + DEADLINE_SLACK,
        )
        DeploymentStage.objects.filter(pk=stage.pk, applied_at=None).update(applied_at=timezone.now())
    return Again(0.5)


def send_again(deployment: Deployment, stage: DeploymentStage) -> Again | None:
    """Send the set once more: a call of the superseded deployment may have been under way when this one began.

    Where nothing came in between the cluster changes nothing, and None is returned.
    """
    bound = manifests.bound_objects(stage.manifest_set)
    client = workloads.client_for(deployment.target)
    overwritten = []
    for manifest in apply_order(bound.objects):
        try:
            if apply_over_own(client, manifest, force=deployment.take_over_fields).changed:
                overwritten.append(name_of(manifest))
        except (ApplyConflict, Rejected, Missing) as exc:
            _refuse(deployment, name_of(manifest), exc, bound.redactor)
            return None
    if not overwritten:
        return None
    entries.note(deployment, "deployment.sent_again", entries.WARNING, objects=overwritten)
    return Again(0.5)


def progress_deadline(objects: Sequence[Mapping[str, Any]]) -> timedelta:
    """Return how long the cluster itself gives the rollout of these objects before it says that nothing moves."""
    seconds = [
        int(item["spec"].get("progressDeadlineSeconds") or DEFAULT_PROGRESS_SECONDS)
        for item in objects
        if item["kind"] == "Deployment"
    ]
    return timedelta(seconds=max(seconds, default=DEFAULT_PROGRESS_SECONDS))


def _refuse(deployment: Deployment, name: str, exc: IntegrationError, redactor: Redactor) -> None:
    """End as failed because the cluster does not take an object; nothing that was accepted before is undone."""
    params: dict[str, Any]
    if isinstance(exc, ApplyConflict):
        conflicts = [
            {"manager": conflict.manager, "field": conflict.field} for conflict in exc.conflicts[:CONFLICTS_SHOWN]
        ]
        managers = ", ".join(sorted({conflict.manager for conflict in exc.conflicts}))
        code, params = "apply.conflict", {"object": name, "managers": managers, "conflicts": conflicts}
    elif isinstance(exc, Missing) and exc.message.startswith("namespaces "):
        code, params = "apply.namespace_missing", {"object": name, "namespace": deployment.target.namespace}
    else:
        code, params = "apply.rejected", {"object": name, "message": redactor(exc.message)}
    move(deployment, Status.FAILED, code, entries.ERROR, params=params, cause_code=code, cause_params=params)
