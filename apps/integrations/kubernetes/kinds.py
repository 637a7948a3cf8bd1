"""Where each kind lives on the API server: a table, so that no call starts with discovery.

https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Kind:
    """A kind of object. Make one yourself for a custom resource that is not in the table."""

    api_version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """Return the API group, empty for the core group."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the URL path of the collection, an object, or a subresource; all namespaces without a namespace.

        Raises:
            ValueError: a namespaced object without its namespace.
        """
        parts = ["apis" if "/" in self.api_version else "api", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        elif self.namespaced and name:
            raise ValueError(f"{self.name} {name!r} needs a namespace")
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/" + "/".join(parts)


_NAMESPACED = {
    "v1": {
        "Pod": "pods", "Service": "services", "ConfigMap": "configmaps", "Secret": "secrets", "Event": "events",
        "Endpoints": "endpoints", "ServiceAccount": "serviceaccounts", "ResourceQuota": "resourcequotas",
        "LimitRange": "limitranges", "PersistentVolumeClaim": "persistentvolumeclaims",
        "ReplicationController": "replicationcontrollers",
    },
    "apps/v1": {
        "Deployment": "deployments", "ReplicaSet": "replicasets", "StatefulSet": "statefulsets",
        "DaemonSet": "daemonsets", "ControllerRevision": "controllerrevisions",
    },
    "batch/v1": {"Job": "jobs", "CronJob": "cronjobs"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "networking.k8s.io/v1": {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"},
    "discovery.k8s.io/v1": {"EndpointSlice": "endpointslices"},
    "coordination.k8s.io/v1": {"Lease": "leases"},
    "rbac.authorization.k8s.io/v1": {"Role": "roles", "RoleBinding": "rolebindings"},
    "gateway.networking.k8s.io/v1": {"Gateway": "gateways", "HTTPRoute": "httproutes"},
    "networking.istio.io/v1": {"VirtualService": "virtualservices", "DestinationRule": "destinationrules"},
    "metrics.k8s.io/v1beta1": {"PodMetrics": "pods"},
}  # fmt: skip
_CLUSTER_WIDE = {
    "v1": {"Namespace": "namespaces", "Node": "nodes", "PersistentVolume": "persistentvolumes"},
    "storage.k8s.io/v1": {"StorageClass": "storageclasses"},
    "scheduling.k8s.io/v1": {"PriorityClass": "priorityclasses"},
    "networking.k8s.io/v1": {"IngressClass": "ingressclasses"},
    "rbac.authorization.k8s.io/v1": {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"},
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": "customresourcedefinitions"},
    "gateway.networking.k8s.io/v1": {"GatewayClass": "gatewayclasses"},
    "metrics.k8s.io/v1beta1": {"NodeMetrics": "nodes"},
}

KINDS: dict[str, Kind] = {
    name: Kind(api_version, name, plural, namespaced)
    for table, namespaced in ((_NAMESPACED, True), (_CLUSTER_WIDE, False))
    for api_version, names in table.items()
    for name, plural in names.items()
}


def kind_of(kind: str | Kind, api_version: str | None = None) -> Kind:
    """Return the entry for a kind's name (or the entry itself); with another served version, where one is given.

    Raises:
        LookupError: the kind is not in the table, or not of that group.
    """
    if isinstance(kind, Kind):
        return kind
    known = KINDS.get(kind)
    if known is None:
        raise LookupError(f"the kind {kind!r} is not known here")
    if api_version is None or api_version == known.api_version:
        return known
    other = Kind(api_version, known.name, known.plural, known.namespaced)
    if other.group != known.group:
        raise LookupError(f"the kind {kind!r} belongs to the group {known.group!r}, not to {api_version!r}")
    return other
