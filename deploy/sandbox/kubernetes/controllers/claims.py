"""Bind PersistentVolumeClaims: every claim gets a folder on the node, so every claim is bound at once."""

from __future__ import annotations

from typing import Any

from .base import Controller, write_status

Object = dict[str, Any]


class Claims(Controller):
    """The binder of claims."""

    resource = "persistentvolumeclaims"
    component = "persistentvolume-controller"

    def sync(self, obj: Object) -> float | None:
        """Bind a claim."""
        requested = ((obj["spec"].get("resources") or {}).get("requests") or {}).get("storage", "1Gi")
        status = {
            "phase": "Bound",
            "accessModes": obj["spec"].get("accessModes") or ["ReadWriteOnce"],
            "capacity": {"storage": requested},
        }
        write_status(self.store, self.resource, obj, status)
        return None
