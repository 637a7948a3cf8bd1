"""The node: a worker for each pod bound to it, and the doors by which the API server reaches into pods."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

from deploy.sandbox.common.host import Context
from deploy.sandbox.images.pull import Images
from deploy.sandbox.isolation import probe
from deploy.sandbox.kubernetes.events import Recorder
from deploy.sandbox.kubernetes.pods.client import Execution, Shim, remove_folder
from deploy.sandbox.kubernetes.status import bad_request
from deploy.sandbox.kubernetes.store import Event, Store
from deploy.sandbox.kubernetes.tokens import Tokens

from . import logs
from .addresses import Addresses
from .backoff import Backoff
from .node import Node
from .unit import Unit
from .worker import Worker

Object = dict[str, Any]
HOST_IP = "127.0.0.1"
VERSION = "v1.36.0"
_log = logging.getLogger(__name__)


class Cluster(Protocol):
    """What the node needs of the cluster it belongs to."""

    name: str
    context: Context
    store: Store


class Kubelet:
    """The kubelet of a cluster's one node.

    `stop` leaves the pods running: a new Kubelet on the same state takes them up again.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = cluster.store
        self.host_ip = HOST_IP
        self.capability = probe()
        self.node = Node(cluster.store, f"{cluster.name}-node-1", HOST_IP, VERSION)
        self.events = Recorder(cluster.store, "kubelet", self.node.name)
        self.images = shared_images(cluster.context)
        self.backoff = Backoff.from_environment()
        self.addresses = Addresses(cluster.name, own_network=self.capability.network)
        folder = cluster.context.folder(cluster.name)
        self.pods_folder: Path = folder / "pods"
        self.claims_folder: Path = folder / "volumes"
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._heart: asyncio.Task[None] | None = None
        self._unsubscribe: list[Any] = []

    async def start(self) -> None:
        """Take up the pods that are bound to the node, running or not."""
        self.pods_folder.mkdir(parents=True, exist_ok=True)
        self.node.write_status()
        await self._sweep()
        self._unsubscribe = [
            self.store.subscribe(self._on_pod, "pods"),
            self.store.subscribe(self._on_content, "configmaps"),
            self.store.subscribe(self._on_content, "secrets"),
            self.store.subscribe(self._on_node, "nodes"),
        ]
        for pod in self.store.list("pods"):
            self._consider(pod)
        self._heart = asyncio.create_task(self.node.heartbeat())

    async def stop(self) -> None:
        """Stop working; the pods go on."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        tasks = [*self._tasks.values(), *([self._heart] if self._heart else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()
        self._tasks.clear()

    # Doors for the API server

    async def logs(
        self,
        pod: Object,
        container: str,
        *,
        follow: bool = False,
        previous: bool = False,
        tail_lines: int | None = None,
        since_seconds: int | None = None,
        since_time: str | None = None,
        timestamps: bool = False,
        limit_bytes: int | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield a container's log.

        Raises:
            ApiError: 400 where the container has not run yet, or has no earlier run.
        """
        worker, unit = self._find(pod, container)
        attempt = unit.attempt
        name = pod["metadata"]["name"]
        if previous:
            attempt = unit.last["attempt"] if unit.last is not None else -1
            if attempt < 0:
                raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        elif unit.run is None:
            reason = unit.waiting[0] if unit.waiting is not None else "ContainerCreating"
            pulls = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
            why = "image can't be pulled" if reason in pulls[:2] else reason
            raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}')
        since = dt.datetime.fromisoformat(since_time) if since_time else None
        if since_seconds is not None:
            since = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=since_seconds)
        options = logs.Options(follow, tail_lines, since, timestamps, limit_bytes)
        path = worker.starter.run_folder(container, attempt) / "log"
        if not path.exists():
            yield f"unable to retrieve container logs for {unit.container_id(attempt)}".encode()
            return
        async for piece in logs.read(path, options, lambda: unit.running and unit.attempt == attempt):
            yield piece

    async def exec(self, pod: Object, container: str, command: list[str], *, tty: bool = False) -> Execution:
        """Start a command in a container and return its streams (open file descriptors) and its end.

        Raises:
            ApiError: 400 for a container that is not there.
            ExecError: it does not run, or has no such command.
        """
        worker, _ = self._find(pod, container)
        return await worker.shim.exec(container, command, tty=tty)

    async def attach(self, pod: Object, container: str) -> Execution:
        """Return the streams of a container's own process.

        Raises:
            ApiError: 400 for a container that is not there.
            ExecError: it does not run.
        """
        worker, _ = self._find(pod, container)
        return await worker.shim.attach(container)

    async def dial(self, pod: Object, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection to a port of the pod.

        Raises:
            OSError: nobody listens there, or the pod is gone.
        """
        return await asyncio.open_connection(sock=await self.dial_socket(pod, port))

    async def dial_socket(self, pod: Object, port: int, timeout: float = 5.0) -> socket.socket:
        """Return the connection as a socket.

        Raises:
            OSError: nobody listens there, or the pod is gone.
        """
        return await Shim(self.pods_folder / pod["metadata"]["uid"]).dial(port, timeout)

    def issue_token(self, namespace: str, account: str) -> str:
        """Return a token of a ServiceAccount for a pod's volume; none where the cluster has no API server."""
        tokens: Tokens | None = getattr(self.cluster, "tokens", None)
        found = self.store.peek("serviceaccounts", namespace, account)
        return tokens.issue(found, seconds=None) if tokens is not None and found is not None else ""

    def _find(self, pod: Object, container: str) -> tuple[Worker, Unit]:
        worker = self._workers.get(pod["metadata"]["uid"])
        unit = worker.unit(container) if worker is not None else None
        if worker is None or unit is None:
            raise bad_request(f"container {container} is not valid for pod {pod['metadata']['name']}")
        return worker, unit

    # Pods

    def _on_pod(self, event: Event) -> None:
        uid = event.object["metadata"]["uid"]
        worker = self._workers.get(uid)
        if worker is not None:
            worker.changed(event.object, gone=event.type == "DELETED")
        elif event.type != "DELETED":
            self._consider(event.object)

    def _on_content(self, event: Event) -> None:
        if event.type != "MODIFIED":
            return
        namespace = event.object["metadata"]["namespace"]
        for worker in self._workers.values():
            if worker.pod["metadata"]["namespace"] == namespace:
                worker.refresh_volumes()

    def _on_node(self, event: Event) -> None:
        """Tell in an event that somebody cordoned the node, or uncordoned it."""
        if event.object["metadata"]["name"] != self.node.name or event.previous is None:
            return
        now, before = (bool(each["spec"].get("unschedulable")) for each in (event.object, event.previous))
        if now != before:
            reason = "NodeNotSchedulable" if now else "NodeSchedulable"
            self.events.record(event.object, "Normal", reason, f"Node {self.node.name} status is now: {reason}")

    def _consider(self, pod: Object) -> None:
        """Begin to work on a pod that is ours."""
        if pod["spec"].get("nodeName") != self.node.name:
            return
        uid = pod["metadata"]["uid"]
        self._workers[uid] = Worker(self, pod)
        self._tasks[uid] = asyncio.create_task(self._work(uid))

    async def _work(self, uid: str) -> None:
        while True:
            try:
                await self._workers[uid].run()
            except asyncio.CancelledError:
                raise
            except Exception:  # noqa: BLE001 - one pod's trouble must not stop the node
                _log.exception("pod %s", uid)
                await asyncio.sleep(1)
                self._workers[uid] = Worker(self, self._workers[uid].pod)
            else:
                break
        self._workers.pop(uid, None)
        self._tasks.pop(uid, None)

    async def _sweep(self) -> None:
        """End pods that were deleted while nobody looked."""
        known = {pod["metadata"]["uid"] for pod in self.store.scan("pods")}
        for folder in self.pods_folder.iterdir():
            if folder.name not in known:
                with contextlib.suppress(OSError):
                    await Shim(folder).quit()
                remove_folder(folder)


_images: dict[Path, Images] = {}


def shared_images(context: Context) -> Images:
    """Return the image cache that all clusters of a sandbox share."""
    folder = context.folder("node-images")
    if folder not in _images:
        _images[folder] = Images(folder, context.authority.client_context())
    return _images[folder]
