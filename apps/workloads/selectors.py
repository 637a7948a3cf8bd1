"""Reads of live state for pages and the API: an application's pods on its targets, one pod, its log."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from apps.applications.models import Application, Target
from apps.clusters import breaker
from apps.clusters import selectors as clusters
from apps.core.errors import InvalidInput, NotFound
from apps.integrations.calls import Timeout
from apps.integrations.errors import IntegrationError, Missing, Unavailable
from apps.integrations.kubernetes.streams import LogLine, follow_logs

from .reading import APPLICATION_LABEL, PodState, Reading, client_for, pod_states, read

PAGE_TIMEOUT = Timeout(connect=1.0, read=3.0)


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
    def followed(self) -> PodState | None:
        """Return the pod whose log a page follows by itself: the first of the newest version, as that one stays."""
        pods = [pod for pod in self.pods if not pod.terminating and pod.created_at is not None]
        newest = max(pods, key=_age, default=None)
        return min(
            (pod for pod in pods if newest and pod.revision_hash == newest.revision_hash), key=_age, default=None
        )

    @property
    def wanted(self) -> int:
        """Return how many pods the cluster was asked for."""
        if self.reading is None or self.reading.deployment is None:
            return 0
        return int(self.reading.deployment["spec"].get("replicas", 1))


def _age(pod: PodState) -> tuple[str, str]:
    return str(pod.created_at), pod.name


def target_state(application: Application, target: Target) -> TargetState:
    """Return the live state of an application on a target; a cluster that cannot be asked is told, not raised.

    Somebody waits for this: a cluster that is known to be away is not asked, a slow one not for long.
    """
    if breaker.seconds_until_try(target.cluster_id):
        return TargetState(target, None, [], Unavailable("kubernetes", "read pods", message="left alone for a while"))
    try:
        reading = read(application, target, timeout=PAGE_TIMEOUT)
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


def follow_log(
    target: Target, pod: str, container: str, *, tail: int, after: datetime | None = None
) -> AsyncGenerator[LogLine, None]:
    """Return the lines of a container's log as they come; ends when the container ends. Check `require_pod` first.

    With `after` it goes on behind the lines of that moment, for a reader who lost the connection.
    """
    return follow_logs(
        clusters.client_connection(target.cluster),
        target.namespace,
        pod,
        container=container,
        tail=None if after else tail,
        since=after,
    )
