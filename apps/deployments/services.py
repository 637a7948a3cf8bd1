"""Verbs on deployments: ask for one, roll back, cancel. The steps that carry it out are in `steps.py`.

request_deployment / request_rollback: one transaction: blockers, row PENDING, stage, audit, enqueue
advance_deployment: lease -> STEPS[status] -> next step later; a rollback supersedes what is active and never waits
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.applications.models import Application, Target, next_number
from apps.applications.rollout_rules import effective_rules
from apps.audit import services as audit
from apps.builds.models import Build
from apps.clusters import selectors as clusters
from apps.core import lifecycle
from apps.core.actors import Actor
from apps.core.dispatch import enqueue
from apps.core.errors import Blocked, Conflict, InvalidInput
from apps.integrations.errors import IntegrationError
from apps.manifests import selectors as manifests
from apps.manifests.models import ManifestSet
from apps.registry import selectors as registry
from apps.registry import services as holds

from . import entries, selectors
from .models import Deployment, DeploymentStage, Status
from .steps import STEPS

log = structlog.get_logger(__name__)

# What the timeline and the audit say when a version is asked for.
_SAID: Mapping[str, tuple[str, str]] = {
    Deployment.Kind.DEPLOY: ("deployment.requested", "deployment.request"),
    Deployment.Kind.ROLLBACK: ("deployment.rollback_requested", "deployment.rollback"),
    Deployment.Kind.REAPPLY: ("deployment.reapply_requested", "deployment.reapply"),
}
UNREACHABLE_AFTER = timedelta(minutes=5)  # how long a cluster may stay away before a deployment ends as errored


def request_deployment(
    *,
    application: Application,
    target: Target,
    manifest_set: ManifestSet,
    actor: Actor,
    build: Build | None = None,
    note: str = "",
    release_item_id: int | None = None,
    take_over_fields: bool | None = None,
) -> Deployment:
    """Ask for the stored bytes of `manifest_set` to be brought to `target`.

    Where nobody decided about fields of others, the first release of what was adopted there takes them over: that was
    agreed to with the adoption.

    Raises:
        Conflict: another deployment of this application is going on there, or the cluster is in maintenance.
        InvalidInput: the manifest set was made for another application or target.
    """
    _check_belongs(manifest_set, application, target)
    clusters.require_active(target.cluster)
    adopts = take_over_fields is not False and selectors.takes_over_adopted(application, target)
    try:
        with transaction.atomic():
            deployment = _insert(
                application=application,
                target=target,
                manifest_set=manifest_set,
                actor=actor,
                build=build,
                note=note,
                release_item_id=release_item_id,
                take_over_fields=bool(take_over_fields) or adopts,
            )
            if adopts:
                entries.note(deployment, "deployment.takes_over_adopted")
            return deployment
    except IntegrityError as exc:
        active = selectors.active_deployment(application, target)
        raise Conflict("deployment.in_progress", number=active.number if active else "?", target=str(target)) from exc


def request_rollback(
    *,
    deployment: Deployment,
    actor: Actor,
    note: str = "",
    release_item_id: int | None = None,
    only_after: Deployment | None = None,
    ask_registry: bool = True,
    take_over_fields: bool = False,
) -> Deployment:
    """Ask for the version of `deployment` again, from its stored bytes; whatever is going on there is superseded.

    With `only_after` it is done only while that deployment is the newest there: what rolls back by itself must not undo
    what a person did meanwhile. With `ask_registry=False` no other system is called: the caller asked about the image.

    Raises:
        Conflict: that version never ran well there, the cluster is in maintenance, or there is a newer deployment.
        Blocked: one of its images is no longer in the registry.
    """
    application, target = deployment.application, deployment.target
    require_rollback_point(deployment)
    clusters.require_active(target.cluster)
    checked = _require_image(deployment) if ask_registry else True
    stage = selectors.final_stage(deployment)
    with transaction.atomic():
        # The lock on the application's counter makes rollbacks of one application take turns.
        number = next_number(application, "deployment")
        newest = selectors.list_deployments(application, target=target).first()
        if only_after is not None and newest != only_after:
            raise Conflict("deployment.newer_exists", number=only_after.number)
        active = selectors.active_deployment(application, target)
        if active is not None and active.take_over(Status.SUPERSEDED):
            entries.note(active, "deployment.superseded", entries.WARNING, by=number)
        rollback = _insert(
            kind=Deployment.Kind.ROLLBACK,
            application=application,
            target=target,
            manifest_set=stage.manifest_set,
            actor=actor,
            build=deployment.build,
            note=note,
            release_item_id=release_item_id,
            number=number,
            rollback_of=deployment,
            supersedes=active,
            take_over_fields=take_over_fields,
        )
        if not checked:
            entries.note(rollback, "deployment.image_unchecked", entries.WARNING)
    return rollback


def request_reapply(*, application: Application, target: Target, actor: Actor, note: str = "") -> Deployment:
    """Ask for the stored bytes of what is live once more, taking over every field that others changed since.

    Raises:
        Conflict: nothing was deployed there, something is going on there, or the cluster is in maintenance.
        Blocked: one of its images is no longer in the registry.
    """
    live = selectors.live_deployment(application, target)
    if live is None:
        raise Conflict("drift.nothing_deployed", target=str(target))
    clusters.require_active(target.cluster)
    checked = _require_image(live)
    try:
        with transaction.atomic():
            made = _insert(
                kind=Deployment.Kind.REAPPLY,
                application=application,
                target=target,
                manifest_set=selectors.final_stage(live).manifest_set,
                actor=actor,
                build=live.build,
                note=note,
                release_item_id=None,
                rollback_of=live,
                take_over_fields=True,
            )
            if not checked:
                entries.note(made, "deployment.image_unchecked", entries.WARNING)
            return made
    except IntegrityError as exc:
        active = selectors.active_deployment(application, target)
        raise Conflict("deployment.in_progress", number=active.number if active else "?", target=str(target)) from exc


def require_rollback_point(deployment: Deployment) -> None:
    """Raise where a deployment is no version to go back to.

    Raises:
        Conflict: it carries no version, or never ran well.
    """
    if not deployment.brings_version:
        raise Conflict("deployment.no_version", number=deployment.number)
    if deployment.status != Status.SUCCEEDED:
        raise Conflict("deployment.never_succeeded", number=deployment.number, status=deployment.status)


def cancel_deployment(*, deployment: Deployment, actor: Actor) -> None:
    """Ask a running deployment to stop. What the cluster already accepted stays; roll back to undo it.

    Raises:
        Conflict: it has ended, or was asked already.
    """
    with transaction.atomic():
        if not deployment.request_cancel():
            raise Conflict("deployment.not_running", number=deployment.number)
        entries.note(deployment, "deployment.cancel_requested", entries.WARNING, by=actor.name)
        audit.record(
            actor=actor, action="deployment.cancel", subject=deployment, project=deployment.application.project
        )


def advance_deployment(deployment_id: int) -> None:
    """Run the next step of a deployment."""
    lifecycle.advance(Deployment, deployment_id, STEPS)


def _insert(
    *,
    kind: Deployment.Kind = Deployment.Kind.DEPLOY,
    application: Application,
    target: Target,
    manifest_set: ManifestSet,
    actor: Actor,
    build: Build | None,
    note: str,
    release_item_id: int | None,
    take_over_fields: bool = False,
    number: int | None = None,
    rollback_of: Deployment | None = None,
    supersedes: Deployment | None = None,
) -> Deployment:
    """Write the row, its stage, its first entry and the audit in the caller's transaction, and enqueue the first step."""
    deployment = Deployment.objects.create(
        application=application,
        target=target,
        number=number or next_number(application, "deployment"),
        kind=kind,
        build=build,
        rollback_of=rollback_of,
        supersedes=supersedes,
        release_item_id=release_item_id,
        note=note,
        take_over_fields=take_over_fields,
        rules=effective_rules(application),
        created_by_id=actor.user_id,
        created_by_name=actor.name,
        deadline_at=timezone.now() + UNREACHABLE_AFTER,
    )
    DeploymentStage.objects.create(deployment=deployment, position=0, manifest_set=manifest_set)
    holds.hold(
        application=application,
        digest=manifest_set.image_digest,
        holder=f"deployment:{deployment.pk}",
        reason="history",
    )
    entry, action = _SAID[kind]
    said: dict[str, Any] = {"to": rollback_of.number} if rollback_of else {}
    entries.note(deployment, entry, by=actor.name, **said)
    audit.record(
        actor=actor,
        action=action,
        subject=deployment,
        project=application.project,
        target=str(target),
        sha256=manifest_set.sha256,
        rollback_of=rollback_of.number if rollback_of else None,
        take_over_fields=take_over_fields,
    )
    enqueue(Deployment.ADVANCE, deployment.pk)
    return deployment


def _check_belongs(manifest_set: ManifestSet, application: Application, target: Target) -> None:
    if (manifest_set.application_id, manifest_set.target_id) != (application.pk, target.pk):
        raise InvalidInput("deployment.foreign_manifests", target=str(target))


def _require_image(deployment: Deployment) -> bool:
    """Return whether the registry confirmed all images; False where it could not be asked: that must not stop a rollback.

    Raises:
        Blocked: the registry says that an image is gone.
    """
    objects = manifests.stored_objects(selectors.final_stage(deployment).manifest_set)
    try:
        gone = registry.missing_images(deployment.application, manifests.list_images(objects))
    except IntegrationError as exc:
        log.warning("rollback.image_unchecked", deployment=deployment.pk, error=str(exc))
        return False
    if gone:
        raise Blocked(
            "deployment.cannot_roll_back",
            number=deployment.number,
            blockers=[("registry.image_gone", {"digest": image}) for image in gone],
        )
    return True
