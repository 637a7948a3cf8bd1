"""Take an application off a target: delete what Slipway made of it there, and follow until it is gone.

    pending -> applying: delete what lets people in and the workload (foreground: it goes after its pods)
    progressing: wait for the pods to end -> delete configuration and secrets -> wait until all is gone -> succeeded
Only what carries the application's label and our field manager is deleted, each object by its uid. The history stays, and a
rollback brings the version back from its stored bytes.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/#foreground-deletion
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any

from django.utils import timezone

from apps.applications.models import Application, Target
from apps.core.lifecycle import Again, Step
from apps.integrations.calls import Timeout
from apps.integrations.errors import IntegrationError, Stale
from apps.integrations.kubernetes.client import KubernetesClient
from apps.workloads import reading as workloads
from apps.workloads.selectors import PAGE_TIMEOUT

from . import entries
from .models import Deployment, Status
from .moves import guarded, move, name_of
from .prune import PRUNED_KINDS, is_ours

Object = Mapping[str, Any]

GIVE_UP_AFTER = timedelta(minutes=10)
LOOK_SECONDS = 1.0
LOOK_SLOWLY_SECONDS = 5.0
# Pods that are ending may still read these; an immutable one cannot be made again before the old one is gone.
READ_BY_PODS = frozenset({"ConfigMap", "Secret"})
# Kubernetes' own: it takes them away itself when what depends on the object is gone.
_OWN_FINALIZERS = frozenset({"foregroundDeletion", "orphan"})


@dataclass(frozen=True)
class Belongings:
    """What carries the application's label on a target: what Slipway made, and what others did and will stay."""

    ours: list[Object]
    others: list[Object]


def find_belongings(application: Application, target: Target, *, timeout: Timeout | None = None) -> Belongings:
    """Return what a removal would delete, in that order, and what it would leave.

    Raises:
        IntegrationError: the cluster cannot be asked.
    """
    client = workloads.client_for(target, timeout=timeout)
    found = _labelled(client, target.namespace, application)
    return Belongings([item for item in found if is_ours(item)], [item for item in found if not is_ours(item)])


@dataclass(frozen=True)
class RemovalPreview:
    """What a removal would delete and leave, by name; or why that cannot be told now."""

    objects: list[str]
    left_alone: list[str]
    error: IntegrationError | None = None


def preview(application: Application, target: Target) -> RemovalPreview:
    """Return what a removal would do; a cluster that cannot be asked is told, not raised."""
    try:
        belongings = find_belongings(application, target, timeout=PAGE_TIMEOUT)
    except IntegrationError as exc:
        return RemovalPreview([], [], exc)
    return RemovalPreview([*map(name_of, belongings.ours)], [*map(name_of, belongings.others)])


@guarded
def begin(deployment: Deployment) -> Again | None:
    """List what there is to delete, so that the timeline holds it whatever happens next."""
    belongings = find_belongings(deployment.application, deployment.target)
    names = [name_of(item) for item in belongings.ours]
    move(
        deployment,
        Status.APPLYING,
        "deployment.removing" if names else "deployment.nothing_to_remove",
        params={"objects": names} if names else {},
        total_objects=len(names),
        applied_objects=0,
        parameters={**deployment.parameters, "objects": names},
    )
    if belongings.others:
        entries.note(deployment, "deployment.left_alone", entries.WARNING, objects=[*map(name_of, belongings.others)])
    return delete(deployment)


@guarded
def delete(deployment: Deployment) -> Again | None:
    """Delete what sends traffic and the workload; what its pods read follows when they have ended."""
    client = workloads.client_for(deployment.target)
    present = _ours(client, deployment)
    _delete(client, deployment, [item for item in present if item["kind"] not in READ_BY_PODS])
    move(
        deployment,
        Status.PROGRESSING,
        "deployment.removal_accepted",
        first_accepted_at=deployment.first_accepted_at or timezone.now(),
        deadline_at=timezone.now() + GIVE_UP_AFTER,
    )
    return Again(LOOK_SECONDS)


