"""What Slipway does on a cluster, as RBAC sees it: the one table behind the check and the printed role. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apps.integrations.kubernetes.entities import Action


@dataclass(frozen=True)
class Need:
    """Verbs on resources of one API group, and what for."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    purpose: str
    namespaced: bool = True


_WRITE = ("get", "list", "watch", "create", "update", "patch", "delete")
_READ = ("get", "list", "watch")

NEEDS: tuple[Need, ...] = (
    Need("apps", ("deployments",), _WRITE, "bring versions out and back"),
    Need("apps", ("replicasets", "statefulsets", "daemonsets"), _READ, "follow rollouts"),
    Need("apps", ("deployments/scale",), ("get", "patch", "update"), "scale"),
    Need("", ("services", "configmaps", "secrets"), _WRITE, "what applications consist of"),
    Need("networking.k8s.io", ("ingresses",), _WRITE, "let people in"),
    Need("autoscaling", ("horizontalpodautoscalers",), _WRITE, "scale by load"),
    Need("", ("pods", "events"), _READ, "say why something does not run"),
    Need("", ("pods/log",), ("get",), "show logs"),
    Need("", ("pods",), ("delete",), "replace a pod"),
    Need("", ("limitranges", "resourcequotas"), _WRITE, "default limits and budgets"),
    Need("", ("namespaces",), ("get", "list", "create", "patch"), "make targets", namespaced=False),
    Need("", ("nodes",), _READ, "capacity", namespaced=False),
    Need("networking.k8s.io", ("ingressclasses",), _READ, "what can route traffic", namespaced=False),
)


def actions() -> Iterator[Action]:
    """Yield each single thing Slipway needs to be allowed, for SelfSubjectAccessReview."""
    for need in NEEDS:
        for resource in need.resources:
            name, _, subresource = resource.partition("/")
            for verb in need.verbs:
                yield Action(verb=verb, resource=name, group=need.group, subresource=subresource)
