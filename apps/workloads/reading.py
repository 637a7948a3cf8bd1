"""Read from a cluster all that tells how one application does there: one round of lists, nothing stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.applications.models import Application, Target
from apps.clusters import selectors as clusters
from apps.integrations import providers
from apps.integrations.calls import Timeout
from apps.integrations.kubernetes.causes import Cause, dominant
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.diagnosis import diagnose_pod
from apps.integrations.kubernetes.events import event_time

Object = dict[str, Any]

APPLICATION_LABEL = "slipway.io/application"


@dataclass(frozen=True)
class Reading:
    """What the cluster said at `at`. Events are the namespace's that speak of these objects, oldest first."""

    at: datetime
    deployment: Object | None
    replicasets: list[Object]
    pods: list[Object]
    events: list[Object]

    def events_of(self, uid: str) -> list[Object]:
        """Return the events about one object."""
        return [event for event in self.events if event.get("involvedObject", {}).get("uid") == uid]


def client_for(target: Target, *, timeout: Timeout | None = None) -> KubernetesClient:
    """Return the client of a target's cluster."""
    return providers.kubernetes(clusters.client_connection(target.cluster), timeout=timeout)


def read(
    application: Application, target: Target, *, deployment_name: str | None = None, timeout: Timeout | None = None
) -> Reading:
    """Return the present state of an application on a target.

    Raises:
        IntegrationError: the cluster cannot be asked.
    """
    client = client_for(target, timeout=timeout)
    labels = {APPLICATION_LABEL: application.uid}
    deployments = client.list_objects("Deployment", target.namespace, labels=labels).items
    replicasets = client.list_objects("ReplicaSet", target.namespace, labels=labels).items
    pods = client.list_objects("Pod", target.namespace, labels=labels).items
    known = {item["metadata"]["uid"] for group in (deployments, replicasets, pods) for item in group}
    events = [
        event
        for event in client.list_objects("Event", target.namespace).items
        if event.get("involvedObject", {}).get("uid") in known
    ]
    wanted = [item for item in deployments if deployment_name in (None, item["metadata"]["name"])]
    return Reading(
        at=timezone.now(),
        deployment=wanted[0] if wanted else None,
        replicasets=replicasets,
        pods=sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True),
        events=sorted(events, key=event_time),
    )


@dataclass(frozen=True)
class PodState:
    """One pod as a page shows it."""

    name: str
    phase: str
    ready: bool
    ready_containers: int
    containers: list[str]
    restarts: int
    created_at: datetime | None
    node: str
    address: str
    image: str
    revision_hash: str
    terminating: bool
    cause: Cause | None
    last_end: dict[str, Any] | None  # the last time a container ended: reason, exit_code, at
    events: list[dict[str, Any]] = field(default_factory=list)


def pod_states(reading: Reading) -> list[PodState]:
    """Return the pods of a reading, worst first, each with its dominant cause and the events about it."""
    states = [_pod_state(pod, reading) for pod in reading.pods]
    return sorted(states, key=lambda pod: (-(pod.cause.severity if pod.cause else 0), pod.ready, pod.name))


def _pod_state(pod: Object, reading: Reading) -> PodState:
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    events = reading.events_of(metadata["uid"])
    statuses = status.get("containerStatuses") or []
    conditions = {item["type"]: item["status"] for item in status.get("conditions") or []}
    containers = spec.get("containers") or []
    return PodState(
        name=metadata["name"],
        phase=status.get("phase", "Unknown"),
        ready=conditions.get("Ready") == "True" and not metadata.get("deletionTimestamp"),
        ready_containers=sum(1 for item in statuses if item.get("ready")),
        containers=[item["name"] for item in containers],
        restarts=sum(int(item.get("restartCount", 0)) for item in statuses),
        created_at=_time(metadata.get("creationTimestamp")),
        node=spec.get("nodeName", ""),
        address=status.get("podIP", ""),
        image=containers[0].get("image", "") if containers else "",
        revision_hash=(metadata.get("labels") or {}).get("pod-template-hash", ""),
        terminating=bool(metadata.get("deletionTimestamp")),
        cause=dominant(diagnose_pod(pod, events, now=reading.at)),
        last_end=_last_end(statuses),
        events=[event_row(event) for event in reversed(events)],
    )


def _last_end(statuses: list[Object]) -> dict[str, Any] | None:
    """Return how a container ended last, kept by the cluster even after it runs again."""
    ends = [
        {
            "container": item["name"],
            "reason": ended.get("reason", ""),
            "exit_code": ended.get("exitCode"),
            "at": _time(ended.get("finishedAt")),
        }
        for item in statuses
        for ended in ((item.get("state") or {}).get("terminated"), (item.get("lastState") or {}).get("terminated"))
        if ended
    ]
    return max(ends, key=lambda end: str(end["at"]), default=None)


def event_row(event: Object) -> dict[str, Any]:
    """Return an event as pages and the API show it."""
    involved = event.get("involvedObject") or {}
    return {
        "at": _time(event_time(event)),
        "type": event.get("type", "Normal"),
        "reason": event.get("reason", ""),
        "message": event.get("message", ""),
        "count": event.get("count") or (event.get("series") or {}).get("count") or 1,
        "object": f"{involved.get('kind', '')}/{involved.get('name', '')}",
    }


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
