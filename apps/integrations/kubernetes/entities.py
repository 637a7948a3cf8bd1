"""What the Kubernetes client answers with, where the object itself is not the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Object = dict[str, Any]


@dataclass(frozen=True)
class Applied:
    """The object after an apply (or as a dry run says it would be), and whether it was not there before.

    `warnings` are what the server had to say although it took it: a deprecated version, pods that a policy will refuse.
    """

    object: Object
    created: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing(Generic[T]):
    """All objects of a list, and the version to start a watch from."""

    items: list[T]
    resource_version: str


@dataclass(frozen=True)
class Version:
    """A server's version, as in v1.36.2."""

    major: int
    minor: int
    git_version: str

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True)
class Capabilities:
    """What a cluster can do for us, found by discovery."""

    version: Version
    groups: frozenset[str]
    ingress_controllers: dict[str, str] | None  # of each ingress class; None: we may not list them

    @property
    def ingress_classes(self) -> tuple[str, ...] | None:
        """Return the names of the ingress classes, None where we may not list them."""
        return None if self.ingress_controllers is None else tuple(sorted(self.ingress_controllers))

    @property
    def has_metrics(self) -> bool:
        """Return whether a metrics server answers."""
        return "metrics.k8s.io" in self.groups

    @property
    def has_custom_resources(self) -> bool:
        """Return whether the cluster takes CustomResourceDefinitions."""
        return "apiextensions.k8s.io" in self.groups

    @property
    def has_gateway_api(self) -> bool:
        """Return whether Gateway API objects can be applied."""
        return "gateway.networking.k8s.io" in self.groups

    @property
    def has_istio(self) -> bool:
        """Return whether Istio's traffic objects can be applied."""
        return "networking.istio.io" in self.groups

    @property
    def has_prometheus_operator(self) -> bool:
        """Return whether ServiceMonitors and the like can be applied."""
        return "monitoring.coreos.com" in self.groups

    @property
    def has_cert_manager(self) -> bool:
        """Return whether certificates can be asked for."""
        return "cert-manager.io" in self.groups


@dataclass(frozen=True)
class Action:
    """Something one may be allowed to do: a verb on a resource, as RBAC sees it."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        resource += f".{self.group}" if self.group else ""
        return f"{self.verb} {resource}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True)
class Permission:
    """Whether the connection's credentials may do an action, and the server's reason where it gives one."""

    action: Action
    allowed: bool
    reason: str = ""
