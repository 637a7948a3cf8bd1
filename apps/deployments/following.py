"""Follow a stage's rollout until it is complete or has failed; then go on, or end with what proves it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.core.lifecycle import Again
from apps.integrations.kubernetes.causes import Cause, Severity
from apps.integrations.kubernetes.rollout import Assessment, State, assess
from apps.integrations.redaction import Redactor
from apps.manifests import selectors as manifests
from apps.workloads import reading as workloads

from . import entries, evidence, rules
from .aftercare import begin_aftercare
from .applying import send_again
from .models import Deployment, DeploymentStage, Status
from .moves import guarded, move, present_stage
from .pruning import remove_what_left

FAST_POLLS = timedelta(seconds=30)


@guarded
def follow(deployment: Deployment) -> Again | None:
    """Ask the cluster how far the rollout is, and decide."""
    stage = present_stage(deployment)
    objects = manifests.stored_objects(stage.manifest_set)
    workload = next((item for item in objects if item["kind"] == "Deployment"), None)
    if workload is None:
        return _complete(deployment, stage, objects)
    name = workload["metadata"]["name"]
    reading = workloads.read(deployment.application, deployment.target, deployment_name=name, every_event=False)
    assert deployment.deadline_at is not None
    verdict = assess(
        reading.deployment,
        reading.replicasets,
        reading.pods,
        reading.events,
        deadline=reading.by_its_clock(deployment.deadline_at),
        now=reading.at,
        since=reading.by_its_clock(deployment.created_at),
        rules=rules.abort_rules(deployment),
    )
    redactor = evidence.redactor_for(stage.manifest_set)
    _record(deployment, verdict, redactor, objects)
    if verdict.state == State.COMPLETE:
        return _complete(deployment, stage, objects)
    if verdict.state == State.FAILED:
        _fail(deployment, verdict, reading, redactor)
        return None
    young = timezone.now() - deployment.status_since < FAST_POLLS
    return Again(1.0 if young else 3.0)


def _record(deployment: Deployment, verdict: Assessment, redactor: Redactor, objects: list[dict[str, Any]]) -> None:
    """Store what changed since the last look, so that a page that waits is not told the same each second."""
    cause = verdict.cause
    news: dict[str, Any] = {
        "ready": verdict.ready,
        "updated": verdict.updated,
        "wanted": verdict.wanted,
        "cause_code": cause.code if cause else "",
        "cause_params": evidence.redacted(cause.params, redactor) if cause else {},
    }
    changed = {name: value for name, value in news.items() if getattr(deployment, name) != value}
    if not changed:
        return
    if verdict.updated > deployment.updated or verdict.ready > deployment.ready:
        # As the cluster's own deadline: it is for a rollout that does not move, however many pods it has.
        changed["deadline_at"] = timezone.now() + rules.patience(deployment, objects)
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
            move(
                deployment,
                Status.APPLYING,
                "deployment.next_stage",
                params={"stage": following + 1},
                stage_position=following,
                applied_objects=0,
            )
            DeploymentStage.objects.filter(pk=stage.pk).update(completed_at=timezone.now())
        return Again(0)
    if deployment.supersedes_id is not None and (again := send_again(deployment, stage)):
        return again
    if deployment.is_final:
        return None
    if deployment.brings_version:
        remove_what_left(deployment, objects)
    with transaction.atomic():
        move(
            deployment,
            Status.SUCCEEDED,
            "deployment.succeeded",
            params={"ready": deployment.ready, "wanted": deployment.wanted},
            cause_code="",
            cause_params={},
        )
        DeploymentStage.objects.filter(pk=stage.pk).update(completed_at=timezone.now())
        if deployment.brings_version:
            begin_aftercare(deployment)
    return None


def _fail(deployment: Deployment, verdict: Assessment, reading: workloads.Reading, redactor: Redactor) -> None:
    """End as failed, with the cause and what proves it: the pod, how it ended, its last lines, its events."""
    cause = verdict.cause or Cause("rollout.deadline_exceeded", Severity.ERROR)
    proof = evidence.collect(deployment.target, reading, redactor, cause)
    params = evidence.redacted(cause.params, redactor)
    move(
        deployment,
        Status.FAILED,
        cause.code,
        entries.ERROR,
        params=params,
        cause_code=cause.code,
        cause_params=params,
        evidence=proof,
    )
