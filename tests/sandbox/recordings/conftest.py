from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.conftest import Running
from tests.sandbox.kubernetes.client import Client
from tests.sandbox.node.kube import push_image

from .scenes import IMAGES, program


def _administrator(host: Running) -> Client:
    found = host.endpoints["north"]
    return Client(found["server"], host.endpoints["ca"], found["token"])


@pytest.fixture
def client(api_host: Running) -> Iterator[Client]:
    """The administrator of a cluster without a node."""
    administrator = _administrator(api_host)
    yield administrator
    administrator.pool.clear()


@pytest.fixture(scope="session")
def recorded_images(node_host: Running, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return where the images of the recordings are: `demo/web:v1` is this and `-web:v1`."""
    for name, tag in IMAGES:
        folder = tmp_path_factory.mktemp("blobs")
        push_image(node_host.endpoints, f"base/recorded-{name}", tag, changes=[program(name)], folder=folder)
    return f"{node_host.endpoints['harbor']['registry']}/base/recorded"


@pytest.fixture
def whole(node_host: Running) -> Iterator[Client]:
    """The administrator of a cluster with its node."""
    administrator = _administrator(node_host)
    yield administrator
    administrator.pool.clear()
