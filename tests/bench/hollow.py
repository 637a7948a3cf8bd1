"""A node without processes: `python -m tests.bench.hollow SECONDS KUBECONFIG...`, in the manner of KWOK.

Pods bound to it are ready some seconds after they were made, and gone as soon as they are deleted. So hundreds of rollouts
go on at a time on two cores, and what is measured is Slipway. It needs nothing but the API of the cluster.
https://kwok.sigs.k8s.io/docs/user/kwok-in-cluster/
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from apps.integrations import providers
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import Missing
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.kubeconfig import parse_kubeconfig
from apps.integrations.kubernetes.watches import Snapshot, watch

LABEL = "slipway.io/hollow"
NODE = "hollow"
ROOM = {"cpu": "10k", "memory": "100Ti", "pods": "100k", "ephemeral-storage": "100Ti"}
PODS = "app.kubernetes.io/managed-by=slipway"


def stamp(moment: datetime) -> str:
    """Return a time as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def make_node(client: KubernetesClient) -> None:
    """Make the node, big enough for everything."""
    now = stamp(datetime.now(UTC))
    metadata = {"name": NODE, "labels": {LABEL: "yes"}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"providerID": "hollow://node"}}
    client.apply(node, field_manager="hollow")
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": now}
    status = {"capacity": ROOM, "allocatable": ROOM, "conditions": [ready]}
    client.patch("Node", NODE, None, {"status": status}, subresource="status", field_manager="hollow")


def running(pod: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the status of a pod whose containers run and are ready."""
    conditions = [
        {"type": name, "status": "True", "lastTransitionTime": stamp(now)}
        for name in ("Initialized", "PodScheduled", "ContainersReady", "Ready")
    ]
    containers = [
        {
            "name": each["name"],
            "image": each["image"],
            "imageID": each["image"],
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": stamp(now)}},
        }
        for each in pod["spec"]["containers"]
    ]
    return {"phase": "Running", "startTime": stamp(now), "conditions": conditions, "containerStatuses": containers}


async def keep(connection: ClusterConnection, after: float) -> None:
    """Bring the pods of one cluster's node to where they are due, for ever."""
    client = providers.kubernetes(connection)
    make_node(client)
    due: set[asyncio.Task[None]] = set()
    started: set[str] = set()
    async for event in watch(connection, "Pod", labels=PODS):
        for pod in event.items if isinstance(event, Snapshot) else [event.object]:
            metadata = pod["metadata"]
            ending = bool(metadata.get("deletionTimestamp"))
            key = f"{metadata['uid']} {ending}"
            if pod["spec"].get("nodeName") == NODE and key not in started:
                started.add(key)
                due.add(task := asyncio.create_task(bring(client, pod, 0.0 if ending else after)))
                task.add_done_callback(due.discard)


async def bring(client: KubernetesClient, pod: dict[str, Any], after: float) -> None:
    """Have a pod run, or be gone where it is being deleted."""
    await asyncio.sleep(after)
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    if pod["metadata"].get("deletionTimestamp"):
        await asyncio.to_thread(client.delete, "Pod", name, namespace, grace_seconds=0)
        return
    patch = {"status": running(pod, datetime.now(UTC))}
    with contextlib.suppress(Missing):
        await asyncio.to_thread(
            client.patch, "Pod", name, namespace, patch, subresource="status", field_manager="hollow"
        )


async def serve(seconds: float, kubeconfigs: list[str]) -> None:
    """Be the node of each cluster."""
    connections = [parse_kubeconfig(Path(path).read_text())[0] for path in kubeconfigs]
    await asyncio.gather(*[keep(connection, seconds) for connection in connections])


def main() -> None:
    """Run nodes on all clusters whose kubeconfigs are named, until killed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    seconds, *kubeconfigs = sys.argv[1:]
    asyncio.run(serve(float(seconds), kubeconfigs))


if __name__ == "__main__":
    main()
