"""The table of served resources: names, kinds, verbs, subresources and how each is stored.

A resource is named by its plural and group: `pods`, `deployments.apps`, `endpointslices.discovery.k8s.io`.
"""

from __future__ import annotations

from dataclasses import dataclass

READ_WRITE = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
NO_COLLECTION = ("create", "delete", "get", "list", "patch", "update", "watch")
CREATE = ("create",)
GET_UPDATE = ("get", "patch", "update")


@dataclass(frozen=True)
class Subresource:
    """One subresource; `kind` is what it reads or takes, in `group`/`version` where that is not the parent's."""

    name: str
    kind: str
    verbs: tuple[str, ...] = GET_UPDATE
    group: str = ""
    version: str = ""


@dataclass(frozen=True)
class Resource:
    """One served resource."""

    group: str
    version: str
    plural: str
    kind: str
    singular: str
    namespaced: bool = True
    verbs: tuple[str, ...] = READ_WRITE
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    generation: bool = False
    stored_as: str = ""

    @property
    def key(self) -> str:
        """Return the name the store and error messages use."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def storage(self) -> str:
        """Return the key under which objects are kept (events of both groups are the same objects)."""
        return self.stored_as or self.key

    @property
    def api_version(self) -> str:
        """Return `apps/v1` or `v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def has_status(self) -> bool:
        """Return whether `/status` is a door of its own, so that plain updates leave `.status` alone."""
        return any(sub.name == "status" for sub in self.subresources)

    @property
    def review(self) -> bool:
        """Return whether objects are only answered, never kept (access reviews and the like)."""
        return self.verbs == CREATE

    def subresource(self, name: str) -> Subresource | None:
        """Return the subresource of that name, or None."""
        return next((sub for sub in self.subresources if sub.name == name), None)


def _status(kind: str) -> Subresource:
    return Subresource("status", kind)


_SCALE = Subresource("scale", "Scale", group="autoscaling", version="v1")
_STREAM = ("create", "get")


def _core() -> list[Resource]:
    pod = (
        Subresource("attach", "PodAttachOptions", _STREAM),
        Subresource("binding", "Binding", CREATE),
        Subresource("ephemeralcontainers", "Pod"),
        Subresource("eviction", "Eviction", CREATE, "policy", "v1"),
        Subresource("exec", "PodExecOptions", _STREAM),
        Subresource("log", "Pod", ("get",)),
        Subresource("portforward", "PodPortForwardOptions", _STREAM),
        _status("Pod"),
    )
    token = Subresource("token", "TokenRequest", CREATE, "authentication.k8s.io", "v1")
    namespace = (Subresource("finalize", "Namespace", ("update",)), _status("Namespace"))
    claim, quota = "PersistentVolumeClaim", "ResourceQuota"
    controller = (_SCALE, _status("ReplicationController"))

    def core(plural: str, kind: str, short: str = "", **more: object) -> Resource:
        names = (short,) if short else ()
        return Resource("", "v1", plural, kind, kind.lower(), short_names=names, **more)  # type: ignore[arg-type]

    return [
        core("configmaps", "ConfigMap", "cm"),
        core("endpoints", "Endpoints", "ep"),
        core("events", "Event", "ev"),
        core("limitranges", "LimitRange", "limits"),
        core("namespaces", "Namespace", "ns", namespaced=False, verbs=NO_COLLECTION, subresources=namespace),
        core("nodes", "Node", "no", namespaced=False, subresources=(_status("Node"),)),
        core("persistentvolumeclaims", claim, "pvc", subresources=(_status(claim),)),
        core("persistentvolumes", "PersistentVolume", "pv", namespaced=False),
        core("pods", "Pod", "po", categories=("all",), subresources=pod, generation=True),
        core("replicationcontrollers", "ReplicationController", "rc", categories=("all",), subresources=controller,
             generation=True),
        core("resourcequotas", quota, "quota", subresources=(_status(quota),)),
        core("secrets", "Secret"),
        core("serviceaccounts", "ServiceAccount", "sa", subresources=(token,)),
        core("services", "Service", "svc", categories=("all",), subresources=(_status("Service"),)),
    ]  # fmt: skip


def _named(
    group: str,
    plural: str,
    kind: str,
    *short: str,
    version: str = "v1",
    subs: tuple[Subresource, ...] = (),
    all_category: bool = False,
    **more: object,
) -> Resource:
    return Resource(
        group, version, plural, kind, kind.lower(), short_names=short, subresources=subs,
        categories=("all",) if all_category else (), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _apps() -> list[Resource]:
    scaled = {
        kind: (_SCALE, _status(kind)) for kind in ("Deployment", "ReplicaSet", "StatefulSet")
    }  # DaemonSets cannot be scaled
    return [
        _named("apps", "controllerrevisions", "ControllerRevision"),
        _named("apps", "daemonsets", "DaemonSet", "ds", subs=(_status("DaemonSet"),), all_category=True,
               generation=True),
        _named("apps", "deployments", "Deployment", "deploy", subs=scaled["Deployment"], all_category=True,
               generation=True),
        _named("apps", "replicasets", "ReplicaSet", "rs", subs=scaled["ReplicaSet"], all_category=True,
               generation=True),
        _named("apps", "statefulsets", "StatefulSet", "sts", subs=scaled["StatefulSet"], all_category=True,
               generation=True),
    ]  # fmt: skip


def _other_groups() -> list[Resource]:
    network, rbac = "networking.k8s.io", "rbac.authorization.k8s.io"
    hpa, pdb, crd = "HorizontalPodAutoscaler", "PodDisruptionBudget", "CustomResourceDefinition"
    return [
        _named("events.k8s.io", "events", "Event", "ev", stored_as="events"),
        _named("autoscaling", "horizontalpodautoscalers", hpa, "hpa", version="v2", subs=(_status(hpa),),
               all_category=True),
        _named("batch", "cronjobs", "CronJob", "cj", subs=(_status("CronJob"),), all_category=True, generation=True),
        _named("batch", "jobs", "Job", subs=(_status("Job"),), all_category=True, generation=True),
        _named(network, "ingressclasses", "IngressClass", namespaced=False, generation=True),
        _named(network, "ingresses", "Ingress", "ing", subs=(_status("Ingress"),), generation=True),
        _named(network, "networkpolicies", "NetworkPolicy", "netpol", generation=True),
        _named("policy", "poddisruptionbudgets", pdb, "pdb", subs=(_status(pdb),), generation=True),
        _named(rbac, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
        _named(rbac, "clusterroles", "ClusterRole", namespaced=False),
        _named(rbac, "rolebindings", "RoleBinding"),
        _named(rbac, "roles", "Role"),
        _named("storage.k8s.io", "storageclasses", "StorageClass", "sc", namespaced=False),
        _named("apiextensions.k8s.io", "customresourcedefinitions", crd, "crd", "crds", namespaced=False,
               subs=(_status(crd),), generation=True),
        _named("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", namespaced=False),
        _named("coordination.k8s.io", "leases", "Lease"),
        _named("discovery.k8s.io", "endpointslices", "EndpointSlice", generation=True),
    ]  # fmt: skip


def _reviews() -> list[Resource]:
    authentication, authorization = "authentication.k8s.io", "authorization.k8s.io"
    cluster = {"namespaced": False, "verbs": CREATE}
    return [
        _named(authentication, "selfsubjectreviews", "SelfSubjectReview", **cluster),
        _named(authentication, "tokenreviews", "TokenReview", **cluster),
        _named(authorization, "localsubjectaccessreviews", "LocalSubjectAccessReview", verbs=CREATE),
        _named(authorization, "selfsubjectaccessreviews", "SelfSubjectAccessReview", **cluster),
        _named(authorization, "selfsubjectrulesreviews", "SelfSubjectRulesReview", **cluster),
        _named(authorization, "subjectaccessreviews", "SubjectAccessReview", **cluster),
    ]


RESOURCES: tuple[Resource, ...] = (*_core(), *_apps(), *_other_groups(), *_reviews())
BY_KEY: dict[str, Resource] = {resource.key: resource for resource in RESOURCES}
BY_PATH: dict[tuple[str, str, str], Resource] = {
    (resource.group, resource.version, resource.plural): resource for resource in RESOURCES
}
BY_KIND: dict[tuple[str, str], Resource] = {(resource.api_version, resource.kind): resource for resource in RESOURCES}
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(resource.group for resource in RESOURCES if resource.group))


def versions(group: str) -> list[str]:
    """Return the served versions of a group, preferred first."""
    return list(dict.fromkeys(resource.version for resource in RESOURCES if resource.group == group))
