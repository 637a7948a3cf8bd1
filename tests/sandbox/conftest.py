"""Sandbox servers that run in a thread of the test process: a cluster's API alone, and one with its node."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from deploy.sandbox.common.host import Context, Host, Server
from deploy.sandbox.kubernetes.pods.client import kill_all
from deploy.sandbox.kubernetes.server import Cluster

from .node.kube import push_image
from .node.serve import servers

T = TypeVar("T")


def wait_until(check: Callable[[], T], timeout: float = 10.0) -> T:
    """Return the first true answer of `check`; fail when none comes in time."""
    deadline = time.monotonic() + timeout
    while not (answer := check()):
        assert time.monotonic() < deadline, f"nothing came in {timeout} s"
        time.sleep(0.02)
    return answer


class Running:
    """A host with the servers that `make` returns, in a thread with an event loop of its own."""

    def __init__(self, state: Path, make: Callable[[Context], list[Server]]) -> None:
        self.state = state
        self._make = make
        self.start()

    def start(self) -> None:
        """Start on the state that is there."""
        (self.state / "endpoints.json").unlink(missing_ok=True)
        self.host = Host(self.state)
        self.servers = self._make(self.host.context)
        self.loop = asyncio.new_event_loop()
        self._until = asyncio.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: (self.state / "endpoints.json").exists() or not self._thread.is_alive(), 30)
        if self._failure is not None:
            raise self._failure
        self.endpoints: dict[str, Any] = json.loads((self.state / "endpoints.json").read_text())

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.host.run(self.servers, self._until))
        except BaseException as exc:  # noqa: BLE001, the test's thread raises it
            self._failure = exc
        finally:
            self.loop.run_until_complete(asyncio.sleep(0.2))  # transports close a moment after their servers
            self.loop.close()

    def call(self, function: Callable[[], T]) -> T:
        """Return what a function gives in the servers' thread."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def stop(self) -> None:
        """Stop all servers in order."""
        self.loop.call_soon_threadsafe(self._until.set)
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture(scope="session")
def api_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A cluster `north` without node and controllers, for the whole session; use namespaces of your own."""
    running = Running(tmp_path_factory.mktemp("api"), lambda context: [Cluster(context, "north", node=False)])
    yield running
    running.stop()


@pytest.fixture(scope="session")
def node_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Harbor with the test image (v1, v2), the cluster `north` with its node, and its Ingress; use namespaces of your own."""
    state = tmp_path_factory.mktemp("node")
    running = Running(state, servers)
    for tag in ("v1", "v2"):
        push_image(running.endpoints, "base/node-test", tag, folder=tmp_path_factory.mktemp("blobs"))
    yield running
    running.stop()
    kill_all(state)
