"""The Node object: what it can give, that it is ready, and its heartbeat.

https://kubernetes.io/docs/reference/node/node-status/
"""

from __future__ import annotations

import asyncio
import os
import platform
from typing import Any

from deploy.sandbox.kubernetes import objects
from deploy.sandbox.kubernetes.store import Store

Object = dict[str, Any]
LEASE_EVERY = 10.0
STATUS_EVERY = 300.0
LEASE_SECONDS = 40
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class Node:
    """The one node of a cluster. Its size is the sandbox's word, not the machine's: nothing is reserved for anybody."""

    capacity = {"cpu": "16", "ephemeral-storage": "100Gi", "hugepages-2Mi": "0", "memory": "32Gi", "pods": "500"}
    allocatable = capacity

    def __init__(self, store: Store, name: str, host_ip: str, version: str) -> None:
        self._store = store
        self.name = name
        self._host_ip = host_ip
        self._version = version

    async def heartbeat(self) -> None:
        """Keep the node's status and lease fresh."""
        last_status = 0.0
        while True:
            loop_time = asyncio.get_running_loop().time()
            if loop_time - last_status >= STATUS_EVERY or last_status == 0.0:
                self.write_status()
                last_status = loop_time
            self._renew_lease()
            await asyncio.sleep(LEASE_EVERY)

    def write_status(self) -> None:
        """Create the node where it is missing and write its status."""
        node = self._store.get("nodes", None, self.name)
        if node is None:
            labels = {
                "beta.kubernetes.io/arch": _arch(), "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": _arch(),
                "kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux",
            }  # fmt: skip
            node = self._store.create("nodes", {"metadata": {"name": self.name, "labels": labels}, "spec": {}})
        old = {condition["type"]: condition for condition in (node.get("status") or {}).get("conditions") or ()}
        now = objects.now()
        node["status"] = {
            "capacity": self.capacity, "allocatable": self.allocatable,
            "conditions": [
                {"type": name, "status": status, "lastHeartbeatTime": now,
                 "lastTransitionTime": old[name]["lastTransitionTime"] if old.get(name, {}).get("status") == status else now,
                 "reason": reason, "message": message}
                for name, status, reason, message in _CONDITIONS
            ],
            "addresses": [{"type": "InternalIP", "address": self._host_ip}, {"type": "Hostname", "address": self.name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": platform.release(), "osImage": "Slipway sandbox",
                "containerRuntimeVersion": "containerd://2.1.0", "kubeletVersion": self._version,
                "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": _arch(),
            },
        }  # fmt: skip
        node["metadata"].pop("resourceVersion", None)
        self._store.update("nodes", node, status=True)

    def _renew_lease(self) -> None:
        namespace = "kube-node-lease"
        if self._store.peek("namespaces", None, namespace) is None:
            return
        now = objects.micro_now()
        lease = self._store.get("leases.coordination.k8s.io", namespace, self.name)
        if lease is None:
            spec = {"holderIdentity": self.name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
            self._store.create(
                "leases.coordination.k8s.io", {"metadata": {"name": self.name, "namespace": namespace}, "spec": spec}
            )
            return
        lease["spec"] |= {"renewTime": now}
        lease["metadata"].pop("resourceVersion", None)
        self._store.update("leases.coordination.k8s.io", lease)


def _arch() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
