"""Keep `status` of PodDisruptionBudgets.

https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deploy.sandbox.kubernetes import objects, selectors
from deploy.sandbox.kubernetes.store import Event

from .base import Controller, Key, controller_of, is_active, is_ready, resolve_count, write_status

Object = dict[str, Any]
_SCALED = {"ReplicaSet": "replicasets.apps", "StatefulSet": "statefulsets.apps"}


class DisruptionBudgets(Controller):
    """The controller of PodDisruptionBudgets."""

    resource = "poddisruptionbudgets.policy"
    also = ("pods",)
    component = "controllermanager"

    def concerned(self, event: Event) -> Iterable[Key]:
        """Return the budgets that select a pod."""
        metadata = event.object["metadata"]
        for budget in self.store.scan(self.resource, metadata["namespace"]):
            if selectors.matches(selectors.from_label_selector(budget["spec"].get("selector")), metadata.get("labels")):
                yield (metadata["namespace"], budget["metadata"]["name"])

    def sync(self, obj: Object) -> float | None:
        """Count healthy pods and say how many may be disturbed."""
        selector = selectors.from_label_selector(obj["spec"].get("selector"))
        pods = [pod for pod in self.store.scan("pods", obj["metadata"]["namespace"], labels=selector) if is_active(pod)]
        expected = self._expected(pods)
        if obj["spec"].get("maxUnavailable") is not None:
            wanted = max(0, expected - resolve_count(obj["spec"]["maxUnavailable"], expected, 0, up=True))
        else:
            expected = expected if isinstance(obj["spec"].get("minAvailable"), str) else len(pods)
            wanted = resolve_count(obj["spec"].get("minAvailable"), expected, 0, up=True)
        healthy = sum(is_ready(pod) for pod in pods)
        allowed = max(0, healthy - wanted) if expected else 0
        old = next(iter((obj.get("status") or {}).get("conditions") or ()), {})
        status = "True" if allowed else "False"
        since = old["lastTransitionTime"] if old.get("status") == status else objects.now()
        generation = obj["metadata"]["generation"]
        result = {
            "observedGeneration": generation, "disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": wanted,
            "expectedPods": expected,
            "conditions": [
                {"type": "DisruptionAllowed", "status": status, "observedGeneration": generation, "lastTransitionTime": since,
                 "reason": "SufficientPods" if allowed else "InsufficientPods", "message": ""}
            ],
        }  # fmt: skip
        write_status(self.store, self.resource, obj, result)
        return None

    def _expected(self, pods: list[Object]) -> int:
        """Return how many pods the owners of these want."""
        owners: dict[str, int] = {}
        for pod in pods:
            owner = controller_of(pod)
            if owner is None or owner["kind"] not in _SCALED:
                owners[pod["metadata"]["uid"]] = 1
                continue
            found = self.store.peek(_SCALED[owner["kind"]], pod["metadata"]["namespace"], owner["name"])
            owners[owner["uid"]] = found["spec"].get("replicas", 1) if found is not None else 0
        return sum(owners.values())
