"""The one place that builds clients. A client, with its pool of connections, is kept while its connection stays the same.

Clients are safe to share between threads. After a fork (a Celery pool) the child builds its own.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from .calls import Timeout
from .connection import ClusterConnection, Connection

# Clients are imported where they are built: each brings a library that only some processes need.
if TYPE_CHECKING:
    from .gitlab.client import GitLabClient
    from .harbor.client import HarborClient
    from .harbor.registry import RegistryClient
    from .jenkins.client import JenkinsClient
    from .kubernetes.client import KubernetesClient
    from .prometheus.client import PrometheusClient

KEPT = 64


class _Client(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Client)
_lock = threading.Lock()
# One thread at a time: some libraries import themselves in circles, and a second thread would get half of them.
_importing = threading.Lock()
_clients: OrderedDict[tuple[str, str], _Client] = OrderedDict()


def gitlab(connection: Connection) -> GitLabClient:
    """Return the client of a GitLab."""
    with _importing:
        from .gitlab.client import GitLabClient
    return _kept("gitlab", connection.identity, lambda: GitLabClient(connection))


def jenkins(connection: Connection) -> JenkinsClient:
    """Return the client of a Jenkins."""
    with _importing:
        from .jenkins.client import JenkinsClient
    return _kept("jenkins", connection.identity, lambda: JenkinsClient(connection))


def harbor(connection: Connection) -> HarborClient:
    """Return the client of a Harbor."""
    with _importing:
        from .harbor.client import HarborClient
    return _kept("harbor", connection.identity, lambda: HarborClient(connection))


def registry(connection: Connection) -> RegistryClient:
    """Return the client of the registry that a Harbor is."""
    with _importing:
        from .harbor.registry import RegistryClient
    return _kept("registry", connection.identity, lambda: RegistryClient(connection))


def prometheus(connection: Connection) -> PrometheusClient:
    """Return the client of a Prometheus."""
    with _importing:
        from .prometheus.client import PrometheusClient
    return _kept("prometheus", connection.identity, lambda: PrometheusClient(connection))


def kubernetes(connection: ClusterConnection, *, timeout: Timeout | None = None) -> KubernetesClient:
    """Return the client of a cluster; with other time-outs than usual where somebody waits for the answer."""
    with _importing:
        from .kubernetes.client import KubernetesClient
    kind = f"kubernetes {timeout}" if timeout else "kubernetes"
    return _kept(kind, connection.identity, lambda: KubernetesClient(connection, timeout=timeout))


def warm() -> None:
    """Import what is slow to import, so that the first step of a worker is not the one that waits."""
    with _importing:
        from .kubernetes.transport import load_package
    load_package()


def close_all() -> None:
    """Close every client; the next call builds new ones."""
    with _lock:
        clients = list(_clients.values())
        _clients.clear()
    for client in clients:
        client.close()


def _kept(kind: str, identity: str, build: Callable[[], C]) -> C:
    key = (kind, identity)
    dropped: _Client | None = None
    with _lock:
        client = _clients.get(key)
        if client is None:
            client = _clients[key] = build()
            if len(_clients) > KEPT:
                # Closing returns its idle connections; a request under way in another thread keeps its own.
                _, dropped = _clients.popitem(last=False)
        else:
            _clients.move_to_end(key)
    if dropped is not None:
        dropped.close()
    return cast("C", client)


def _forget() -> None:
    # Two processes must not talk over one socket: the parent's connections are left to the parent.
    global _lock, _importing
    _lock, _importing = threading.Lock(), threading.Lock()
    _clients.clear()


os.register_at_fork(after_in_child=_forget)
atexit.register(close_all)
