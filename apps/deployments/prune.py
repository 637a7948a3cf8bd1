"""Which objects have left the set: pure. Only what carries the application's label and our field manager is ever deleted.

ConfigMaps and Secrets are named by their content, so an old one may still be mounted: those that a ReplicaSet of the
application names are kept, whatever its scale, because going back to it needs them; and so are those of the versions that
Slipway itself would go back to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from apps.integrations.kubernetes import ownership
from apps.integrations.kubernetes.field_managers import FIELD_MANAGER

Object = Mapping[str, Any]

# Every kind that rendering makes, also when no set has it any more; in the order of going: first what routes traffic.
PRUNED_KINDS = ("Ingress", "HorizontalPodAutoscaler", "Service", "Deployment", "ConfigMap", "Secret")
NAMED_BY_CONTENT = ("ConfigMap", "Secret")


def identity(item: Object) -> tuple[str, str]:
    """Return what tells objects of one namespace apart."""
    return str(item["kind"]), str(item["metadata"]["name"])


def is_ours(item: Object) -> bool:
    """Return whether Slipway applied it: a label alone may have been copied by hand, or by a controller to what it makes."""
    controlled = any(owner.get("controller") for owner in item["metadata"].get("ownerReferences") or [])
    return bool(ownership.applied_by(item, FIELD_MANAGER)) and not controlled


def left_the_set(live: Sequence[Object], wanted: Sequence[Object]) -> list[Object]:
    """Return the live objects of ours that are not wanted any more, those that route traffic first."""
    kept = {identity(item) for item in wanted}
    left = [
        item
        for item in live
        if identity(item) not in kept and is_ours(item) and not item["metadata"].get("deletionTimestamp")
    ]
    return sorted(left, key=lambda item: PRUNED_KINDS.index(item["kind"]))


def to_prune(
    left: Sequence[Object], replicasets: Iterable[Object], kept: Collection[tuple[str, str]] = ()
) -> list[Object]:
    """Return what may be deleted of the objects that left the set: not what a version to go back to needs."""
    needed = mounted_names(replicasets).union(kept)
    return [item for item in left if identity(item) not in needed]


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
