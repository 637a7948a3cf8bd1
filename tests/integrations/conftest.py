"""The sandbox's servers in a thread of this process: real protocols over TLS, with their journal and faults at hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apps.integrations.connection import ClusterConnection, Connection
from deploy.sandbox.common.faults import Fault
from deploy.sandbox.common.host import Host, Server

START_SECONDS = 60.0


@dataclass
class Sandbox:
    """Some servers of the sandbox, running."""

    host: Host
    endpoints: dict[str, Any]

    @property
    def ca_pem(self) -> str:
        return self.host.context.authority.ca_pem

    def connection(self, system: str, **changes: Any) -> Connection:
        endpoint = self.endpoints[system]
        secret = endpoint.get("token") or endpoint.get("password") or ""
        username = endpoint.get("username") or endpoint.get("user") or ""
        given = {"url": endpoint["url"], "username": username, "secret": secret, "ca_pem": self.ca_pem}
        return Connection(system=system, name=f"sandbox {system}", **(given | changes))

    def cluster(self, name: str, **changes: Any) -> ClusterConnection:
        endpoint = self.endpoints[name]
        given = {"server": endpoint["server"], "token": endpoint["token"], "ca_pem": self.ca_pem}
        return ClusterConnection(name=name, **(given | changes))

    def fault(self, **settings: Any) -> Fault:
        return self.host.context.faults.add(**settings)

    def seen(self, server: str, method: str, path: str) -> list[dict[str, Any]]:
        """Return the requests a server has had, by method and a part of the path."""
        entries = self.host.context.journal.entries(server=server, since=0)
        return [entry for entry in entries if entry["method"] == method and path in entry["path"]]


def run(state: Path, make: Callable[[Host], list[Server]]) -> Iterator[Sandbox]:
    """Serve what `make` returns until the generator is closed."""
    host = Host(state)
    loop = asyncio.new_event_loop()
    until = asyncio.Event()
    failed: list[Exception] = []

    def serve() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(host.run(make(host), until))
        except Exception as exc:  # noqa: BLE001 (raised again in the test's thread)
            failed.append(exc)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(asyncio.sleep(0.1))  # aborted connections are closed in the loop's next rounds
            loop.close()

    ready = state / "endpoints.json"
    thread = threading.Thread(target=serve, name="sandbox", daemon=True)
    thread.start()
    pause = threading.Event()
    for _ in range(int(START_SECONDS / 0.05)):
        if failed:
            raise failed[0]
        if ready.exists():
            break
        pause.wait(0.05)
    else:
        raise TimeoutError("the sandbox did not start")
    endpoints = {server.name: server.endpoints() for server in host.context.servers.values()}
    yield Sandbox(host, endpoints)
    loop.call_soon_threadsafe(until.set)
    thread.join(timeout=START_SECONDS)
    if failed:
        raise failed[0]


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no fault on for the next test."""
    yield
    for name in ("tools", "cluster_api"):
        if name in request.fixturenames:
            request.getfixturevalue(name).host.context.faults.clear()


@pytest.fixture(scope="session")
def cluster_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A Kubernetes API server without a node, named `north`."""
    from deploy.sandbox.kubernetes.server import Cluster

    yield from run(tmp_path_factory.mktemp("cluster"), lambda host: [Cluster(host.context, "north", node=False)])


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """GitLab, Harbor and Jenkins."""
    from deploy.sandbox.gitlab.server import GitLab
    from deploy.sandbox.harbor.server import Harbor
    from deploy.sandbox.jenkins.server import Jenkins

    def make(host: Host) -> list[Server]:
        return [GitLab(host.context), Harbor(host.context), Jenkins(host.context)]

    yield from run(tmp_path_factory.mktemp("tools"), make)
