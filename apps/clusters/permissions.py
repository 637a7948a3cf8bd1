"""What Slipway does on a cluster, as RBAC sees it: the one table behind the check and the printed role. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from apps.core.messages import Text
from apps.integrations.kubernetes.entities import Action


@dataclass(frozen=True)
class Need:
    """Verbs on resources of one API group, and what for."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    purpose: Text
    namespaced: bool = True


_WRITE = ("get", "list", "watch", "create", "update", "patch", "delete")
_READ = ("get", "list", "watch")

NEEDS: tuple[Need, ...] = (
    Need("apps", ("deployments",), _WRITE, _("bring versions out and back")),
    Need("apps", ("replicasets", "statefulsets", "daemonsets"), _READ, _("follow rollouts")),
    Need("apps", ("deployments/scale",), ("get", "patch", "update"), _("scale")),
    Need("", ("services", "configmaps", "secrets"), _WRITE, _("what applications consist of")),
    Need("networking.k8s.io", ("ingresses",), _WRITE, _("let people in")),
    Need("autoscaling", ("horizontalpodautoscalers",), _WRITE, _("scale by load")),
    Need("", ("pods", "events"), _READ, _("say why something does not run")),
    Need("", ("pods/log",), ("get",), _("show logs")),
    Need("", ("pods",), ("delete",), _("replace a pod")),
    Need("", ("limitranges", "resourcequotas"), _WRITE, _("default limits and budgets")),
    Need("", ("namespaces",), ("get", "list", "create", "patch"), _("make targets"), namespaced=False),
    Need("", ("nodes",), _READ, _("capacity"), namespaced=False),
    Need("networking.k8s.io", ("ingressclasses",), _READ, _("what can route traffic"), namespaced=False),
)


@dataclass(frozen=True)
class Right:
    """A need, and which of its actions the credential lacks."""

    need: Need
    missing: tuple[str, ...]


def actions() -> Iterator[Action]:
    """Yield each single thing Slipway needs to be allowed, for SelfSubjectAccessReview."""
    for need in NEEDS:
        yield from actions_of(need)


def actions_of(need: Need) -> Iterator[Action]:
    """Yield the single things of one need."""
    for resource in need.resources:
        name, _slash, subresource = resource.partition("/")
        for verb in need.verbs:
            yield Action(verb=verb, resource=name, group=need.group, subresource=subresource)


def rights(missing: Collection[str]) -> list[Right]:
    """Return every need with what is missing of it, those that lack something first."""
    found = [Right(need, tuple(str(each) for each in actions_of(need) if str(each) in missing)) for need in NEEDS]
    return sorted(found, key=lambda right: not right.missing)
