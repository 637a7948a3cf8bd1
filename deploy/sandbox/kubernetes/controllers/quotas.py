"""Keep `status` of ResourceQuotas.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deploy.sandbox.kubernetes.limits import used_in
from deploy.sandbox.kubernetes.store import Event

from .base import Controller, Key, write_status

Object = dict[str, Any]


class Quotas(Controller):
    """The controller of ResourceQuotas."""

    resource = "resourcequotas"
    also = ("pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "deployments.apps", "replicasets.apps",
            "statefulsets.apps", "jobs.batch", "cronjobs.batch", "ingresses.networking.k8s.io")  # fmt: skip
    component = "resourcequota-controller"

    def concerned(self, event: Event) -> Iterable[Key]:
        """Return the quotas of the namespace."""
        namespace = event.object["metadata"]["namespace"]
        return [(namespace, each["metadata"]["name"]) for each in self.store.scan(self.resource, namespace)]

    def sync(self, obj: Object) -> float | None:
        """Count what is used."""
        hard = obj["spec"].get("hard") or {}
        write_status(
            self.store,
            self.resource,
            obj,
            {"hard": hard, "used": used_in(self.store, obj["metadata"]["namespace"], hard)},
        )
        return None
