"""A Deployment's counters and conditions: pure.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
"""

from __future__ import annotations

from typing import Any

from deploy.sandbox.kubernetes import objects

from .base import seconds_since

Object = dict[str, Any]


class Conditions:
    """The conditions of a Deployment, in the order in which they last changed."""

    def __init__(self, deployment: Object) -> None:
        self._list: list[Object] = [dict(each) for each in (deployment.get("status") or {}).get("conditions") or ()]
        self.changed = False

    def get(self, type: str) -> Object | None:
        """Return a condition."""
        return next((each for each in self._list if each["type"] == type), None)

    def as_list(self) -> list[Object]:
        """Return all."""
        return list(self._list)

    def drop(self, type: str) -> None:
        """Remove a condition."""
        self.changed = self.changed or self.get(type) is not None
        self._list = [each for each in self._list if each["type"] != type]

    def set(self, type: str, status: str, reason: str, message: str, *, refresh: bool = False) -> None:
        """Set a condition; one of the same status and reason stays as it is, unless `refresh` renews its time."""
        old = self.get(type)
        if old is not None and old["status"] == status and old["reason"] == reason and not refresh:
            return
        now = objects.now()
        since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
        self._list = [each for each in self._list if each["type"] != type]
        self._list.append({"type": type, "status": status, "lastUpdateTime": now, "lastTransitionTime": since,
                           "reason": reason, "message": message})  # fmt: skip
        self.changed = True

    def progressing(self, status: str, reason: str, message: str, *, refresh: bool = False) -> None:
        """Set the Progressing condition."""
        self.set("Progressing", status, reason, message, refresh=refresh)


def build(
    deployment: Object, sets: list[Object], new: Object | None, conditions: Conditions, *, least: int
) -> tuple[Object, float | None]:
    """Return the new status, and in how many seconds the progress deadline has to be looked at."""
    wanted = sum(each["spec"].get("replicas", 0) for each in sets)
    counts = {
        "replicas": _sum(sets, "replicas"),
        "updatedReplicas": _sum([new] if new is not None else [], "replicas"),
        "readyReplicas": _sum(sets, "readyReplicas"),
        "availableReplicas": _sum(sets, "availableReplicas"),
    }
    counts["unavailableReplicas"] = max(0, wanted - counts["availableReplicas"])
    status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {name: count for name, count in counts.items() if count}
    status["terminatingReplicas"] = _sum(sets, "terminatingReplicas")
    _set_available(conditions, counts["availableReplicas"] >= least)
    again = None
    if deployment["spec"].get("progressDeadlineSeconds") is not None:
        again = _set_progress(deployment, counts, new, conditions)
    _set_failure(conditions, sets, new)
    status["conditions"] = conditions.as_list()
    return status, again


def _sum(sets: list[Object], field: str) -> int:
    return sum((each.get("status") or {}).get(field, 0) for each in sets)


def _set_available(conditions: Conditions, available: bool) -> None:
    if available:
        conditions.set("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        message = "Deployment does not have minimum availability."
        conditions.set("Available", "False", "MinimumReplicasUnavailable", message)


def _set_failure(conditions: Conditions, sets: list[Object], new: Object | None) -> None:
    for each in [*([new] if new is not None else []), *sets]:
        for condition in (each.get("status") or {}).get("conditions") or ():
            if condition["type"] == "ReplicaFailure":
                conditions.set("ReplicaFailure", "True", condition["reason"], condition["message"])
                return
    conditions.drop("ReplicaFailure")


def _set_progress(
    deployment: Object, counts: dict[str, int], new: Object | None, conditions: Conditions
) -> float | None:
    current = conditions.get("Progressing")
    reason = (current or {}).get("reason")
    if deployment["spec"].get("paused"):
        return None
    settled = counts["replicas"] == counts["updatedReplicas"] and reason == "NewReplicaSetAvailable"
    name = (
        f'ReplicaSet "{new["metadata"]["name"]}"'
        if new is not None
        else f'Deployment "{deployment["metadata"]["name"]}"'
    )
    replicas = deployment["spec"].get("replicas", 1)
    complete = (
        counts["updatedReplicas"] == replicas == counts["replicas"] == counts["availableReplicas"]
        and new is not None
        and (new.get("status") or {}).get("observedGeneration", 0) >= new["metadata"].get("generation", 1)
    )
    if settled:
        return None
    if complete:
        conditions.progressing("True", "NewReplicaSetAvailable", f"{name} has successfully progressed.")
        return None
    if _moved(deployment.get("status") or {}, counts):
        conditions.progressing("True", "ReplicaSetUpdated", f"{name} is progressing.", refresh=True)
    elif reason == "ProgressDeadlineExceeded":
        return None
    elif current is not None and _left(deployment, current) <= 0:
        conditions.progressing("False", "ProgressDeadlineExceeded", f"{name} has timed out progressing.")
        return None
    now = conditions.get("Progressing")
    return max(0.1, _left(deployment, now)) if now is not None else None


def _left(deployment: Object, condition: Object) -> float:
    return float(deployment["spec"]["progressDeadlineSeconds"]) - seconds_since(condition["lastUpdateTime"])


def _moved(old: Object, counts: dict[str, int]) -> bool:
    old_replicas = old.get("replicas", 0) - old.get("updatedReplicas", 0)
    return bool(
        counts["updatedReplicas"] > old.get("updatedReplicas", 0)
        or counts["replicas"] - counts["updatedReplicas"] < old_replicas
        or counts["readyReplicas"] > old.get("readyReplicas", 0)
        or counts["availableReplicas"] > old.get("availableReplicas", 0)
    )
