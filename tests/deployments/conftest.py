from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests import world as worlds
from tests.deployments import world as places
from tests.sandbox_process import Sandbox


@pytest.fixture
def world(sandbox: Sandbox, transactional_db: None) -> worlds.World:
    """A project of its own in this worker's sandbox."""
    return worlds.make(sandbox)


@pytest.fixture
def place(sandbox: Sandbox, transactional_db: None) -> Iterator[places.Place]:
    """An application with an image and a target, ready to be deployed; its pods are gone afterwards."""
    made = places.make(sandbox)
    cache.clear()  # another run's cluster of the same number may have left its circuit open
    client = made.client  # before a test takes its rights away
    yield made
    client.delete("Deployment", made.application.slug, made.target.namespace)
