"""Say which versions serve on a target now, after a deployment ended badly: what ran before, a part of both, nothing.

deployment.failed / errored / canceled: read the cluster -> find each ReplicaSet's version -> a line in the timeline
A cluster that does not answer is asked again later: the reaction stays owed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from apps.clusters import breaker
from apps.core.models import Event
from apps.integrations.errors import Unavailable
from apps.integrations.kubernetes.rollout import owned_by
from apps.manifests import selectors as manifests
from apps.workloads import reading as workloads

from . import entries, selectors
from .models import Deployment, DeploymentStage, Status

LOOKED_BACK = 20
# What runs an hour later says nothing about this deployment any more.
TOO_LATE = timedelta(hours=1)
# What the API server writes in another way than it was sent, without meaning anything else.
_REWRITTEN = frozenset({"resources"})

Object = Mapping[str, Any]


def tell_what_serves(event_id: int) -> None:
    """Write down what serves where the deployment of the event ended.

    Raises:
        IntegrationError: the cluster cannot be asked now.
    """
    event = Event.objects.filter(pk=event_id).first()
    ended = (
        Deployment.objects.select_related(*selectors.RELATED)
        .filter(pk=event.object_id, status__in=(Status.FAILED, Status.ERRORED, Status.CANCELED), serving__isnull=True)
        .exclude(kind=Deployment.Kind.REMOVAL)
        .first()
        if event is not None
        else None
    )
    if ended is None or ended.finished_at is None or timezone.now() - ended.finished_at > TOO_LATE:
        return
    newer = selectors.find_newer(ended)
    if newer is not None and newer.is_final:
        return  # its own page says what runs
    serving = _ask(ended)
    with transaction.atomic():
        ended.record(serving=serving)
        code = "deployment.serving" if serving else "deployment.nothing_serves"
        entries.note(
            ended, code, entries.INFO if serving else entries.ERROR, **({"serving": serving} if serving else {})
        )


def find_version(template: Object, versions: Sequence[tuple[int, Object]]) -> int | None:
    """Return the number of the first version whose pod template is what a ReplicaSet's was made from. Pure."""
    return next((number for number, wanted in versions if _holds(template.get("spec"), wanted.get("spec"))), None)


def _ask(deployment: Deployment) -> list[dict[str, Any]]:
    cluster = deployment.target.cluster_id
    if breaker.seconds_until_try(cluster):
        raise Unavailable("kubernetes", "read what serves", message="left alone for a while")
    name, versions = _versions(deployment)
    with breaker.watch(cluster, Unavailable):
        reading = workloads.read(deployment.application, deployment.target, deployment_name=name, every_event=False)
    if reading.deployment is None:
        return []
    found = []
    for replicaset in reading.replicasets:
        ready = int((replicaset.get("status") or {}).get("readyReplicas") or 0)
        if ready and owned_by(replicaset, reading.deployment):
            number = find_version(replicaset["spec"]["template"], versions)
            found.append({"deployment": number, "ready": ready, "wanted": replicaset["spec"].get("replicas", 0)})
    return sorted(found, key=lambda each: each["deployment"] or 0)


def _versions(deployment: Deployment) -> tuple[str | None, list[tuple[int, Object]]]:
    """Return the workload's name, and the pod templates that were sent there: what succeeded first, newest first."""
    stages = Prefetch("stages", DeploymentStage.objects.select_related("manifest_set"))
    rows = list(
        selectors.list_versions(deployment.application, target=deployment.target)
        .exclude(kind=Deployment.Kind.REMOVAL)
        .prefetch_related(stages)[:LOOKED_BACK]
    )
    # Of deployments with the same bytes the one that brought them counts, not the one that failed to change them.
    rows.sort(key=lambda row: row.status != Status.SUCCEEDED)
    found: list[tuple[int, Object]] = []
    name = None
    for row in rows:
        objects = manifests.stored_objects(selectors.final_stage(row).manifest_set)
        workload = next((item for item in objects if item["kind"] == "Deployment"), None)
        if workload is not None:
            name = workload["metadata"]["name"] if row.pk == deployment.pk or name is None else name
            found.append((row.number, workload["spec"]["template"]))
    return name, found


def _holds(live: Any, wanted: Any) -> bool:
    """Return whether everything that was asked for is in what the server made of it, with its defaults."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            _holds(live.get(name), value) for name, value in wanted.items() if name not in _REWRITTEN
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(_holds(one, other) for one, other in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)