@guarded
def follow(deployment: Deployment) -> Again | None:
    """Wait until the cluster has let go of everything, and say what holds it up."""
    client = workloads.client_for(deployment.target)
    present = _ours(client, deployment)
    if all(item["kind"] in READ_BY_PODS for item in present):
        _delete(client, deployment, present)
    _record(deployment, present, _ending_pods(client, deployment))
    if not present:
        move(
            deployment,
            Status.SUCCEEDED,
            "deployment.removed",
            params={"objects": deployment.total_objects},
            cause_code="",
            cause_params={},
            ready=0,
            wanted=0,
        )
        return None
    if deployment.deadline_at is not None and timezone.now() > deployment.deadline_at:
        code = deployment.cause_code or "removal.waiting"
        params = deployment.cause_params
        move(deployment, Status.FAILED, code, entries.ERROR, params=params, cause_code=code, cause_params=params)
        return None
    young = timezone.now() - deployment.status_since < timedelta(seconds=30)
    return Again(LOOK_SECONDS if young else LOOK_SLOWLY_SECONDS)


def after_removal(begin_version: Step) -> Step:
    """Wrap a version's first step: what the removal that it supersedes deletes has to be gone, or the version would go too."""

    @wraps(begin_version)
    def run(deployment: Deployment) -> Again | None:
        before = deployment.supersedes
        if before is not None and before.kind == Deployment.Kind.REMOVAL and (again := _wait_until_gone(deployment)):
            return again
        return None if deployment.is_final else begin_version(deployment)

    return run


@guarded
def _wait_until_gone(deployment: Deployment) -> Again | None:
    present = _ours(workloads.client_for(deployment.target), deployment)
    going = [name_of(item) for item in present if item["metadata"].get("deletionTimestamp")]
    if not going:
        return None
    entries.note(deployment, "deployment.waits_for_removal", objects=going)
    if deployment.deadline_at is not None and timezone.now() > deployment.deadline_at:
        held = holding(present)
        params = {"object": next(iter(held), going[0]), "finalizers": ", ".join(next(iter(held.values()), []))}
        code = "removal.held"
        move(deployment, Status.FAILED, code, entries.ERROR, params=params, cause_code=code, cause_params=params)
        return None
    return Again(LOOK_SECONDS)


def holding(present: Iterable[Object]) -> dict[str, list[str]]:
    """Return the finalizers that keep objects which are being deleted, by the object's name. Pure."""
    held = {}
    for item in present:
        finalizers = [name for name in item["metadata"].get("finalizers") or [] if name not in _OWN_FINALIZERS]
        if finalizers and item["metadata"].get("deletionTimestamp"):
            held[name_of(item)] = finalizers
    return held


def _labelled(client: KubernetesClient, namespace: str, application: Application) -> list[Object]:
    labels = {workloads.APPLICATION_LABEL: application.uid}
    return [item for kind in PRUNED_KINDS for item in client.list_objects(kind, namespace, labels=labels).items]


def _ours(client: KubernetesClient, deployment: Deployment) -> list[Object]:
    found = _labelled(client, deployment.target.namespace, deployment.application)
    return [item for item in found if is_ours(item)]


def _ending_pods(client: KubernetesClient, deployment: Deployment) -> list[Object]:
    """Return the pods that the workload waits for: it goes after them."""
    labels = {workloads.APPLICATION_LABEL: deployment.application.uid}
    pods = client.list_objects("Pod", deployment.target.namespace, labels=labels).items
    return [pod for pod in pods if pod["metadata"].get("deletionTimestamp")]


def _delete(client: KubernetesClient, deployment: Deployment, objects: Iterable[Object]) -> None:
    """Delete objects that are not being deleted yet; what is gone already, or another one by now, is left alone."""
    for item in objects:
        metadata = item["metadata"]
        if metadata.get("deletionTimestamp"):
            continue
        try:
            client.delete(
                item["kind"],
                metadata["name"],
                deployment.target.namespace,
                uid=metadata["uid"],
                propagation="Foreground" if item["kind"] == "Deployment" else "Background",
            )
        except Stale:
            continue


def _record(deployment: Deployment, present: Sequence[Object], pods: Sequence[Object]) -> None:
    """Store how far it is and what holds it up, where that changed."""
    held = holding([*present, *pods])
    cause, params = "", {}
    if held:
        name, finalizers = next(iter(held.items()))
        cause, params = "removal.held", {"object": name, "finalizers": ", ".join(finalizers)}
    elif present:
        left = [*map(name_of, present), *(f"Pod/{pod['metadata']['name']}" for pod in pods)]
        cause, params = "removal.waiting", {"objects": ", ".join(left[:10])}
    done = max(deployment.total_objects - len(present), 0)
    news = {"applied_objects": done, "cause_code": cause, "cause_params": params}
    if any(getattr(deployment, field) != value for field, value in news.items()):
        deployment.record(**news)
        if held:
            entries.note(deployment, cause, entries.WARNING, **params)
