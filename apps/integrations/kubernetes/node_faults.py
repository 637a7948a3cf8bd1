"""Tell what a node, or those who clear nodes, did to a pod: lost it, shut down, evicted it, refused it. Pure.

https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
"""

from __future__ import annotations

from collections.abc import Sequence

from .causes import Cause, Severity
from .pod_parts import Object, condition, text

_REASONS = {
    "NodeLost": "pod.node_lost",
    "Shutdown": "pod.node_shutdown",
    "NodeShutdown": "pod.node_shutdown",
    "Terminated": "pod.node_shutdown",
    "Evicted": "pod.evicted",
    "Preempting": "pod.preempted",
}
_DISRUPTIONS = {
    "DeletionByTaintManager": "pod.node_lost",
    "DeletionByPodGC": "pod.node_lost",
    "PreemptionByScheduler": "pod.preempted",
}


def disruption(pod: Object) -> Cause | None:
    """Return who takes the pod away, where the cluster says so."""
    told = condition(pod, "DisruptionTarget")
    if told.get("status") != "True":
        return None
    return _cause(_DISRUPTIONS.get(told.get("reason", ""), "pod.evicted"), pod, told.get("message"))


def node_fault(pod: Object, events: Sequence[Object]) -> Cause | None:
    """Return what became of the pod through its node, None where the node is not to blame."""
    status = pod.get("status") or {}
    reason = status.get("reason") or ""
    if code := _REASONS.get(reason):
        return _cause(code, pod, status.get("message"))
    if found := disruption(pod):
        return found
    if status.get("phase") == "Unknown":
        return _cause("pod.node_lost", pod, status.get("message"))
    never_ran = not any(each.get("lastState") or _ran(each) for each in status.get("containerStatuses") or [])
    if status.get("phase") == "Failed" and reason and reason != "DeadlineExceeded" and never_ran:
        # The scheduler chose a node, and the kubelet there had changed its mind: OutOfcpu, NodeAffinity, NodePorts, ...
        return _cause("pod.node_refused", pod, status.get("message"), reason=reason)
    if _is_silent(pod, events):
        return _cause("pod.node_lost", pod, "Node is not ready")
    return None


def _ran(container: Object) -> bool:
    return bool((container.get("state") or {}).keys() & {"running", "terminated"})


def _is_silent(pod: Object, events: Sequence[Object]) -> bool:
    """Return whether the control plane, not the kubelet, calls the pod unready: the kubelet always gives a reason."""
    ready = condition(pod, "Ready")
    if ready.get("status") != "False" or ready.get("reason"):
        return False
    contradicted = condition(pod, "ContainersReady").get("status") == "True"
    return contradicted or any(event.get("reason") == "NodeNotReady" for event in events[-3:])


def _cause(code: str, pod: Object, message: str | None, **params: str) -> Cause:
    node = (pod.get("spec") or {}).get("nodeName", "")
    return Cause(code, Severity.ERROR, {"node": node, "message": text(message), **params})
