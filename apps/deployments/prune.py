"""Which objects have left the set: pure. Only what carries the application's label and our field manager is ever deleted.

ConfigMaps and Secrets are named by their content, so an old one may still be mounted: those that a ReplicaSet of the
application names are kept, whatever its scale, because going back to it needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]

PRUNED_KINDS = ("Ingress", "HorizontalPodAutoscaler", "Service", "Deployment", "ConfigMap", "Secret")
FIELD_MANAGER = "slipway"


def identity(item: Object) -> tuple[str, str]:
    """Return what tells objects of one namespace apart."""
    return str(item["kind"]), str(item["metadata"]["name"])


def is_ours(item: Object) -> bool:
    """Return whether Slipway applied it: a label alone may have been copied by hand."""
    return any(
        entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        for entry in item["metadata"].get("managedFields") or []
    )


def mounted_names(replicasets: Iterable[Object]) -> set[tuple[str, str]]:
    """Return the ConfigMaps and Secrets that the pod templates of ReplicaSets name."""
    found: set[tuple[str, str]] = set()
    for replicaset in replicasets:
        pod = replicaset["spec"]["template"]["spec"]
        for volume in pod.get("volumes") or []:
            for source in [volume, *((volume.get("projected") or {}).get("sources") or [])]:
                if reference := source.get("configMap"):
                    found.add(("ConfigMap", reference.get("name", "")))
                if reference := source.get("secret"):
                    found.add(("Secret", reference.get("secretName") or reference.get("name", "")))
        for container in [*(pod.get("containers") or []), *(pod.get("initContainers") or [])]:
            for source in container.get("envFrom") or []:
                found.add(("ConfigMap", (source.get("configMapRef") or {}).get("name", "")))
                found.add(("Secret", (source.get("secretRef") or {}).get("name", "")))
            for variable in container.get("env") or []:
                reference = variable.get("valueFrom") or {}
                found.add(("ConfigMap", (reference.get("configMapKeyRef") or {}).get("name", "")))
                found.add(("Secret", (reference.get("secretKeyRef") or {}).get("name", "")))
    return {(kind, name) for kind, name in found if name}


def to_prune(live: Sequence[Object], wanted: Sequence[Object], replicasets: Iterable[Object]) -> list[Object]:
    """Return the live objects to delete, those that route traffic first."""
    kept = {identity(item) for item in wanted} | mounted_names(replicasets)
    left = [item for item in live if identity(item) not in kept and is_ours(item)]
    return sorted(left, key=lambda item: PRUNED_KINDS.index(item["kind"]))
