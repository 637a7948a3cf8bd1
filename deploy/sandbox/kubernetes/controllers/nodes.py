"""Taint a node that was cordoned, and take the taint away again."""

from __future__ import annotations

from typing import Any

from deploy.sandbox.kubernetes import objects

from .base import Controller

Object = dict[str, Any]
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


class Nodes(Controller):
    """The node lifecycle controller, as far as one node that never fails needs it."""

    resource = "nodes"
    component = "node-controller"

    def sync(self, obj: Object) -> float | None:
        """Let the taint follow `spec.unschedulable`."""
        taints = obj["spec"].get("taints") or []
        tainted = any(each["key"] == UNSCHEDULABLE for each in taints)
        cordoned = bool(obj["spec"].get("unschedulable"))
        if cordoned == tainted:
            return None
        kept = [each for each in taints if each["key"] != UNSCHEDULABLE]
        new = [{"key": UNSCHEDULABLE, "effect": "NoSchedule", "timeAdded": objects.now()}] if cordoned else []
        obj["spec"]["taints"] = [*kept, *new]
        if not obj["spec"]["taints"]:
            del obj["spec"]["taints"]
        self.store.update("nodes", obj)
        return None
