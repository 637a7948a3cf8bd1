"""READY, STATUS and RESTARTS of a pod, as the server's table printer works them out.

https://github.com/kubernetes/kubernetes/blob/master/pkg/printers/internalversion/printers.go
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
NONE = "<none>"


def pod_cells(pod: Object, age: str, since: Callable[[str | None], str]) -> list[Any]:
    """Return the cells of one row."""
    spec, status = pod["spec"], pod.get("status") or {}
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    statuses = status.get("containerStatuses") or []
    init = status.get("initContainerStatuses") or []
    total = len(spec.get("containers") or ()) + len(sidecars)
    ready = sum(1 for each in statuses if each.get("ready"))
    ready += sum(1 for each in init if each["name"] in sidecars and each.get("ready"))
    reason, initializing = _init_reason(spec, status, sidecars)
    counted = init if initializing else [*statuses, *(each for each in init if each["name"] in sidecars)]
    if not initializing:
        reason = _reason(reason, statuses, status)
    if pod["metadata"].get("deletionTimestamp"):
        reason = "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    addresses = status.get("podIPs") or [{"ip": status.get("podIP") or NONE}]
    return [
        pod["metadata"]["name"], f"{ready}/{total}", reason, _restarts(counted, since), age, addresses[0]["ip"],
        spec.get("nodeName") or NONE, status.get("nominatedNodeName") or NONE, _gates(spec, status),
    ]  # fmt: skip


def _gates(spec: Object, status: Object) -> str:
    gates = [each["conditionType"] for each in spec.get("readinessGates") or ()]
    if not gates:
        return NONE
    true = {each["type"] for each in status.get("conditions") or () if each["status"] == "True"}
    return f"{sum(1 for gate in gates if gate in true)}/{len(gates)}"


def _restarts(statuses: list[Object], since: Callable[[str | None], str]) -> str:
    count = sum(each.get("restartCount", 0) for each in statuses)
    ends = [
        each["lastState"]["terminated"].get("finishedAt") for each in statuses
        if (each.get("lastState") or {}).get("terminated")
    ]  # fmt: skip
    last = max((end for end in ends if end), default=None)
    return f"{count} ({since(last)} ago)" if count and last else str(count)


def _init_reason(spec: Object, status: Object, sidecars: set[str]) -> tuple[str, bool]:
    """Return the status text so far, and whether init containers are still at work."""
    reason = status.get("reason") or status.get("phase") or "Unknown"
    total = len(spec.get("initContainers") or ())
    for index, each in enumerate(status.get("initContainerStatuses") or ()):
        state = each.get("state") or {}
        ended = state.get("terminated")
        if ended and ended.get("exitCode") == 0:
            continue
        if each["name"] in sidecars and each.get("started"):
            continue
        if ended:
            return f"Init:{_ended(ended)}", True
        waiting = (state.get("waiting") or {}).get("reason", "")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}", True
        return f"Init:{index}/{total}", True
    return reason, False


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode')}"


def _reason(reason: str, statuses: list[Object], status: Object) -> str:
    running = False
    for each in reversed(statuses):
        state = each.get("state") or {}
        waiting = (state.get("waiting") or {}).get("reason")
        if waiting:
            reason = waiting
        elif state.get("terminated"):
            reason = _ended(state["terminated"])
        elif each.get("ready") and state.get("running"):
            running = True
    if reason == "Completed" and running:
        conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
        return "Running" if conditions.get("Ready") == "True" else "NotReady"
    return reason
