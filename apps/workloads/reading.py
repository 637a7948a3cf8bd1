"""Read from a cluster all that tells how one application does there: one round of lists, nothing stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.applications.models import Application, Target
from apps.clusters import selectors as clusters
from apps.integrations import providers
from apps.integrations.calls import Timeout
from apps.integrations.errors import Unauthorized
from apps.integrations.kubernetes.causes import Cause, dominant
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.diagnosis import diagnose_pod
from apps.integrations.kubernetes.events import event_time

Object = dict[str, Any]

APPLICATION_LABEL = "slipway.io/application"
# An API server finds events by reading all of the namespace's, so each question costs it the same; more than so many
# objects are asked about in one.
MOST_ASKED = 6
ALIKE_ASKED = 2


@dataclass(frozen=True)
class Reading:
    """What the cluster said at `at`, by its own clock, `ahead` of ours. Events speak of these objects, oldest first."""

    at: datetime
    deployment: Object | None
    replicasets: list[Object]
    pods: list[Object]
    events: list[Object]
    ahead: timedelta = timedelta()

    def events_of(self, uid: str) -> list[Object]:
        """Return the events about one object."""
        return [event for event in self.events if event.get("involvedObject", {}).get("uid") == uid]

    def by_its_clock(self, moment: datetime) -> datetime:
        """Return a moment of ours as the cluster's clock showed it."""
        return moment + self.ahead


def client_for(target: Target, *, timeout: Timeout | None = None) -> KubernetesClient:
    """Return the client of a target's cluster."""
    return providers.kubernetes(clusters.client_connection(target.cluster), timeout=timeout)


def read(
    application: Application,
    target: Target,
    *,
    deployment_name: str | None = None,
    timeout: Timeout | None = None,
    every_event: bool = True,
) -> Reading:
    """Return the present state of an application on a target.

    With `every_event=False` only the events that a verdict needs are read: those of what is not well, one pod of a kind.
    Where events may not be read there are none, and causes are less exact.

    Raises:
        IntegrationError: the cluster cannot be asked.
    """
    client = client_for(target, timeout=timeout)
    labels = {APPLICATION_LABEL: application.uid}
    deployments = client.list_objects("Deployment", target.namespace, labels=labels).items
    replicasets = client.list_objects("ReplicaSet", target.namespace, labels=labels).items
    pods = client.list_objects("Pod", target.namespace, labels=labels).items
    about = [*_short_of_pods(replicasets), *(pods if every_event else _samples(pods))]
    wanted = [item for item in deployments if deployment_name in (None, item["metadata"]["name"])]
    return Reading(
        at=client.now,
        deployment=wanted[0] if wanted else None,
        replicasets=replicasets,
        pods=sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True),
        events=_events(client, target.namespace, [item["metadata"]["uid"] for item in about]),
        ahead=client.now - datetime.now(UTC),
    )


def _short_of_pods(replicasets: Iterable[Object]) -> list[Object]:
    """Return the ReplicaSets that have fewer pods than they want: something may refuse them."""
    return [
        each
        for each in replicasets
        if ((each.get("status") or {}).get("replicas") or 0) < (each["spec"].get("replicas") or 0)
    ]


def _samples(pods: Iterable[Object]) -> list[Object]:
    """Return the oldest few pods of each kind of trouble: those that look the same mostly have the same cause."""
    found: dict[tuple[Any, ...], list[Object]] = {}
    for pod in sorted(pods, key=lambda each: str(each["metadata"].get("creationTimestamp"))):
        if pod["metadata"].get("deletionTimestamp"):
            continue
        statuses = (pod.get("status") or {}).get("containerStatuses") or []
        crashed = any(item.get("restartCount") for item in statuses)
        if statuses and all(item.get("ready") for item in statuses) and not crashed:
            continue
        causes = diagnose_pod(pod)
        owners = tuple(owner.get("uid") for owner in pod["metadata"].get("ownerReferences") or [])
        look = tuple((cause.code, cause.params.get("container")) for cause in causes)
        alike = found.setdefault((owners, look), [])
        if len(alike) < ALIKE_ASKED:
            alike.append(pod)
    return [pod for alike in found.values() for pod in alike][:MOST_ASKED]


def _events(client: KubernetesClient, namespace: str, uids: list[str]) -> list[Object]:
    """Return the events about some objects, oldest first."""
    try:
        if len(uids) > MOST_ASKED:
            listed = client.list_objects("Event", namespace).items
            known = set(uids)
            events = [event for event in listed if event.get("involvedObject", {}).get("uid") in known]
        else:
            events = [event for uid in uids for event in client.events_of(namespace, uid=uid)]
    except Unauthorized:
        return []
    return sorted(events, key=event_time)


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
