from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.conftest import Running

from .client import Client, new_namespace


@pytest.fixture
def client(api_host: Running) -> Iterator[Client]:
    """The administrator."""
    found = api_host.endpoints["north"]
    administrator = Client(found["server"], api_host.endpoints["ca"], found["token"])
    yield administrator
    administrator.pool.clear()


@pytest.fixture
def namespace(client: Client) -> str:
    return new_namespace(client)
