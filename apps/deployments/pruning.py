"""Remove from the cluster what left the set; and find out what that would be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.integrations.errors import IntegrationError
from apps.integrations.kubernetes.client import KubernetesClient
from apps.workloads import reading as workloads

from . import entries, selectors
from .models import Deployment
from .moves import BUSY, name_of
from .prune import NAMED_BY_CONTENT, PRUNED_KINDS, left_the_set, to_prune

Object = dict[str, Any]


@dataclass
class Leftovers:
    """Objects that left the set, with their metadata only, and what the cluster said where it did not show them."""

    objects: list[Object] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def find_leftovers(
    client: KubernetesClient,
    uid: str,
    namespace: str,
    wanted: Sequence[Object],
    kept: Collection[tuple[str, str]],
) -> Leftovers:
    """Return what of the application `uid` left the set, in the order to delete it. Uses no database.

    Raises:
        IntegrationError: the cluster cannot be asked now.
    """
    labels = {workloads.APPLICATION_LABEL: uid}
    found, live = Leftovers(), []
    for kind in PRUNED_KINDS:
        try:
            live += client.list_objects(kind, namespace, labels=labels, metadata_only=True).items
        except IntegrationError as exc:
            _collect(exc, found.refusals)
    left = left_the_set(live, wanted)
    replicasets: list[Object] = []
    if any(item["kind"] in NAMED_BY_CONTENT for item in left):
        replicasets = client.list_objects("ReplicaSet", namespace, labels=labels).items
    found.objects = [dict(item) for item in to_prune(left, replicasets, kept)]
    return found


def remove_what_left(deployment: Deployment, objects: list[Object]) -> None:
    """Delete what left the set, by label and field manager. The version runs: what cannot be deleted is told, no more."""
    if selectors.is_first_there(deployment):
        return  # when hundreds of new applications come at once, nobody looks for what none of them can have left
    application, target = deployment.application, deployment.target
    client = workloads.client_for(target)
    kept = selectors.kept_names(application, target)
    left = find_leftovers(client, application.uid, target.namespace, objects, kept)
    # Written down before it is done: a process that is killed in between must not lose what it has deleted.
    names = dict.fromkeys([*deployment.parameters.get("pruned", ()), *map(name_of, left.objects)])
    if left.objects:
        deployment.record(parameters={**deployment.parameters, "pruned": list(names)})
    for item in left.objects:
        metadata = item["metadata"]
        try:
            client.delete(item["kind"], metadata["name"], target.namespace, uid=metadata["uid"])
        except IntegrationError as exc:
            _collect(exc, left.refusals)
            names.pop(name_of(item))
    if left.refusals:
        message = " · ".join(dict.fromkeys(left.refusals))
        entries.note(deployment, "deployment.not_pruned", entries.WARNING, message=message)
    if names:
        entries.note(deployment, "deployment.pruned", objects=list(names))


def _collect(exc: IntegrationError, refusals: list[str]) -> None:
    """Keep what a cluster said for the timeline, where trying again soon would not help."""
    if exc.retryable or isinstance(exc, BUSY):
        raise exc
    refusals.append(exc.message)
