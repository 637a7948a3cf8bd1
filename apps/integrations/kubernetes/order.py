"""In which order kinds are applied, and removed: what others refer to comes first, and goes last. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T", bound=Mapping[str, Any])

# Policies before what they judge, configuration before what reads it, workloads before what sends traffic to them:
# an Ingress or a route that exists before its pods answers 503 to people.
APPLY_ORDER: tuple[str, ...] = (
    "Namespace",
    "PriorityClass",
    "StorageClass",
    "CustomResourceDefinition",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Secret",
    "ConfigMap",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "Service",
    "DaemonSet",
    "StatefulSet",
    "Deployment",
    "ReplicaSet",
    "Pod",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "DestinationRule",
    "Gateway",
    "Ingress",
    "HTTPRoute",
    "VirtualService",
)
_RANK = {kind: rank for rank, kind in enumerate(APPLY_ORDER)}


def apply_order(objects: Iterable[T]) -> list[T]:
    """Return the objects in the order to apply them; unknown kinds last; by namespace and name within a kind."""
    return sorted(objects, key=_sort_key)


def prune_order(objects: Iterable[T]) -> list[T]:
    """Return the objects in the order to delete them: the reverse of applying."""
    return sorted(objects, key=_sort_key, reverse=True)


def _sort_key(manifest: Mapping[str, Any]) -> tuple[int, str, str, str]:
    kind, metadata = str(manifest.get("kind", "")), manifest.get("metadata") or {}
    return _RANK.get(kind, len(_RANK)), kind, str(metadata.get("namespace", "")), str(metadata.get("name", ""))
