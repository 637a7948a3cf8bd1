"""The steps of a deployment: one function a status, each with a few quick calls to the cluster, none that waits.

    pending -> applying: send each object of the stage's stored bytes by server-side apply, in dependency order
    progressing: read the cluster, assess -> again later | next stage | prune and succeed | fail with its evidence
A step always reads the cluster, never a projection of it. Its move and its line in the timeline are written together or
not at all, so that a step which lost its row to a rollback leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.clusters import breaker
from apps.core.lifecycle import Again, LeaseLost, Step
from apps.integrations.errors import IntegrationError, Missing, Rejected, Stale, Unavailable
from apps.integrations.kubernetes.answers import ApplyConflict
from apps.integrations.kubernetes.causes import Cause, Severity
from apps.integrations.kubernetes.order import apply_order
from apps.integrations.kubernetes.rollout import Assessment, State, assess
from apps.integrations.redaction import Redactor
from apps.manifests import selectors as manifests
from apps.workloads import reading as workloads

from . import entries, evidence
from .models import Deployment, DeploymentStage, Status
from .prune import PRUNED_KINDS, to_prune

DEADLINE_SLACK = timedelta(seconds=30)
CLOCK_SLACK = timedelta(seconds=5)  # the cluster tells creation to the second, by its own clock
DEFAULT_PROGRESS_SECONDS = 600
FAST_POLLS = timedelta(seconds=30)
CONFLICTS_SHOWN = 10


def guarded(step: Step) -> Step:
    """Wrap a step that calls the cluster: leaves a dead cluster alone for a while, and obeys a request to cancel."""

    @wraps(step)
    def run(deployment: Deployment) -> Again | None:
        if deployment.cancel_requested_at is not None:
            _move(deployment, Status.CANCELED, "deployment.canceled", entries.WARNING)
            return None
        cluster = deployment.target.cluster_id
        late = deployment.deadline_at is not None and timezone.now() > deployment.deadline_at
        wait = breaker.seconds_until_try(cluster)
        if wait and not late:
            return Again(wait)
        try:
            with breaker.watch(cluster, Unavailable):
                again = step(deployment)
        except Stale:
            # Somebody wrote at the same moment; what is there now is read again.
            if late:
                raise
            return Again(1.0)
        if deployment.error_code and not deployment.is_final:
            deployment.record(attempts=0, error_code="", error_params={})  # the cluster answers again
        return again

    return run


@guarded
def begin(deployment: Deployment) -> Again | None:
    """Take the first stage up."""
    stage = _stage(deployment)
    objects = manifests.stored_objects(stage.manifest_set)
    _move(
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
    stage = _stage(deployment)
    bound = manifests.bound_objects(stage.manifest_set)
    client = workloads.client_for(deployment.target)
    ordered = apply_order(bound.objects)
    for index, manifest in enumerate(ordered):
        if index < deployment.applied_objects:
            continue
        try:
            client.apply(manifest, force=deployment.take_over_fields)
        except (ApplyConflict, Rejected, Missing) as exc:
            _refuse(deployment, _name(manifest), exc, bound.redactor)
            return None
        except IntegrationError as exc:
            # It is tried again, and shown until it worked: a server's words may quote what was sent.
            exc.params["message"] = bound.redactor(exc.message)
            raise
        accepted = deployment.first_accepted_at or timezone.now()
        deployment.record(applied_objects=index + 1, first_accepted_at=accepted)
    with transaction.atomic():
        _move(
            deployment,
            Status.PROGRESSING,
            "deployment.applied",
            params={"objects": len(ordered)},
            deadline_at=timezone.now() + _progress_deadline(ordered) + DEADLINE_SLACK,
        )
        DeploymentStage.objects.filter(pk=stage.pk, applied_at=None).update(applied_at=timezone.now())
    return Again(0.5)


@guarded
def follow(deployment: Deployment) -> Again | None:
    """Ask the cluster how far the rollout is, and decide."""
    stage = _stage(deployment)
    objects = manifests.stored_objects(stage.manifest_set)
    workload = next((item for item in objects if item["kind"] == "Deployment"), None)
    if workload is None:
        return _complete(deployment, stage, objects)
    reading = workloads.read(deployment.application, deployment.target, deployment_name=workload["metadata"]["name"])
    assert deployment.deadline_at is not None
    verdict = assess(
        reading.deployment,
        reading.replicasets,
        reading.pods,
        reading.events,
        deadline=deployment.deadline_at,
        now=reading.at,
        since=deployment.created_at,
    )
    redactor = evidence.redactor_for(stage.manifest_set)
    _record(deployment, verdict, redactor)
    if verdict.state == State.COMPLETE:
        return _complete(deployment, stage, objects)
    if verdict.state == State.FAILED:
        _fail(deployment, verdict, reading, redactor)
        return None
    young = timezone.now() - deployment.status_since < FAST_POLLS
    return Again(1.0 if young else 3.0)


STEPS: Mapping[str, Step] = {
    Status.PENDING: begin,
    Status.APPLYING: apply,
    Status.PROGRESSING: follow,
    Status.PAUSED: lambda _deployment: Again(3600),
}


def _move(
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


def _stage(deployment: Deployment) -> DeploymentStage:
    return DeploymentStage.objects.select_related("manifest_set__application", "manifest_set__target").get(
        deployment=deployment, position=deployment.stage_position
    )


def _name(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _progress_deadline(objects: list[dict[str, Any]]) -> timedelta:
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
    _move(deployment, Status.FAILED, code, entries.ERROR, params=params, cause_code=code, cause_params=params)


def _record(deployment: Deployment, verdict: Assessment, redactor: Redactor) -> None:
    """Store what changed since the last look, so that a page that waits is not told the same each second."""
    cause = verdict.cause
    news = {
        "ready": verdict.ready,
        "wanted": verdict.wanted,
        "cause_code": cause.code if cause else "",
        "cause_params": evidence.redacted(cause.params, redactor) if cause else {},
    }
    changed = {name: value for name, value in news.items() if getattr(deployment, name) != value}
    if not changed:
        return
    with transaction.atomic():
        deployment.record(**changed)
        if cause is not None and "cause_code" in changed and cause.severity >= Severity.WARNING:
            entries.note(deployment, cause.code, entries.WARNING, **deployment.cause_params)
        elif "ready" in changed:
            entries.note(deployment, "deployment.ready", ready=verdict.ready, wanted=verdict.wanted)


def _complete(deployment: Deployment, stage: DeploymentStage, objects: list[dict[str, Any]]) -> Again | None:
    """Go on with the next stage, or remove what left the set and end."""
    following = deployment.stage_position + 1
    if deployment.stages.filter(position=following).exists():
        with transaction.atomic():
            _move(
                deployment,
                Status.APPLYING,
                "deployment.next_stage",
                params={"stage": following + 1},
                stage_position=following,
                applied_objects=0,
            )
            DeploymentStage.objects.filter(pk=stage.pk).update(completed_at=timezone.now())
        return Again(0)
    if deployment.supersedes_id is not None and (again := _settle(deployment, stage)):
        return again
    if deployment.is_final:
        return None
    _prune(deployment, objects)
    with transaction.atomic():
        _move(
            deployment,
            Status.SUCCEEDED,
            "deployment.succeeded",
            params={"ready": deployment.ready, "wanted": deployment.wanted},
            cause_code="",
            cause_params={},
        )
        DeploymentStage.objects.filter(pk=stage.pk).update(completed_at=timezone.now())
    return None


def _settle(deployment: Deployment, stage: DeploymentStage) -> Again | None:
    """Send the set once more: a call of the superseded deployment may have been under way when this one began.

    Where nothing came in between the cluster changes nothing, and None is returned.
    """
    bound = manifests.bound_objects(stage.manifest_set)
    client = workloads.client_for(deployment.target)
    overwritten = []
    for manifest in apply_order(bound.objects):
        try:
            if client.apply(manifest, force=deployment.take_over_fields).changed:
                overwritten.append(_name(manifest))
        except (ApplyConflict, Rejected, Missing) as exc:
            _refuse(deployment, _name(manifest), exc, bound.redactor)
            return None
    if not overwritten:
        return None
    entries.note(deployment, "deployment.sent_again", entries.WARNING, objects=overwritten)
    return Again(0.5)


def _prune(deployment: Deployment, objects: list[dict[str, Any]]) -> None:
    """Delete what left the set, by label and field manager. The version runs: what cannot be deleted is told, no more."""
    client, namespace = workloads.client_for(deployment.target), deployment.target.namespace
    labels = {workloads.APPLICATION_LABEL: deployment.application.uid}
    gone: list[str] = []
    try:
        live = [item for kind in PRUNED_KINDS for item in client.list_objects(kind, namespace, labels=labels).items]
        replicasets = client.list_objects("ReplicaSet", namespace, labels=labels).items
        for item in to_prune(live, objects, replicasets):
            metadata = item["metadata"]
            if client.delete(item["kind"], metadata["name"], namespace, uid=metadata["uid"]):
                gone.append(_name(item))
    except Unavailable:
        raise
    except IntegrationError as exc:
        entries.note(deployment, "deployment.not_pruned", entries.WARNING, message=exc.message)
    if gone:
        entries.note(deployment, "deployment.pruned", objects=gone)


def _fail(deployment: Deployment, verdict: Assessment, reading: workloads.Reading, redactor: Redactor) -> None:
    """End as failed, with the cause and what proves it: the pod, how it ended, its last lines, its events."""
    cause = verdict.cause or Cause("rollout.deadline_exceeded", Severity.ERROR)
    proof = evidence.collect(deployment.target, reading, redactor)
    params = evidence.redacted(cause.params, redactor)
    _move(
        deployment,
        Status.FAILED,
        cause.code,
        entries.ERROR,
        params=params,
        cause_code=cause.code,
        cause_params=params,
        evidence=proof,
    )
