"""What happens to every write before it is kept: defaults, namespace rules, service accounts, limits, quota, checks.

Both doors lead through here: HTTP requests and the controllers in this process.
"""

from __future__ import annotations

import ipaddress
import random
from typing import Any

from . import defaults, limits, objects, validation
from .apply import track_update
from .resources import Resource
from .status import Cause, Forbidden, NotFound
from .store import Store, Writer

Object = dict[str, Any]
_SERVICE_NETWORK = ipaddress.ip_network("10.96.0.0/16")
_NODE_PORTS = range(30000, 32768)
_CONTROLLER = "kube-controller-manager"
_FREE_IN_TERMINATING = {"events", "localsubjectaccessreviews.authorization.k8s.io"}


class Admission:
    """The chain of one cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_create(self, resource: Resource, obj: Object, writer: Writer | None) -> Object:
        """Return the object to keep, with defaults.

        Raises:
            ApiError: it is refused.
        """
        if resource.namespaced:
            self._check_namespace(resource, obj)
        defaults.set_defaults(resource.storage, obj)
        if resource.has_status:
            obj.pop("status", None)
            status = defaults.first_status(resource.key)
            if status is not None:
                obj["status"] = status
        if resource.key == "pods":
            self._admit_pod(obj)
        elif resource.key == "services":
            self._give_addresses(obj)
        validation.check_create(resource, obj)
        if resource.namespaced:
            limits.check_quota(self._store, resource, obj)
        if writer is not None and not writer.applied:
            track_update(resource, None, obj, writer.manager, writer.subresource)
        return objects.ordered(resource, obj)

    def on_update(self, resource: Resource, obj: Object, old: Object, writer: Writer | None, *, status: bool) -> Object:
        """Return the object to keep in place of `old`.

        Raises:
            ApiError: it is refused.
        """
        if not status:
            defaults.set_defaults(resource.storage, obj)
            if resource.key == "services":
                self._keep_addresses(obj, old)
            elif resource.key == "pods":
                self._keep_account(obj, old)
            if not (writer is not None and writer.subresource == "ephemeralcontainers"):
                validation.check_update(resource, obj, old)
        if writer is None and not old["metadata"].get("managedFields"):
            return obj  # controllers' own objects carry no bookkeeping
        if writer is None or not writer.applied:
            manager = writer.manager if writer is not None else _CONTROLLER
            subresource = writer.subresource if writer is not None else "status" if status else ""
            track_update(resource, old, obj, manager, subresource)
        return obj

    def _check_namespace(self, resource: Resource, obj: Object) -> None:
        metadata = obj["metadata"]
        namespace = self._store.peek("namespaces", None, metadata.get("namespace", ""))
        if namespace is None:
            raise NotFound("namespaces", metadata.get("namespace", ""))
        if "deletionTimestamp" in namespace["metadata"] and resource.storage not in _FREE_IN_TERMINATING:
            name = namespace["metadata"]["name"]
            why = f"unable to create new content in namespace {name} because it is being terminated"
            cause = Cause("NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace")
            raise Forbidden(resource.key, metadata.get("name", ""), why, [cause])

    def _admit_pod(self, pod: Object) -> None:
        limits.apply_ranges(self._store, pod)
        self._give_account(pod)
        spec = pod["spec"]
        known = {(each.get("key"), each.get("effect")) for each in spec.get("tolerations") or ()}
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
            if (key, "NoExecute") not in known:
                toleration = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
                spec["tolerations"] = [*(spec.get("tolerations") or ()), toleration]
        pod["status"] = {"phase": "Pending", "qosClass": limits.quality(spec)}
        limits.check_ranges(self._store, pod)

    def _give_account(self, pod: Object) -> None:
        """Set the ServiceAccount `default` where none is named, its pull secrets, and mount its token."""
        spec, namespace = pod["spec"], pod["metadata"]["namespace"]
        name = spec.get("serviceAccountName") or "default"
        account = self._store.peek("serviceaccounts", namespace, name)
        if account is None:
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise Forbidden("pods", pod["metadata"]["name"], why)
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [dict(reference) for reference in account["imagePullSecrets"]]
        mounted = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
        target = "/var/run/secrets/kubernetes.io/serviceaccount"
        if not mounted:
            return
        volume = f"kube-api-access-{objects.suffix()}"
        used = False
        for container in defaults.containers(spec):
            mounts = container.get("volumeMounts") or []
            if all(mount.get("mountPath") != target for mount in mounts):
                container["volumeMounts"] = [*mounts, {"name": volume, "readOnly": True, "mountPath": target}]
                used = True
        if used:
            spec["volumes"] = [*(spec.get("volumes") or ()), _token_volume(volume)]

    @staticmethod
    def _keep_account(pod: Object, old: Object) -> None:
        """A client-side manifest knows nothing of what admission put in; keep it on updates."""
        for field in ("serviceAccountName", "serviceAccount", "priority", "preemptionPolicy", "enableServiceLinks"):
            if field in old["spec"] and field not in pod["spec"]:
                pod["spec"][field] = old["spec"][field]

    def _give_addresses(self, service: Object) -> None:
        spec = service["spec"]
        if spec["type"] == "ExternalName":
            return
        if not spec.get("clusterIP"):
            used = {each["spec"].get("clusterIP") for each in self._store.scan("services")}
            address = str(_SERVICE_NETWORK[random.randrange(256, _SERVICE_NETWORK.num_addresses - 1)])
            while address in used:
                address = str(_SERVICE_NETWORK[random.randrange(256, _SERVICE_NETWORK.num_addresses - 1)])
            spec["clusterIP"] = address
        spec["clusterIPs"] = [spec["clusterIP"]]
        defaults.fill(spec, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
        self._give_node_ports(spec)

    def _give_node_ports(self, spec: Object) -> None:
        if spec["type"] not in ("NodePort", "LoadBalancer"):
            return
        used = {port.get("nodePort") for each in self._store.scan("services") for port in each["spec"].get("ports", ())}
        free = (number for number in _NODE_PORTS if number not in used)
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = next(free)

    def _keep_addresses(self, service: Object, old: Object) -> None:
        spec, before = service["spec"], old["spec"]
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if field in before and field not in spec:
                spec[field] = before[field]
        if spec["type"] != "ExternalName" and not spec.get("clusterIP"):
            self._give_addresses(service)
        old_ports = {port["port"]: port.get("nodePort") for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            if spec["type"] != "ClusterIP" and not port.get("nodePort") and old_ports.get(port["port"]):
                port["nodePort"] = old_ports[port["port"]]
        self._give_node_ports(spec)


def _token_volume(name: str) -> Object:
    certificate = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": certificate},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
