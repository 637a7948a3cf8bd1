"""What the nodes of a cluster have left, and whether a rollout finds room there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .amounts import Amounts, read_amounts, total, words
from .findings import STOP, WARN, Finding
from .pods import pod_amounts
from .rollouts import Rollout

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Room:
    """What the nodes of a cluster have left, roughly, and what the biggest of them can hold at all."""

    free: Mapping[str, Decimal]
    biggest: Mapping[str, Decimal]


def room_of(nodes: Iterable[Object], pods: Iterable[Object]) -> Room:
    """Return what ready nodes that take pods have left beside the requests of the pods that run."""
    free: Amounts = {}
    biggest: Amounts = {}
    for node in nodes:
        conditions = {item["type"]: item["status"] for item in (node.get("status") or {}).get("conditions") or []}
        if (node.get("spec") or {}).get("unschedulable") or conditions.get("Ready") != "True":
            continue
        for name, amount in read_amounts((node.get("status") or {}).get("allocatable")).items():
            free[name] = free.get(name, Decimal(0)) + amount
            biggest[name] = max(biggest.get(name, Decimal(0)), amount)
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            for name, amount in pod_amounts(pod.get("spec") or {}).items():
                resource = name.removeprefix("requests.")
                if resource in free and not name.startswith("limits."):
                    free[resource] -= amount
    return Room(free, biggest)


def on_nodes(room: Room, rollouts: Sequence[Rollout]) -> Iterator[Finding]:
    """Yield what the nodes have no room for: a word of caution, for others come and go and clusters grow by themselves."""
    for name in ("cpu", "memory", "pods"):
        key = name if name == "pods" else f"requests.{name}"
        needed = total(each.peak.get(key) for each in rollouts)
        left = room.free.get(name)
        if left is not None and needed > left and needed > 0:
            params = {"resource": name, "needed": words(key, needed), "left": words(key, max(left, Decimal(0)))}
            yield Finding("budget.nodes_full", WARN, params)
        one = max((each.next_pod.get(key, Decimal(0)) for each in rollouts), default=Decimal(0))
        if name != "pods" and name in room.biggest and one > room.biggest[name]:
            params = {"resource": name, "needed": words(key, one), "most": words(key, room.biggest[name])}
            yield Finding("budget.no_node_fits", STOP, params)
