"""The steps of a deployment: one function a status, each with a few quick calls to the cluster, none that waits.

    pending -> applying: send each object of the stage's stored bytes by server-side apply, in dependency order
    progressing: read the cluster, assess -> again later | next stage | prune and succeed | fail with its evidence
A step always reads the cluster, never a projection of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

from django.utils import timezone

from apps.clusters import breaker
from apps.core.lifecycle import Again, Step
from apps.integrations.errors import IntegrationError, Missing, Rejected, Unavailable
from apps.integrations.kubernetes.answers import ApplyConflict
from apps.integrations.kubernetes.causes import Cause, Severity
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.order import apply_order
from apps.integrations.kubernetes.rollout import Assessment, State, assess
from apps.integrations.redaction import Redactor
from apps.manifests import selectors as manifests
from apps.workloads import reading as workloads

from . import entries
from .models import Deployment, DeploymentStage, Status
from .prune import PRUNED_KINDS, to_prune

DEADLINE_SLACK = timedelta(seconds=30)
CLOCK_SLACK = timedelta(seconds=5)  # the cluster tells creation to the second, by its own clock
DEFAULT_PROGRESS_SECONDS = 600
FAST_POLLS = timedelta(seconds=30)
LAST_LINES = 20
CONFLICTS_SHOWN = 10


def guarded(step: Step) -> Step:
    """Wrap a step that calls the cluster: leaves a dead cluster alone for a while, and obeys a request to cancel."""

    @wraps(step)
    def run(deployment: Deployment) -> Again | None:
        if deployment.cancel_requested_at is not None:
            entries.note(deployment, "deployment.canceled", entries.WARNING)
            deployment.transition(Status.CANCELED)
            return None
        cluster = deployment.target.cluster_id
        late = deployment.deadline_at is not None and timezone.now() > deployment.deadline_at
        wait = breaker.seconds_until_try(cluster)
        if wait and not late:
            return Again(wait)
        with breaker.watch(cluster, Unavailable):
            return step(deployment)

    return run


@guarded
def begin(deployment: Deployment) -> Again | None:
    """Take the first stage up."""
    stage = _stage(deployment)
    objects = manifests.stored_objects(stage.manifest_set)
    entries.note(deployment, "deployment.applying", objects=len(objects), sha256=stage.manifest_set.sha256)
    deployment.transition(Status.APPLYING, applied_objects=0, total_objects=len(objects))
    return Again(0) if deployment.status != Status.APPLYING else apply(deployment)


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
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        try:
            client.apply(manifest, force=deployment.take_over_fields)
        except (ApplyConflict, Rejected, Missing) as exc:
            return _refuse(deployment, name, exc, bound.redactor)
        accepted = deployment.first_accepted_at or timezone.now()
        deployment.record(applied_objects=index + 1, first_accepted_at=accepted)
    DeploymentStage.objects.filter(pk=stage.pk, applied_at=None).update(applied_at=timezone.now())
    entries.note(deployment, "deployment.applied", objects=len(ordered))
    deployment.transition(
        Status.PROGRESSING,
        deadline_at=timezone.now() + _progress_deadline(ordered) + DEADLINE_SLACK,
        error_code="",
        error_params={},
    )
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
        since=deployment.created_at - CLOCK_SLACK,
    )
    _record(deployment, verdict)
    if verdict.state == State.COMPLETE:
        return _complete(deployment, stage, objects)
    if verdict.state == State.FAILED:
        return _fail(deployment, verdict, reading)
    young = timezone.now() - deployment.status_since < FAST_POLLS
    return Again(1.0 if young else 3.0)


STEPS: Mapping[str, Step] = {
    Status.PENDING: begin,
    Status.APPLYING: apply,
    Status.PROGRESSING: follow,
    Status.PAUSED: lambda _deployment: Again(3600),
}


def _stage(deployment: Deployment) -> DeploymentStage:
    return DeploymentStage.objects.select_related("manifest_set__application", "manifest_set__target").get(
        deployment=deployment, position=deployment.stage_position
    )


def _progress_deadline(objects: list[dict[str, Any]]) -> timedelta:
    seconds = [
        int(item["spec"].get("progressDeadlineSeconds") or DEFAULT_PROGRESS_SECONDS)
        for item in objects
        if item["kind"] == "Deployment"
    ]
    return timedelta(seconds=max(seconds, default=DEFAULT_PROGRESS_SECONDS))


def _refuse(deployment: Deployment, name: str, exc: IntegrationError, redactor: Redactor) -> Again | None:
    """End as failed because the cluster does not take an object; nothing that was accepted before is undone."""
    if isinstance(exc, ApplyConflict):
        conflicts = [
            {"manager": conflict.manager, "field": conflict.field} for conflict in exc.conflicts[:CONFLICTS_SHOWN]
        ]
        managers = ", ".join(sorted({conflict.manager for conflict in exc.conflicts}))
        code, params = "apply.conflict", {"object": name, "managers": managers, "conflicts": conflicts}
    elif isinstance(exc, Missing):
        code, params = "apply.namespace_missing", {"object": name, "namespace": deployment.target.namespace}
    else:
        code, params = "apply.rejected", {"object": name, "message": redactor(exc.message)}
    entries.note(deployment, code, entries.ERROR, **params)
    deployment.transition(Status.FAILED, cause_code=code, cause_params=params)
    return None


def _record(deployment: Deployment, verdict: Assessment) -> None:
    """Store what changed since the last look, so that a page that waits is not told the same each second."""
    cause = verdict.cause
    news = {
        "ready": verdict.ready,
        "wanted": verdict.wanted,
        "cause_code": cause.code if cause else "",
        "cause_params": dict(cause.params) if cause else {},
    }
    changed = {name: value for name, value in news.items() if getattr(deployment, name) != value}
    if not changed:
        return
    deployment.record(**changed)
    if cause is not None and "cause_code" in changed and cause.severity >= Severity.WARNING:
        entries.note(deployment, cause.code, entries.WARNING, **cause.params)
    elif "ready" in changed:
        entries.note(deployment, "deployment.ready", ready=verdict.ready, wanted=verdict.wanted)


def _complete(deployment: Deployment, stage: DeploymentStage, objects: list[dict[str, Any]]) -> Again | None:
    DeploymentStage.objects.filter(pk=stage.pk).update(completed_at=timezone.now())
    if deployment.stages.filter(position=deployment.stage_position + 1).exists():
        position = deployment.stage_position + 1
        deployment.transition(Status.APPLYING, stage_position=position, applied_objects=0)
        return Again(0)
    pruned = _prune(deployment, objects)
    if pruned:
        entries.note(deployment, "deployment.pruned", objects=pruned)
    entries.note(deployment, "deployment.succeeded", ready=deployment.ready, wanted=deployment.wanted)
    deployment.transition(Status.SUCCEEDED, cause_code="", cause_params={}, error_code="", error_params={})
    return None


def _prune(deployment: Deployment, objects: list[dict[str, Any]]) -> list[str]:
    """Delete what left the set, by label and field manager, and return the names."""
    client, namespace = workloads.client_for(deployment.target), deployment.target.namespace
    labels = {workloads.APPLICATION_LABEL: deployment.application.uid}
    live = [
        {**item, "kind": kind}
        for kind in PRUNED_KINDS
        for item in client.list_objects(kind, namespace, labels=labels).items
    ]
    replicasets = client.list_objects("ReplicaSet", namespace, labels=labels).items
    gone = []
    for item in to_prune(live, objects, replicasets):
        metadata = item["metadata"]
        if client.delete(item["kind"], metadata["name"], namespace, uid=metadata["uid"]):
            gone.append(f"{item['kind']}/{metadata['name']}")
    return gone


def _fail(deployment: Deployment, verdict: Assessment, reading: workloads.Reading) -> Again | None:
    """End as failed, with the cause and what proves it: the pod, how it ended, its last lines, its events."""
    cause = verdict.cause or Cause("rollout.deadline_exceeded", Severity.ERROR)
    evidence = _evidence(deployment, reading)
    entries.note(deployment, cause.code, entries.ERROR, **cause.params)
    deployment.transition(Status.FAILED, cause_code=cause.code, cause_params=dict(cause.params), evidence=evidence)
    return None


def _evidence(deployment: Deployment, reading: workloads.Reading) -> dict[str, Any]:
    pods = [pod for pod in workloads.pod_states(reading) if pod.cause is not None and not pod.ready]
    if not pods:
        return {}
    pod = pods[0]
    assert pod.cause is not None
    container = str(pod.cause.params.get("container") or (pod.containers[0] if pod.containers else ""))
    redactor = manifests.bound_objects(_stage(deployment).manifest_set).redactor
    lines = _last_lines(workloads.client_for(deployment.target), deployment.target.namespace, pod.name, container)
    end = pod.last_end or {}
    return {
        "pod": pod.name,
        "container": container,
        "restarts": pod.restarts,
        "exit_code": end.get("exit_code"),
        "reason": end.get("reason", ""),
        "lines": [redactor(line) for line in lines],
        "events": [
            {**event, "at": event["at"].isoformat() if event["at"] else None, "message": redactor(event["message"])}
            for event in pod.events[:5]
        ],
    }


def _last_lines(client: KubernetesClient, namespace: str, pod: str, container: str) -> list[str]:
    """Return the last lines of the run that ended, or of the present one; the end of a rollout never fails over a log."""
    for previous in (True, False):
        try:
            text = client.logs(namespace, pod, container=container, previous=previous, tail=LAST_LINES)
        except IntegrationError:
            continue
        if text.strip():
            return text.splitlines()[-LAST_LINES:]
    return []
