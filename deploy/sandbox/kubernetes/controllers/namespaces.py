"""Empty a namespace that is being deleted, say what is left, and let it go.

https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from deploy.sandbox.kubernetes import objects
from deploy.sandbox.kubernetes.resources import RESOURCES

from .base import Controller, seconds_since, write_status

Object = dict[str, Any]
LOOK_AGAIN = 0.2
TELL_AFTER = 5.0
_RESOURCES = [each for each in RESOURCES if each.namespaced and not each.review and not each.stored_as]


class Namespaces(Controller):
    """The controller of namespaces."""

    resource = "namespaces"
    component = "namespace-controller"

    def sync(self, obj: Object) -> float | None:
        """Delete everything in a namespace that is going."""
        if "deletionTimestamp" not in obj["metadata"]:
            return None
        name = obj["metadata"]["name"]
        left: Counter[str] = Counter()
        finalizers: Counter[str] = Counter()
        for resource in _RESOURCES:
            for each in self.store.scan(resource.key, name):
                metadata = each["metadata"]
                if "deletionTimestamp" not in metadata:
                    self.store.delete(resource.key, name, metadata["name"])
                kept = self.store.peek(resource.key, name, metadata["name"])
                if kept is not None:
                    left[f"{resource.plural}.{resource.group}" if resource.group else f"{resource.plural}."] += 1
                    finalizers.update(kept["metadata"].get("finalizers") or ())
        if left:
            if seconds_since(obj["metadata"]["deletionTimestamp"]) >= TELL_AFTER:
                write_status(self.store, "namespaces", obj, _status(obj, left, finalizers))
            return LOOK_AGAIN
        fresh = self.store.get("namespaces", None, name)
        if fresh is not None:
            fresh["spec"] = {**fresh.get("spec", {}), "finalizers": []}
            self.store.update("namespaces", fresh)
        return None


def _status(obj: Object, left: Counter[str], finalizers: Counter[str]) -> Object:
    remaining = ", ".join(f"{kind} has {count} resource instances" for kind, count in sorted(left.items()))
    held = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
    wanted = [
        ("NamespaceDeletionDiscoveryFailure", False, "ResourcesDiscovered", "All resources successfully discovered"),
        ("NamespaceDeletionGroupVersionParsingFailure", False, "ParsedGroupVersions", "All legacy kube types successfully parsed"),
        ("NamespaceDeletionContentFailure", False, "ContentDeleted",
         "All content successfully deleted, may be waiting on finalization"),
        ("NamespaceContentRemaining", True, "SomeResourcesRemain", f"Some resources are remaining: {remaining}"),
        ("NamespaceFinalizersRemaining", bool(held), "SomeFinalizersRemain" if held else "ContentHasNoFinalizers",
         f"Some content in the namespace has finalizers remaining: {held}" if held
         else "All content-preserving finalizers finished"),
    ]  # fmt: skip
    old = {each["type"]: each for each in (obj.get("status") or {}).get("conditions") or ()}
    conditions = []
    for kind, holds, reason, message in wanted:
        status = "True" if holds else "False"
        since = old[kind]["lastTransitionTime"] if old.get(kind, {}).get("status") == status else objects.now()
        conditions.append(
            {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
        )
    return {**(obj.get("status") or {}), "phase": "Terminating", "conditions": conditions}
