"""Bind pods to the cluster's node, or say why not in a real scheduler's words.

https://kubernetes.io/docs/concepts/scheduling-eviction/
"""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

from . import objects, quantity
from .events import Recorder
from .status import ApiError
from .store import Event, Store

Object = dict[str, Any]
FINAL = ("Succeeded", "Failed")
WATCHED = ("pods", "nodes", "persistentvolumeclaims")


class Scheduler:
    """Looks at pods without a node whenever a pod or a node changes."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._events = Recorder(store, "default-scheduler", name)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: list[Any] = []
        self._told: dict[str, str] = {}

    async def start(self) -> None:
        """Begin scheduling."""
        self._unsubscribe = [self._store.subscribe(self._on_change, each) for each in WATCHED]
        self._wake.set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop scheduling."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _on_change(self, event: Event) -> None:
        if event.resource == "nodes" and event.previous is not None and _same_node(event.previous, event.object):
            return  # a heartbeat
        if event.type == "DELETED":
            self._told.pop(event.object["metadata"]["uid"], None)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            used = self._requested()
            for pod in self._store.list("pods"):
                if (
                    not pod["spec"].get("nodeName")
                    and "deletionTimestamp" not in pod["metadata"]
                    and not pod["spec"].get("schedulingGates")
                ):
                    self._schedule(pod, used)
            await asyncio.sleep(0.01)  # what happens together is looked at together

    def _requested(self) -> dict[str, Counter[str]]:
        used: dict[str, Counter[str]] = {}
        for pod in self._store.scan("pods"):
            node = pod["spec"].get("nodeName")
            if node and (pod.get("status") or {}).get("phase") not in FINAL:
                _add(used.setdefault(node, Counter()), _requests(pod))
        return used

    def _schedule(self, pod: Object, used: dict[str, Counter[str]]) -> None:
        reasons: Counter[str] = Counter()
        nodes = self._store.scan("nodes")
        if missing := self._missing_claim(pod):
            self._refuse(pod, len(nodes), f'persistentvolumeclaim "{missing}" not found')
            return
        for node in nodes:
            name = node["metadata"]["name"]
            faults = _faults(pod, node, used.get(name, Counter()))
            if not faults:
                self._bind(pod, name, used)
                return
            reasons.update(faults)
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        self._refuse(pod, len(nodes), listed)

    def _missing_claim(self, pod: Object) -> str:
        """Return a claim of the pod's volumes that does not exist: no node is even looked at then."""
        for volume in pod["spec"].get("volumes") or []:
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
            if claim and self._store.get("persistentvolumeclaims", pod["metadata"]["namespace"], claim) is None:
                return str(claim)
        return ""

    def _bind(self, pod: Object, node: str, used: dict[str, Counter[str]]) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        pod["spec"]["nodeName"] = node
        try:
            bound = self._store.update("pods", pod)
        except ApiError:
            return  # it changed or went meanwhile; the change wakes us again
        _add(used.setdefault(node, Counter()), _requests(pod))
        self._told.pop(bound["metadata"]["uid"], None)
        self._set_condition(bound, {"type": "PodScheduled", "status": "True"})
        self._events.announce(
            bound, "Normal", "Scheduled", f"Successfully assigned {namespace}/{name} to {node}", "Binding"
        )

    def _refuse(self, pod: Object, nodes: int, listed: str) -> None:
        if nodes == 0:
            message = "no nodes available to schedule pods"
        else:
            head = f"0/{nodes} nodes are available"
            message = (
                f"{head}: {listed}. no new claims to deallocate, preemption: "
                f"{head}: {nodes} Preemption is not helpful for scheduling."
            )
        uid = pod["metadata"]["uid"]
        if self._told.get(uid) == message:
            return
        self._told[uid] = message
        self._set_condition(
            pod, {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        )
        self._events.announce(pod, "Warning", "FailedScheduling", message, "Scheduling")

    def _set_condition(self, pod: Object, condition: Object) -> None:
        pod = self._store.get("pods", pod["metadata"]["namespace"], pod["metadata"]["name"]) or pod
        status = pod.setdefault("status", {})
        old = next((each for each in status.get("conditions") or () if each["type"] == "PodScheduled"), None)
        since = old["lastTransitionTime"] if old and old["status"] == condition["status"] else objects.now()
        full = {
            "type": condition.pop("type"),
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": condition.pop("status"),
            "lastProbeTime": None,
            "lastTransitionTime": since,
        }
        others = [each for each in status.get("conditions") or () if each["type"] != "PodScheduled"]
        status["conditions"] = [*others, full | condition]
        try:
            self._store.update("pods", pod, status=True)
        except ApiError:
            return


def _same_node(before: Object, after: Object) -> bool:
    return bool(
        before["spec"] == after["spec"]
        and before["metadata"].get("labels") == after["metadata"].get("labels")
        and (before.get("status") or {}).get("allocatable") == (after.get("status") or {}).get("allocatable")
    )


def _requests(pod: Object) -> dict[str, Decimal]:
    """Return what a pod asks for: the sum of its containers and sidecars, or its greediest init container."""
    spec = pod["spec"]
    total: dict[str, Decimal] = {"pods": Decimal(1)}
    inits = spec.get("initContainers") or ()
    for container in [*spec["containers"], *(each for each in inits if each.get("restartPolicy") == "Always")]:
        for name, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = total.get(name, Decimal(0)) + quantity.parse(amount)
    for container in inits:
        for name, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = max(total.get(name, Decimal(0)), quantity.parse(amount))
    return total


def _add(counter: Counter[str], amounts: dict[str, Decimal]) -> None:
    for name, amount in amounts.items():
        counter[name] += amount  # type: ignore[assignment]


def _faults(pod: Object, node: Object, used: Counter[str]) -> list[str]:
    spec = pod["spec"]
    if node["spec"].get("unschedulable") and not tolerates(
        spec, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    ):
        return ["node(s) were unschedulable"]
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] in ("NoSchedule", "NoExecute") and not tolerates(spec, taint):
            return ["node(s) had untolerated taint(s)"]
    if not selected(spec, node["metadata"]):
        return ["node(s) didn't match Pod's node affinity/selector"]
    faults = []
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    for name, amount in _requests(pod).items():
        if Decimal(used.get(name, 0)) + amount > quantity.parse(allocatable.get(name, "0")):
            faults.append("Too many pods" if name == "pods" else f"Insufficient {name}")
    return faults


def selected(spec: Object, node: Object) -> bool:
    """Return whether a pod's nodeSelector and required node affinity accept a node (its metadata)."""
    labels = node.get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    fields = {"metadata.name": node["name"]}
    return any(
        all(_expression(each, labels) for each in term.get("matchExpressions") or ())
        and all(_expression(each, fields) for each in term.get("matchFields") or ())
        for term in required.get("nodeSelectorTerms") or ()
    )


def _expression(expression: Object, labels: dict[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    operator = expression["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    if operator in ("In", "NotIn"):
        return (value in values) == (operator == "In")
    try:
        number, bound = int(value or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return number > bound if operator == "Gt" else number < bound


def tolerates(spec: Object, taint: Object) -> bool:
    """Return whether a pod tolerates a taint."""
    for toleration in spec.get("tolerations") or ():
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        if toleration.get("operator", "Equal") == "Exists" and toleration.get("key") in (None, "", taint["key"]):
            return True
        if toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""):
            return True
    return False
