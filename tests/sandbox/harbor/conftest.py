"""A running Harbor of its own for each test module, and clients that know nothing of its code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .registry_client import Registry
from .running import Running


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("harbor"))
    yield running
    running.stop()


@pytest.fixture
def registry(harbor: Running) -> Iterator[Registry]:
    client = harbor.client(harbor.admin)
    yield client
    client.close()
