"""Say why a pod is not well, from the pod and its events. Pure; shared by rollouts and pages.

Flow: being deleted -> its node -> finished -> no node found -> init containers -> containers -> what it waits for on
its node -> readiness gates. What each state looks like on a real server is in `tests/recordings`; the words are in
`diagnosis_words`, refusals of pods that do not exist in `refusals`.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from .causes import Cause, Severity
from .container_faults import NOT_STARTED, container_causes, ended_causes, exit_params
from .events import event_time
from .node_faults import disruption, node_fault
from .pod_parts import Object, condition, text
from .preparation_faults import preparation_cause
from .scheduling import scheduling_cause

# A pod is deleted some seconds after its grace period has ended; longer than this something holds it.
TERMINATION_SLACK = timedelta(seconds=30)


def diagnose_pod(pod: Object, events: Iterable[Object] = (), *, now: datetime | None = None) -> list[Cause]:
    """Return all causes of a pod's state, none for a pod that is running and ready.

    `events` are those about this pod; without them a cause may be less exact. `now` is needed to tell whether a
    deletion hangs, and what is long over.
    """
    status = pod.get("status") or {}
    told = sorted(events, key=event_time)
    if pod["metadata"].get("deletionTimestamp"):
        return [_terminating(pod, now)]
    if fault := node_fault(pod, told):
        return [fault]
    if status.get("phase") == "Succeeded":
        return [Cause("pod.completed", Severity.INFO)]
    if status.get("reason") == "DeadlineExceeded":
        seconds = (pod.get("spec") or {}).get("activeDeadlineSeconds")
        return [Cause("pod.deadline_exceeded", Severity.ERROR, {"seconds": seconds})]
    if homeless := scheduling_cause(pod):
        return [homeless]
    causes = _init_causes(pod, told, now)
    for container in status.get("containerStatuses") or []:
        causes += container_causes(pod, container, told, now)
    if _waits_to_start(pod) and (holding := preparation_cause(pod, told)):
        causes.append(holding)
    if causes:
        return causes
    if status.get("phase") in (None, "Pending"):
        return [Cause("pod.starting", Severity.INFO)]
    gate = condition(pod, "Ready")
    if gate.get("status") == "False" and gate.get("reason") == "ReadinessGatesNotReady":
        return [Cause("pod.gate_closed", Severity.INFO, {"message": text(gate.get("message"))})]
    return []


def _terminating(pod: Object, now: datetime | None) -> Cause:
    metadata = pod["metadata"]
    due = datetime.fromisoformat(metadata["deletionTimestamp"])
    taken = disruption(pod)
    if taken and taken.code == "pod.node_lost":
        return taken
    if now is None or now < due + TERMINATION_SLACK:
        return taken or Cause("pod.terminating", Severity.INFO, {"until": metadata["deletionTimestamp"]})
    params = {
        "since": metadata["deletionTimestamp"],
        "finalizers": list(metadata.get("finalizers") or []),
        "node": (pod.get("spec") or {}).get("nodeName", ""),
    }
    return Cause("pod.stuck_terminating", Severity.WARNING, params)


def _init_causes(pod: Object, events: Sequence[Object], now: datetime | None) -> list[Cause]:
    """Return what holds the pod up before its containers: the first init container that has not done its work.

    Sidecars are init containers that stay; a pod goes on to the next one while they run.
    """
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    sidecars = {each["name"] for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"}
    causes: list[Cause] = []
    for container in status.get("initContainerStatuses") or []:
        if container["name"] in sidecars:
            causes += container_causes(pod, container, events, now)
        elif ((container.get("state") or {}).get("terminated") or {}).get("exitCode") != 0:
            return causes + _init_cause(pod, container, events)
    return causes


def _init_cause(pod: Object, container: Object, events: Sequence[Object]) -> list[Cause]:
    state = container.get("state") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    if "running" in state and not container.get("restartCount"):
        return [Cause("pod.init_running", Severity.INFO, {"container": container["name"]})]
    if "waiting" in state and (state["waiting"].get("reason") != "CrashLoopBackOff" or not ended):
        return container_causes(pod, container, events)
    if not ended:
        return []
    if ended.get("exitCode") == 0:
        return [Cause("pod.init_running", Severity.INFO, {"container": container["name"]})]
    [cause] = ended_causes(pod, container, ended, events)
    if cause.code in ("pod.crash_loop", "pod.failed"):
        return [Cause("pod.init_failed", cause.severity, exit_params(container, ended))]
    return [cause]


def _waits_to_start(pod: Object) -> bool:
    """Return whether no container was started yet: only then do events about volumes still tell something."""
    status = pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return all(
        ((each.get("state") or {}).get("waiting") or {}).get("reason") in NOT_STARTED and not each.get("restartCount")
        for each in containers
    )
