from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.conftest import Running

from .kube import Kube


@pytest.fixture
def kube(node_host: Running) -> Iterator[Kube]:
    """A namespace that is deleted afterwards."""
    found = Kube(node_host.endpoints)
    yield found
    for pod in found.list("pods"):
        found.delete("pods", pod["metadata"]["name"], "?gracePeriodSeconds=0")
    found.client.call("DELETE", f"/api/v1/namespaces/{found.namespace}")
    found.client.pool.clear()
