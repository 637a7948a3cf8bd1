"""A pod's status from what its containers do: pure, as a real node writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.kubernetes import objects

from .unit import Unit

Object = dict[str, Any]
OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


@dataclass(frozen=True)
class Facts:
    """What the node knows of a pod besides its containers."""

    units: Sequence[Unit]
    host_ip: str
    pod_ip: str | None
    sandbox_ready: bool
    start_time: str
    ended: tuple[str, str] | None = None  # reason and message of a pod that was ended by its deadline
    stopped: bool = False  # no container will be started any more


def phase(pod: Object, facts: Facts) -> str:
    """Return the pod's phase."""
    policy = pod["spec"].get("restartPolicy", "Always")
    inits = [unit for unit in facts.units if unit.kind == "init"]
    apps = [unit for unit in facts.units if unit.kind == "app"]
    if facts.ended is not None:
        return "Failed" if facts.stopped else "Running"
    if facts.stopped and not any(unit.running for unit in facts.units):
        ok = all(unit.succeeded for unit in apps) and all(unit.succeeded for unit in inits)
        return "Succeeded" if ok else "Failed"
    if policy == "Never" and any(unit.finished and not unit.succeeded for unit in inits):
        return "Failed"
    if any(not unit.succeeded for unit in inits):
        return "Pending"
    if any(unit.run is None and unit.last is None for unit in apps):
        return "Pending"
    if all(unit.finished for unit in apps) and (
        policy == "Never" or (policy == "OnFailure" and all(unit.succeeded for unit in apps))
    ):
        return "Succeeded" if all(unit.succeeded for unit in apps) else "Failed"
    return "Running"


def build(pod: Object, facts: Facts) -> Object:
    """Return the new status of a pod; conditions that others wrote are kept."""
    old = pod.get("status") or {}
    now_phase = phase(pod, facts)
    generation = pod["metadata"].get("generation", 1)
    result: Object = {"observedGeneration": generation, "phase": now_phase}
    result["conditions"] = _conditions(pod, facts, now_phase, generation)
    if facts.ended is not None:
        result["message"], result["reason"] = facts.ended[1], facts.ended[0]
    result |= {"hostIP": facts.host_ip, "hostIPs": [{"ip": facts.host_ip}]}
    if facts.pod_ip:
        result |= {"podIP": facts.pod_ip, "podIPs": [{"ip": facts.pod_ip}]}
    result["startTime"] = facts.start_time
    for field, kinds in (
        ("initContainerStatuses", ("init", "sidecar")),
        ("containerStatuses", ("app",)),
        ("ephemeralContainerStatuses", ("ephemeral",)),
    ):
        statuses = [unit.status() for unit in facts.units if unit.kind in kinds]
        if statuses:
            result[field] = statuses
    result["qosClass"] = old.get("qosClass", "BestEffort")
    containers = pod["spec"]["containers"]
    resources = (containers[0].get("resources") or {}) if len(containers) == 1 else {}
    if resources.get("requests"):
        result["allocatedResources"] = dict(resources["requests"])
    result["resources"] = {
        kind: dict(values) for kind, values in resources.items() if kind in ("limits", "requests") and values
    }
    return result


def _conditions(pod: Object, facts: Facts, now_phase: str, generation: int) -> list[Object]:
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(now_phase)
    inits = [unit for unit in facts.units if unit.kind == "init" and not unit.succeeded]
    inits += [unit for unit in facts.units if unit.kind == "sidecar" and not unit.started]
    unready = [unit.name for unit in facts.units if unit.kind in ("app", "sidecar") and not unit.ready]
    reason, message = None, None
    if over:
        reason = over
    elif unready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    containers_ready = ("False", reason, message) if reason else ("True", None, None)
    ready = containers_ready if reason else _gates(pod)
    initialized: tuple[str, str | None, str | None] = (
        "True",
        "PodCompleted" if now_phase == "Succeeded" else None,
        None,
    )
    if inits and not over:
        names = " ".join(unit.name for unit in inits)
        initialized = ("False", "ContainersNotInitialized", f"containers with incomplete status: [{names}]")
    sandbox = "True" if facts.sandbox_ready and not over else "False"
    wanted = {
        "PodReadyToStartContainers": (sandbox, None, None),
        "Initialized": initialized,
        "Ready": ready,
        "ContainersReady": containers_ready,
        "PodScheduled": ("True", None, None),
    }
    old = {condition["type"]: condition for condition in (pod.get("status") or {}).get("conditions") or ()}
    result = [_condition(old.get(name), name, generation, *value) for name, value in wanted.items()]
    return result + [condition for name, condition in old.items() if name not in OWN_CONDITIONS]


def _gates(pod: Object) -> tuple[str, str | None, str | None]:
    conditions = {
        condition["type"]: condition["status"] for condition in (pod.get("status") or {}).get("conditions") or ()
    }
    for gate in pod["spec"].get("readinessGates") or ():
        name = gate["conditionType"]
        if conditions.get(name) != "True":
            why = f'the status of pod readiness gate "{name}" is not "True", but {conditions.get(name, "Unknown")}'
            if name not in conditions:
                why = f'corresponding condition of pod readiness gate "{name}" does not exist.'
            return "False", "ReadinessGatesNotReady", why
    return "True", None, None


def _condition(
    old: Object | None, name: str, generation: int, status: str, reason: str | None, message: str | None
) -> Object:
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else objects.now()
    result: Object = {
        "type": name, "observedGeneration": generation, "status": status, "lastProbeTime": None, "lastTransitionTime": since,
    }  # fmt: skip
    if reason:
        result["reason"] = reason
    if message:
        result["message"] = message
    return result
