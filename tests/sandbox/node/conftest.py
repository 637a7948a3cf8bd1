"""A cluster with its node and Ingress, and Harbor with the test image, in a thread of the test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.sandbox.kubernetes.pods.client import kill_all
from tests.sandbox.conftest import Running

from .kube import Kube, push_image
from .serve import servers


@pytest.fixture(scope="session")
def node_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Harbor, the cluster `north` and its Ingress; use namespaces of your own."""
    state = tmp_path_factory.mktemp("node")
    running = Running(state, servers)
    push_image(running.endpoints, "base/node-test", "v1", folder=tmp_path_factory.mktemp("blobs"))
    yield running
    running.stop()
    kill_all(state)


@pytest.fixture
def kube(node_host: Running) -> Iterator[Kube]:
    """A namespace that is deleted afterwards."""
    found = Kube(node_host.endpoints)
    yield found
    for pod in found.list("pods"):
        found.delete("pods", pod["metadata"]["name"], "?gracePeriodSeconds=0")
    found.client.call("DELETE", f"/api/v1/namespaces/{found.namespace}")
    found.client.pool.clear()
