"""DaemonSets: one pod on every node that takes it.

https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deploy.sandbox.kubernetes.scheduler import selected, tolerates
from deploy.sandbox.kubernetes.store import Event

from . import template
from .base import (
    Controller,
    Key,
    claim,
    delete_pod,
    is_active,
    is_ready,
    pod_from,
    ready_for,
    resolve_count,
    write_status,
)

Object = dict[str, Any]
HASH = "controller-revision-hash"
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"), ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"), ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"), ("node.kubernetes.io/unschedulable", "NoSchedule"),
)  # fmt: skip


class DaemonSets(Controller):
    """The controller of DaemonSets."""

    resource = "daemonsets.apps"
    also = ("pods", "nodes")
    component = "daemonset-controller"

    def concerned(self, event: Event) -> Iterable[Key]:
        """Return the owner of a pod; every DaemonSet when a node comes, goes or is relabelled."""
        if event.resource == "pods":
            yield from super().concerned(event)
        elif event.previous is None or event.previous["metadata"].get("labels") != event.object["metadata"].get(
            "labels"
        ):
            for each in self.store.scan(self.resource):
                yield (each["metadata"]["namespace"], each["metadata"]["name"])

    def sync(self, obj: Object) -> float | None:
        """Create what is missing, delete what is too much, replace what is old."""
        pods = claim(self.store, "pods", obj)
        spec = obj["spec"]["template"]["spec"]
        nodes = [each for each in self.store.scan("nodes") if self._takes(each, spec)]
        names = {each["metadata"]["name"] for each in nodes}
        if "deletionTimestamp" not in obj["metadata"]:
            self._adjust(obj, pods, names)
        return self._write_status(obj, [pod for pod in claim(self.store, "pods", obj) if is_active(pod)], names)

    @staticmethod
    def _takes(node: Object, spec: Object) -> bool:
        allowed = {**spec, "tolerations": [*(spec.get("tolerations") or ()), *_tolerations()]}
        taints = [each for each in node["spec"].get("taints") or () if each["effect"] != "PreferNoSchedule"]
        return selected(spec, node["metadata"]) and all(tolerates(allowed, taint) for taint in taints)

    def _adjust(self, obj: Object, pods: list[Object], names: set[str]) -> None:
        here = {_target(pod): pod for pod in pods if is_active(pod) or "deletionTimestamp" in pod["metadata"]}
        for pod in pods:
            if is_active(pod) and _target(pod) not in names:
                delete_pod(self.store, pod)
        for name in sorted(names - set(here)):
            created = self.store.create("pods", self._pod(obj, name))
            self.events.record(obj, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        strategy = obj["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        room = max(
            1, resolve_count((strategy.get("rollingUpdate") or {}).get("maxUnavailable"), len(names), 1, up=True)
        )
        room -= sum(1 for pod in here.values() if not is_ready(pod) or "deletionTimestamp" in pod["metadata"])
        revision = template.pod_template_hash(obj["spec"]["template"])
        for pod in here.values():
            old = (pod["metadata"].get("labels") or {}).get(HASH) != revision
            if old and "deletionTimestamp" not in pod["metadata"] and (room > 0 or not is_ready(pod)):
                delete_pod(self.store, pod)
                self.events.record(obj, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
                room -= 1

    @staticmethod
    def _pod(obj: Object, node: str) -> Object:
        pod = pod_from(obj["spec"]["template"], obj)
        pod["metadata"]["labels"][HASH] = template.pod_template_hash(obj["spec"]["template"])
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
        tolerations = [*(pod["spec"].get("tolerations") or ()), *_tolerations()]
        pod["spec"] = {**pod["spec"], "affinity": affinity, "tolerations": tolerations}
        return pod

    def _write_status(self, obj: Object, pods: list[Object], names: set[str]) -> float | None:
        least = obj["spec"].get("minReadySeconds", 0)
        revision = template.pod_template_hash(obj["spec"]["template"])
        available = sum(is_ready(pod) and ready_for(pod) >= least for pod in pods)
        status: Object = {
            "currentNumberScheduled": len(pods), "numberMisscheduled": 0, "desiredNumberScheduled": len(names),
            "numberReady": sum(is_ready(pod) for pod in pods), "observedGeneration": obj["metadata"]["generation"],
        }  # fmt: skip
        counts = {
            "updatedNumberScheduled": sum((pod["metadata"].get("labels") or {}).get(HASH) == revision for pod in pods),
            "numberAvailable": available,
            "numberUnavailable": max(0, len(names) - available),
        }
        status |= {name: count for name, count in counts.items() if count}
        write_status(self.store, self.resource, obj, status)
        waits = [least - ready_for(pod) for pod in pods if is_ready(pod) and ready_for(pod) < least]
        return min(waits) + 0.01 if waits else None


def _tolerations() -> list[Object]:
    return [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]


def _target(pod: Object) -> str:
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])
