from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.conftest import Running
from tests.sandbox.kubernetes.client import Client, new_namespace

from .runner import Kubectl


@pytest.fixture
def kubectl(node_host: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl in a namespace that is deleted afterwards; what it caches is shared."""
    found = node_host.endpoints["north"]
    client = Client(found["server"], node_host.endpoints["ca"], found["token"])
    registry = node_host.endpoints["harbor"]["registry"]
    names = {
        "ns": new_namespace(client), "node": "north-node-1",
        "image": f"{registry}/base/node-test:v1", "image2": f"{registry}/base/node-test:v2",
    }  # fmt: skip
    home = tmp_path_factory.getbasetemp() / "kubectl-home"
    home.mkdir(exist_ok=True)
    yield Kubectl(found["kubeconfig"], home, names)
    client.call("DELETE", f"/api/v1/namespaces/{names['ns']}")
    client.pool.clear()
