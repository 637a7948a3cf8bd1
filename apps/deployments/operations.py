"""Verbs on a version that is there already: restart it, scale it, hold its rollout, take it off. Steps carry them out.

Each is a row of the application's deployments, so it has a number, a timeline and an end, only one goes on at a time on a
target, and a rollback takes its place. None of them carries a version: what is live stays what was last released.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.applications.models import Application, Target, next_number
from apps.audit import services as audit
from apps.clusters import selectors as clusters
from apps.core.actors import Actor
from apps.core.dispatch import enqueue
from apps.core.errors import Conflict, InvalidInput
from apps.manifests import selectors as manifests
from apps.workloads import selectors as workloads

from . import entries, selectors
from .models import Deployment, DeploymentStage, Status
from .services import UNREACHABLE_AFTER

MOST_REPLICAS = 1000
MOST_PODS = 50


def request_restart(
    *, application: Application, target: Target, actor: Actor, pods: Sequence[str] = (), note: str = ""
) -> Deployment:
    """Ask for the pods to be replaced one after the other, or only those that are named.

    Raises:
        Conflict: nothing was deployed there, something is going on there, or the cluster is in maintenance.
        InvalidInput: a pod that is not there.
        IntegrationError: pods are named and the cluster cannot be asked for them.
    """
    chosen = _find_pods(application, target, pods) if pods else []
    return _request(
        Deployment.Kind.RESTART,
        application,
        target,
        actor,
        note,
        parameters={"pods": chosen} if chosen else {},
        entry="deployment.restart_requested",
    )


def request_scale(
    *, application: Application, target: Target, actor: Actor, replicas: int, confirmed: str = "", note: str = ""
) -> Deployment:
    """Ask for a number of pods, until the next release sets the number of the DeployYml again.

    Raises:
        Conflict: nothing was deployed there, something is going on there, an autoscaler decides, or maintenance.
        InvalidInput: not a number of pods, or nobody typed the name before production goes down to none.
    """
    if not 0 <= replicas <= MOST_REPLICAS:
        raise InvalidInput(
            "deployment.replicas_out_of_range", most=MOST_REPLICAS, fields={"replicas": ["out_of_range"]}
        )
    if replicas == 0:
        require_confirmed(application, target, confirmed)
    base = _require_base(application, target)
    if bounds_of(base) is not None:
        raise Conflict("deployment.autoscaled", autoscaler=application.slug)
    return _request(
        Deployment.Kind.SCALE,
        application,
        target,
        actor,
        note,
        parameters={"replicas": replicas},
        entry="deployment.scale_requested",
        said={"replicas": replicas, "stored": replicas_of(base)},
    )


def request_bounds(
    *, application: Application, target: Target, actor: Actor, least: int, most: int, note: str = ""
) -> Deployment:
    """Ask the application's autoscaler to stay between two numbers, until the next release sets those of the DeployYml again.

    Raises:
        Conflict: nothing was deployed there, it has no autoscaler, something is going on there, or maintenance.
        InvalidInput: the numbers make no range.
    """
    if not 1 <= least <= most <= MOST_REPLICAS:
        raise InvalidInput("deployment.bounds_out_of_range", most=MOST_REPLICAS, fields={"min": ["out_of_range"]})
    base = _require_base(application, target)
    stored = bounds_of(base)
    if stored is None:
        raise Conflict("deployment.not_autoscaled", number=base.number)
    return _request(
        Deployment.Kind.SCALE,
        application,
        target,
        actor,
        note,
        parameters={"min": least, "max": most},
        entry="deployment.bounds_requested",
        said={"min": least, "max": most, "stored_min": stored[0], "stored_max": stored[1]},
    )


def request_removal(
    *, application: Application, target: Target, actor: Actor, confirmed: str = "", note: str = ""
) -> Deployment:
    """Ask for everything that Slipway made of an application on a target to be deleted.

    Raises:
        Conflict: nothing was deployed there, something is going on there, or the cluster is in maintenance.
        InvalidInput: nobody typed the name, where production asks for it.
    """
    require_confirmed(application, target, confirmed)
    return _request(
        Deployment.Kind.REMOVAL, application, target, actor, note, parameters={}, entry="deployment.removal_requested"
    )


def pause_deployment(*, deployment: Deployment, actor: Actor) -> None:
    """Ask for a rollout to be held where it is; its pods go on serving.

    Raises:
        Conflict: it has ended or is held already, or what goes on is no rollout.
    """
    allowed = Deployment.objects.filter(
        pk=deployment.pk, status__in=(Status.PENDING, Status.APPLYING, Status.PROGRESSING), cancel_requested_at=None
    )
    with transaction.atomic():
        if not deployment.can_pause or not allowed.update(pause_wanted=True):
            raise Conflict("deployment.cannot_pause", number=deployment.number)
        _tell(deployment, actor, "deployment.pause_requested", "deployment.pause")
    deployment.refresh_from_db()


def resume_deployment(*, deployment: Deployment, actor: Actor) -> None:
    """Ask for a rollout that is held to go on, whoever holds it.

    Raises:
        Conflict: it has ended, or nothing holds it.
    """
    held = deployment.status == Status.PAUSED or deployment.pause_wanted or deployment.cause_code == "rollout.paused"
    running = Deployment.objects.filter(pk=deployment.pk, status__in=Deployment.active_statuses())
    with transaction.atomic():
        if not held or not running.update(pause_wanted=False):
            raise Conflict("deployment.not_paused", number=deployment.number)
        _tell(deployment, actor, "deployment.resume_requested", "deployment.resume")
    deployment.refresh_from_db()


def require_confirmed(application: Application, target: Target, typed: str) -> None:
    """Raise where production asks for the application's name and it was not typed.

    Raises:
        InvalidInput: it was not.
    """
    if target.environment.is_production and typed != application.slug:
        raise InvalidInput("deployment.confirm_name", name=application.slug, fields={"confirm_name": ["required"]})


def replicas_of(deployment: Deployment) -> int | None:
    """Return how many pods the stored bytes ask for; None where an autoscaler decides."""
    specs = [item["spec"] for item in _objects(deployment) if item["kind"] == "Deployment"]
    return int(specs[0]["replicas"]) if specs and "replicas" in specs[0] else None


def bounds_of(deployment: Deployment) -> tuple[int, int] | None:
    """Return between which numbers the stored bytes let an autoscaler choose; None where they hold none."""
    specs = [item["spec"] for item in _objects(deployment) if item["kind"] == "HorizontalPodAutoscaler"]
    return (int(specs[0].get("minReplicas", 1)), int(specs[0]["maxReplicas"])) if specs else None


def _objects(deployment: Deployment) -> list[dict[str, Any]]:
    return manifests.stored_objects(selectors.final_stage(deployment).manifest_set)


def _tell(deployment: Deployment, actor: Actor, entry: str, action: str) -> None:
    entries.note(deployment, entry, entries.WARNING, by=actor.name)
    audit.record(actor=actor, action=action, subject=deployment, project=deployment.application.project)
    deployment.wake()


def _find_pods(application: Application, target: Target, names: Sequence[str]) -> list[dict[str, str]]:
    """Return the named pods with their uids, so that a pod which takes a name later is safe."""
    state = workloads.target_state(application, target)
    if state.error is not None:
        raise state.error
    assert state.reading is not None
    uids = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in state.reading.pods}
    unknown = [name for name in names if name not in uids]
    if unknown or len(names) > MOST_PODS:
        raise InvalidInput("deployment.no_such_pods", pods=", ".join(unknown[:10]), fields={"pods": ["unknown"]})
    return [{"name": name, "uid": uids[name]} for name in dict.fromkeys(names)]


def _require_base(application: Application, target: Target) -> Deployment:
    """Return the deployment whose bytes the cluster has.

    Raises:
        Conflict: there is none.
    """
    base = selectors.last_applied(application, target)
    if base is None:
        raise Conflict("deployment.nothing_there", target=str(target))
    return base


def _require_going(application: Application, target: Target) -> None:
    """Raise where a rollout was stopped while it was held: what is done to it would carry it on, or wait for ever.

    Raises:
        Conflict: one was.
    """
    held = selectors.paused_there(application, target)
    if held is not None and held.is_final:
        raise Conflict("deployment.paused_there", number=held.number)


def _request(
    kind: Deployment.Kind,
    application: Application,
    target: Target,
    actor: Actor,
    note: str,
    *,
    parameters: dict[str, Any],
    entry: str,
    said: dict[str, Any] | None = None,
) -> Deployment:
    """Write the row with the bytes that it works on, its first entry and the audit, and enqueue the first step."""
    clusters.require_active(target.cluster)
    base = _require_base(application, target)
    if kind != Deployment.Kind.REMOVAL:
        _require_going(application, target)
    try:
        with transaction.atomic():
            deployment = Deployment.objects.create(
                application=application,
                target=target,
                number=next_number(application, "deployment"),
                kind=kind,
                build=base.build,
                note=note,
                parameters=parameters,
                created_by_id=actor.user_id,
                created_by_name=actor.name,
                deadline_at=timezone.now() + UNREACHABLE_AFTER,
            )
            stored = selectors.final_stage(base).manifest_set
            DeploymentStage.objects.create(deployment=deployment, position=0, manifest_set=stored)
            entries.note(deployment, entry, by=actor.name, **(said or {}))
            audit.record(
                actor=actor,
                action=f"deployment.{kind}",
                subject=deployment,
                project=application.project,
                target=str(target),
                **parameters,
            )
            enqueue(Deployment.ADVANCE, deployment.pk)
    except IntegrityError as exc:
        active = selectors.active_deployment(application, target)
        raise Conflict("deployment.in_progress", number=active.number if active else "?", target=str(target)) from exc
    return deployment
