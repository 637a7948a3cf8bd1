"""ReplicaSets: as many pods of the template as asked for.

https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/
"""

from __future__ import annotations

from typing import Any

from deploy.sandbox.kubernetes import objects, selectors
from deploy.sandbox.kubernetes.status import ApiError

from .base import (
    Controller,
    claim,
    delete_pod,
    is_active,
    is_ready,
    is_terminating,
    phase_of,
    pod_from,
    ready_for,
    write_status,
)  # fmt: skip

Object = dict[str, Any]


class ReplicaSets(Controller):
    """The controller of ReplicaSets."""

    resource = "replicasets.apps"
    also = ("pods",)
    component = "replicaset-controller"

    def concerned(self, event: Any) -> Any:
        """Return the owner of a pod, or where it has none the sets that might take it over."""
        found = list(super().concerned(event))
        if found or event.type == "DELETED":
            return found
        metadata = event.object["metadata"]
        return [
            (metadata["namespace"], each["metadata"]["name"])
            for each in self.store.scan(self.resource, metadata["namespace"])
            if selectors.matches(selectors.from_label_selector(each["spec"].get("selector")), metadata.get("labels"))
        ]

    def sync(self, obj: Object) -> float | None:
        """Create or delete pods, then write the status."""
        pods = claim(self.store, "pods", obj)
        active = [pod for pod in pods if is_active(pod)]
        failure: ApiError | None = None
        if "deletionTimestamp" not in obj["metadata"]:
            failure = self._adjust(obj, active)
            pods = claim(self.store, "pods", obj)
        again = self._write_status(obj, pods, failure)
        if failure is not None:
            raise failure
        return again

    def _adjust(self, obj: Object, active: list[Object]) -> ApiError | None:
        difference = len(active) - obj["spec"].get("replicas", 1)
        for _ in range(-difference):
            pod = pod_from(obj["spec"]["template"], obj)
            try:
                created = self.store.create("pods", pod)
            except ApiError as exc:
                self.events.record(obj, "Warning", "FailedCreate", f"Error creating: {exc}")
                return exc
            self.events.record(obj, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        for pod in sorted(active, key=_worth)[: max(0, difference)]:
            delete_pod(self.store, pod)
            self.events.record(obj, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        return None

    def _write_status(self, obj: Object, pods: list[Object], failure: ApiError | None) -> float | None:
        active = [pod for pod in pods if is_active(pod)]
        least = obj["spec"].get("minReadySeconds", 0)
        template = selectors.compile_labels((obj["spec"]["template"].get("metadata") or {}).get("labels") or {})
        waits = [least - ready_for(pod) for pod in active if is_ready(pod) and ready_for(pod) < least]
        counts = {
            "fullyLabeledReplicas": sum(selectors.matches(template, pod["metadata"].get("labels")) for pod in active),
            "readyReplicas": sum(is_ready(pod) for pod in active),
            "availableReplicas": sum(is_ready(pod) and ready_for(pod) >= least for pod in active),
        }
        status: Object = {"replicas": len(active)} | {name: count for name, count in counts.items() if count}
        status["terminatingReplicas"] = sum(is_terminating(pod) for pod in pods)
        status["observedGeneration"] = obj["metadata"]["generation"]
        if failure is not None:
            # the first failure stays: each later one names another pod, and every change would wake us again
            status["conditions"] = (obj.get("status") or {}).get("conditions") or [
                {"type": "ReplicaFailure", "status": "True", "lastTransitionTime": objects.now(), "reason": "FailedCreate",
                 "message": str(failure)}
            ]  # fmt: skip
        write_status(self.store, self.resource, obj, status)
        return min(waits) + 0.01 if waits else None


def _worth(pod: Object) -> tuple[Any, ...]:
    """Return the key by which pods are given up, the least worthy first: unbound, pending, not ready, cheap, young."""
    cost = int((pod["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", 0))
    restarts = max(
        (each["restartCount"] for each in (pod.get("status") or {}).get("containerStatuses") or ()), default=0
    )
    born = objects.parse_time(pod["metadata"]["creationTimestamp"]).timestamp()
    order = {"Pending": 0, "Unknown": 1}.get(phase_of(pod), 2)
    return (bool(pod["spec"].get("nodeName")), order, is_ready(pod), cost, -round(ready_for(pod)), -restarts, -born)
