"""Reads of live state for pages and the API: an application's pods on its targets, one pod, its log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from apps.applications.models import Application, Target
from apps.clusters import selectors as clusters
from apps.core.errors import InvalidInput, NotFound
from apps.integrations.errors import IntegrationError, Missing
from apps.integrations.kubernetes import streams

from .reading import APPLICATION_LABEL, PodState, Reading, client_for, pod_states, read


@dataclass(frozen=True)
class TargetState:
    """What runs on one target, or why that cannot be told."""

    target: Target
    reading: Reading | None
    pods: list[PodState]
    error: IntegrationError | None = None

    @property
    def ready(self) -> int:
        """Return how many pods are ready."""
        return sum(1 for pod in self.pods if pod.ready)

    @property
    def wanted(self) -> int:
        """Return how many pods the cluster was asked for."""
        if self.reading is None or self.reading.deployment is None:
            return 0
        return int(self.reading.deployment["spec"].get("replicas", 1))


def target_state(application: Application, target: Target) -> TargetState:
    """Return the live state of an application on a target; a cluster that cannot be asked is told, not raised."""
    try:
        reading = read(application, target)
    except IntegrationError as exc:
        return TargetState(target, None, [], exc)
    return TargetState(target, reading, pod_states(reading))


def require_pod(application: Application, target: Target, name: str) -> list[str]:
    """Return the names of a pod's containers, after checking that the pod is this application's.

    Raises:
        NotFound: there is no such pod of this application; other people's pods do not exist here.
    """
    try:
        pod = client_for(target).get("Pod", name, target.namespace)
    except Missing as exc:
        raise NotFound("workload.pod_missing", pod=name) from exc
    if (pod["metadata"].get("labels") or {}).get(APPLICATION_LABEL) != application.uid:
        raise NotFound("workload.pod_missing", pod=name)
    spec = pod.get("spec") or {}
    return [item["name"] for item in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]]


def choose_container(pod: str, containers: list[str], wanted: str) -> str:
    """Return the container to read, the first where none was asked for.

    Raises:
        InvalidInput: the pod has no such container.
    """
    if not wanted:
        return containers[0]
    if wanted not in containers:
        raise InvalidInput(
            "workload.container_missing", pod=pod, container=wanted, containers=", ".join(containers),
            fields={"container": ["unknown"]},
        )  # fmt: skip
    return wanted


def read_log(
    application: Application, target: Target, pod: str, *, container: str = "", tail: int = 200, previous: bool = False
) -> str:
    """Return the last lines of a pod's log, of the run before with `previous`.

    Raises:
        NotFound: no such pod of this application.
        InvalidInput: no such container.
        IntegrationError: the cluster cannot be asked.
    """
    chosen = choose_container(pod, require_pod(application, target, pod), container)
    return client_for(target).logs(target.namespace, pod, container=chosen, tail=tail, previous=previous)


def follow_log(target: Target, pod: str, container: str, *, tail: int) -> AsyncIterator[streams.LogLine]:
    """Return the lines of a container's log as they come; ends when the container ends. Check `require_pod` first."""
    return streams.follow_logs(
        clusters.client_connection(target.cluster), target.namespace, pod, container=container, tail=tail
    )
