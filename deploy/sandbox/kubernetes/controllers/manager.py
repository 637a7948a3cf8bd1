"""All controllers of one cluster, and its scheduler."""

from __future__ import annotations

from typing import Protocol

from deploy.sandbox.kubernetes.scheduler import Scheduler
from deploy.sandbox.kubernetes.store import Store

from .autoscalers import Autoscalers
from .base import Controller
from .claims import Claims
from .cronjobs import CronJobs
from .daemonsets import DaemonSets
from .deployments import Deployments
from .disruption import DisruptionBudgets
from .endpoints import EndpointSlices
from .event_expiry import EventExpiry
from .garbage import Garbage
from .jobs import Jobs
from .namespaces import Namespaces
from .nodes import Nodes
from .quotas import Quotas
from .replicasets import ReplicaSets
from .statefulsets import StatefulSets

CONTROLLERS: tuple[type[Controller], ...] = (
    Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs, EndpointSlices, DisruptionBudgets, Autoscalers,
    Quotas, Namespaces, Claims, Nodes,
)  # fmt: skip


class Cluster(Protocol):
    """What controllers need of their cluster."""

    name: str
    store: Store


class Controllers:
    """Starts and stops them together."""

    def __init__(self, cluster: Cluster) -> None:
        store = cluster.store
        self._parts = [
            Garbage(store), EventExpiry(store), *(each(store) for each in CONTROLLERS), Scheduler(store, f"{cluster.name}-node-1")
        ]  # fmt: skip

    async def start(self) -> None:
        """Start all."""
        for part in self._parts:
            await part.start()

    async def stop(self) -> None:
        """Stop all."""
        for part in reversed(self._parts):
            await part.stop()
