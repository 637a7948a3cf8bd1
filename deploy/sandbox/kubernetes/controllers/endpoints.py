"""EndpointSlices (and the old Endpoints) of Services: the pods that a Service's selector finds.

https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deploy.sandbox.kubernetes import objects, selectors
from deploy.sandbox.kubernetes.store import Event

from .base import FINAL, Controller, Key, is_ready, phase_of

Object = dict[str, Any]
SLICES = "endpointslices.discovery.k8s.io"
MANAGED_BY = "endpointslice-controller.k8s.io"


class EndpointSlices(Controller):
    """One slice a Service, which is enough for a few hundred pods."""

    resource = "services"
    also = ("pods", SLICES)
    component = "endpoint-slice-controller"

    def concerned(self, event: Event) -> Iterable[Key]:
        """Return the Services that select (or selected) a pod, or the owner of a slice."""
        namespace = event.object["metadata"]["namespace"]
        if event.resource == SLICES:
            if event.type == "DELETED":
                yield from super().concerned(event)
            return
        for service in self.store.scan("services", namespace):
            selector = service["spec"].get("selector")
            if selector and any(
                _selected(selector, obj["metadata"].get("labels") or {})
                for obj in (event.object, event.previous)
                if obj
            ):
                yield (namespace, service["metadata"]["name"])

    def removed(self, obj: Object) -> None:
        """Remove the old Endpoints, which have no owner reference."""
        self.store.delete("endpoints", obj["metadata"]["namespace"], obj["metadata"]["name"])

    def sync(self, obj: Object) -> float | None:
        """Write the Service's slice and Endpoints."""
        selector = obj["spec"].get("selector")
        if not selector or obj["spec"].get("type") == "ExternalName" or "deletionTimestamp" in obj["metadata"]:
            return None
        namespace = obj["metadata"]["namespace"]
        pods = [
            pod for pod in self.store.scan("pods", namespace, labels=selectors.compile_labels(selector))
            if (pod.get("status") or {}).get("podIP") and phase_of(pod) not in FINAL
        ]  # fmt: skip
        publish = bool(obj["spec"].get("publishNotReadyAddresses"))
        ports = _ports(obj, pods)
        self._write_slice(obj, [_endpoint(pod, publish=publish) for pod in pods], ports)
        self._write_endpoints(obj, pods, ports, publish=publish)
        return None

    def _write_slice(self, service: Object, endpoints: list[Object], ports: list[Object]) -> None:
        metadata = service["metadata"]
        wanted = {"addressType": "IPv4", "endpoints": endpoints or None, "ports": ports if endpoints else None}
        labels = {**(metadata.get("labels") or {}), "endpointslice.kubernetes.io/managed-by": MANAGED_BY,
                  "kubernetes.io/service-name": metadata["name"]}  # fmt: skip
        if service["spec"].get("clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        existing = next(
            (each for each in self.store.list(SLICES, metadata["namespace"])
             if any(owner["uid"] == metadata["uid"] for owner in each["metadata"].get("ownerReferences") or ())),
            None,
        )  # fmt: skip
        if existing is None:
            prefix = f"{metadata['name']}-"
            about = {"generateName": prefix, "namespace": metadata["namespace"], "labels": labels,
                     "ownerReferences": [objects.owner_reference(service)]}  # fmt: skip
            self.store.create(SLICES, {"metadata": about, **wanted})
            return
        existing["metadata"]["labels"] = labels
        self.store.update(SLICES, existing | wanted)

    def _write_endpoints(self, service: Object, pods: list[Object], ports: list[Object], *, publish: bool) -> None:
        metadata = service["metadata"]
        groups: dict[str, list[Object]] = {"addresses": [], "notReadyAddresses": []}
        for pod in pods:
            if "deletionTimestamp" in pod["metadata"] and not publish:
                continue
            address = {"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": _reference(pod)}
            groups["addresses" if is_ready(pod) or publish else "notReadyAddresses"].append(address)
        subset: Object = {name: addresses for name, addresses in groups.items() if addresses}
        old_ports = [{key: port[key] for key in ("name", "port", "protocol") if port.get(key)} for port in ports]
        subsets = [subset | {"ports": old_ports}] if subset else []
        labels = {**(metadata.get("labels") or {}), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        existing = self.store.get("endpoints", metadata["namespace"], metadata["name"])
        if existing is None:
            about = {"name": metadata["name"], "namespace": metadata["namespace"], "labels": labels}
            self.store.create("endpoints", {"metadata": about, "subsets": subsets})
            return
        existing["subsets"] = subsets
        self.store.update("endpoints", existing)


def _selected(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def _reference(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def _endpoint(pod: Object, *, publish: bool) -> Object:
    terminating = "deletionTimestamp" in pod["metadata"]
    serving = is_ready(pod) or publish
    endpoint = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": serving and (publish or not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": _reference(pod),
        "nodeName": pod["spec"]["nodeName"],
    }
    if pod["spec"].get("hostname") and pod["spec"].get("subdomain"):
        endpoint["hostname"] = pod["spec"]["hostname"]
    return endpoint


def _ports(service: Object, pods: list[Object]) -> list[Object]:
    result = []
    for port in service["spec"].get("ports") or ():
        number = target_port(port, pods)
        if number is not None:
            entry = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number}
            result.append(entry | ({"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {}))
    return result


def target_port(port: Object, pods: list[Object]) -> int | None:
    """Return the number of a Service's target port; a name is looked up in the pods."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for pod in pods:
        for container in pod["spec"]["containers"]:
            for each in container.get("ports") or ():
                if each.get("name") == target:
                    return int(each["containerPort"])
    return None
