"""What a cluster has before anybody uses it: namespaces, its node, built-in roles and bindings."""

from __future__ import annotations

from typing import Any

from .access import MASTERS, RBAC
from .store import Store

Object = dict[str, Any]
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_CORE = ["configmaps", "endpoints", "persistentvolumeclaims", "pods", "replicationcontrollers", "serviceaccounts",
         "services"]  # fmt: skip
_CORE_READ = [*_CORE, "bindings", "events", "limitranges", "namespaces", "namespaces/status", "pods/log",
              "pods/status", "resourcequotas", "resourcequotas/status"]  # fmt: skip
_APPS = ["controllerrevisions", "daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale",
         "statefulsets", "statefulsets/scale"]  # fmt: skip
_OTHERS = {
    "autoscaling": ["horizontalpodautoscalers"],
    "batch": ["cronjobs", "jobs"],
    "policy": ["poddisruptionbudgets"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "discovery.k8s.io": ["endpointslices"],
}
_STREAMS = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy"]


_NODE_NETWORK = {"podCIDR": "10.88.0.0/16", "podCIDRs": ["10.88.0.0/16"]}


def _rule(group: str, resources: list[str], verbs: list[str]) -> Object:
    return {"verbs": verbs, "apiGroups": [group], "resources": resources}


def _view() -> list[Object]:
    rules = [_rule("", _CORE_READ, _READ), _rule("apps", _APPS, _READ)]
    return rules + [_rule(group, resources, _READ) for group, resources in _OTHERS.items()]


def _edit() -> list[Object]:
    written = {"": [*_CORE, "secrets", "events", "pods/eviction"], "apps": _APPS, **_OTHERS}
    extra = [
        _rule("", ["secrets", *_STREAMS], _READ), _rule("", _STREAMS, ["create"]),
        _rule("", ["serviceaccounts/token"], ["create"]), _rule("coordination.k8s.io", ["leases"], [*_READ, *_WRITE]),
    ]  # fmt: skip
    return _view() + extra + [_rule(group, resources, _WRITE) for group, resources in written.items()]


def _admin() -> list[Object]:
    return [*_edit(), _rule(RBAC, ["rolebindings", "roles"], [*_READ, *_WRITE])]


def _roles() -> dict[str, list[Object]]:
    health = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
    found = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    return {
        "cluster-admin": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
            {"verbs": ["*"], "nonResourceURLs": ["*"]},
        ],
        "admin": _admin(),
        "edit": _edit(),
        "view": _view(),
        "system:basic-user": [
            _rule("authorization.k8s.io", reviews, ["create"]),
            _rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
        ],
        "system:discovery": [{"verbs": ["get"], "nonResourceURLs": [*found, *health]}],
        "system:public-info-viewer": [{"verbs": ["get"], "nonResourceURLs": health}],
    }


_BINDINGS = {
    "cluster-admin": (MASTERS,),
    "system:basic-user": ("system:authenticated",),
    "system:discovery": ("system:authenticated",),
    "system:public-info-viewer": ("system:authenticated", "system:unauthenticated"),
}


def bootstrap(store: Store, cluster: str, ca_pem: str) -> None:
    """Create what is missing; safe to run at every start."""
    for name in NAMESPACES:
        if store.peek("namespaces", None, name) is None:
            store.create("namespaces", {"metadata": {"name": name}})
        furnish(store, name, ca_pem)
    node = f"{cluster}-node-1"
    if store.peek("nodes", None, node) is None:
        labels = {
            "kubernetes.io/hostname": node, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
        }  # fmt: skip
        store.create("nodes", {"metadata": {"name": node, "labels": labels}, "spec": _NODE_NETWORK})
    for name, rules in _roles().items():
        if store.peek(f"clusterroles.{RBAC}", None, name) is None:
            metadata = {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}
            store.create(f"clusterroles.{RBAC}", {"metadata": metadata, "rules": rules})
    for name, groups in _BINDINGS.items():
        if store.peek(f"clusterrolebindings.{RBAC}", None, name) is None:
            subjects = [{"kind": "Group", "name": group, "apiGroup": RBAC} for group in groups]
            reference = {"kind": "ClusterRole", "name": name, "apiGroup": RBAC}
            labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
            obj = {"metadata": {"name": name, "labels": labels}, "subjects": subjects, "roleRef": reference}
            store.create(f"clusterrolebindings.{RBAC}", obj)
    if store.peek("ingressclasses.networking.k8s.io", None, "nginx") is None:
        obj = {"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}
        store.create("ingressclasses.networking.k8s.io", obj)


def furnish(store: Store, namespace: str, ca_pem: str) -> None:
    """Give a namespace its ServiceAccount `default` and the CA's ConfigMap, as two controllers do."""
    kept = store.peek("namespaces", None, namespace)
    if kept is None or "deletionTimestamp" in kept["metadata"]:
        return
    if store.peek("serviceaccounts", namespace, "default") is None:
        store.create("serviceaccounts", {"metadata": {"name": "default", "namespace": namespace}})
    if store.peek("configmaps", namespace, "kube-root-ca.crt") is None:
        text = (
            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as "
            "the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
            "Kubernetes clusters."
        )
        metadata = {
            "name": "kube-root-ca.crt", "namespace": namespace,
            "annotations": {"kubernetes.io/description": text},
        }  # fmt: skip
        store.create("configmaps", {"metadata": metadata, "data": {"ca.crt": ca_pem}})
