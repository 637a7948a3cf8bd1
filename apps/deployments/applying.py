"""Send a stage's stored bytes to the cluster, those objects that others need first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.core.lifecycle import Again
from apps.integrations.errors import IntegrationError, Missing, Rejected
from apps.integrations.kubernetes.answers import ApplyConflict
from apps.integrations.kubernetes.order import apply_order
from apps.integrations.redaction import Redactor
from apps.manifests import selectors as manifests
from apps.manifests.sealing import UnboundSecret
from apps.workloads import reading as workloads

from . import entries, refusals, rules
from .models import Deployment, DeploymentStage, Status
from .moves import BUSY, guarded, move, name_of, present_stage
from .sending import Sender

Manifest = dict[str, Any]

LONGEST_TURN = 5.0  # seconds: a slow cluster's objects are sent in several steps, and others have their turn between


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
    return _send(deployment)


@guarded
def apply(deployment: Deployment) -> Again | None:
    """Send the stage's objects, those that others need first. After a kill it goes on where it was; an apply may repeat."""
    return _send(deployment)


def _send(deployment: Deployment) -> Again | None:
    stage = present_stage(deployment)
    try:
        bound = manifests.bound_objects(stage.manifest_set)
    except UnboundSecret as exc:
        _fail(deployment, "apply.secret_missing", {"reference": exc.reference})
        return None
    ordered = apply_order(bound.objects)
    sender = Sender(workloads.client_for(deployment.target), deployment, ordered)
    began = time.monotonic()
    for index, manifest in enumerate(ordered):
        if index < deployment.applied_objects:
            continue
        try:
            warnings = sender.send(manifest)
        except (ApplyConflict, Rejected, Missing) as exc:
            _refuse(deployment, sender, ordered[index:], exc, bound.redactor, sent=ordered[:index])
            return None
        except IntegrationError as exc:
            # Most are tried again, and shown until it worked: a server's words may quote what was sent.
            exc.params["message"] = bound.redactor(exc.message)
            if not exc.retryable and not isinstance(exc, BUSY):
                deployment.record(applied_objects=index)
                _note_half_way(deployment, ordered[:index], ordered[index:])
            raise
        accepted = deployment.first_accepted_at or timezone.now()
        with transaction.atomic():
            deployment.record(applied_objects=index + 1, first_accepted_at=accepted)
            if warnings:
                words = [bound.redactor(text) for text in warnings]
                entries.note(deployment, "deployment.warned", entries.WARNING, object=name_of(manifest), words=words)
        if index + 1 < len(ordered) and time.monotonic() - began > LONGEST_TURN:
            return Again(0.1)
    with transaction.atomic():
        move(
            deployment,
            Status.PROGRESSING,
            "deployment.applied",
            params={"objects": len(ordered)},
            deadline_at=timezone.now() + rules.patience(deployment, ordered),
        )
        DeploymentStage.objects.filter(pk=stage.pk, applied_at=None).update(applied_at=timezone.now())
    return Again(0.5)


def send_again(deployment: Deployment, stage: DeploymentStage) -> Again | None:
    """Send the set once more: a call of the superseded deployment may have been under way when this one began.

    Where nothing came in between the cluster changes nothing, and None is returned.
    """
    bound = manifests.bound_objects(stage.manifest_set)
    ordered = apply_order(bound.objects)
    sender = Sender(workloads.client_for(deployment.target), deployment, ordered)
    overwritten = []
    for index, manifest in enumerate(ordered):
        try:
            if sender.ensure(manifest):
                overwritten.append(name_of(manifest))
        except (ApplyConflict, Rejected, Missing) as exc:
            _refuse(deployment, sender, ordered[index:], exc, bound.redactor, sent=ordered[:index])
            return None
    if not overwritten:
        return None
    entries.note(deployment, "deployment.sent_again", entries.WARNING, objects=overwritten)
    return Again(0.5)


def _refuse(
    deployment: Deployment,
    sender: Sender,
    unsent: Sequence[Manifest],
    exc: IntegrationError,
    redactor: Redactor,
    sent: Sequence[Manifest] = (),
) -> None:
    """End as failed because the cluster does not take the first of the objects; nothing that was accepted is undone."""
    if isinstance(exc, ApplyConflict):
        conflicts = refusals.find_conflicts(sender.client, unsent, exc, redactor)
        code, params = refusals.of_conflicts(conflicts)
    else:
        code, params = refusals.of(exc, unsent[0], deployment.target, redactor)
    with transaction.atomic():
        _note_half_way(deployment, sent, unsent)
        _fail(deployment, code, params)


def _note_half_way(deployment: Deployment, sent: Sequence[Manifest], unsent: Sequence[Manifest]) -> None:
    """Say what the cluster has taken and what it has not, where it stopped in between."""
    if sent:
        names = {"sent": [name_of(each) for each in sent], "unsent": [name_of(each) for each in unsent]}
        entries.note(deployment, "deployment.half_way", entries.WARNING, **names)


def _fail(deployment: Deployment, code: str, params: dict[str, Any]) -> None:
    move(deployment, Status.FAILED, code, entries.ERROR, params=params, cause_code=code, cause_params=params)
